"""Carries notices to the people they are for: its own loop and its own recipients, apart from agents' mail."""

import asyncio

import structlog

from server.delivery.dkim import SigningError
from server.delivery.flight import BrokenOff, Flight, take
from server.delivery.outcome import Bounced, Deferred, Sent
from server.delivery.signers import Signers
from server.delivery.stamp import stamp
from server.delivery.worker import LOOK_SECONDS, Capture, Carrier
from storage.errors import StorageError
from storage.records import Notice
from storage.wakeups import wait
from tools import notices
from tools.approvals import NOTICES
from tools.context import Context
from tools.letter import Letter

AT_ONCE = 20

Carried = Sent | Deferred | Bounced

log = structlog.get_logger("gatepost.notices")


class Postman:
    """Sends what is due of notices."""

    def __init__(self, context: Context, carrier: Carrier, signers: Signers, *, captured: bool) -> None:
        self._context = context
        self._carrier = carrier
        self._signers = signers
        self._captured = captured
        self._running: set[asyncio.Task[None]] = set()
        self._flight = Flight()

    async def run(self) -> None:
        """Work until cancelled; then what is in flight is finished or handed back."""
        try:
            with self._context.db.wakeups.listen(NOTICES) as woken:
                while True:
                    claimed = await self._claim()
                    for notice in claimed:
                        task = asyncio.create_task(self._carry(notice))
                        self._running.add(task)
                        task.add_done_callback(self._running.discard)
                    if not claimed:
                        await wait(woken, LOOK_SECONDS)
        finally:
            await self._flight.stop(self._running)

    async def _claim(self) -> list[Notice]:
        room = AT_ONCE - len(self._running)
        if not room:
            return []
        try:
            return await take(notices.claim(self._context, room), self._hand_back)
        except StorageError as error:
            log.error("cannot claim notices", error=str(error))
            return []

    async def _carry(self, notice: Notice) -> None:
        """One notice, apart from the others: a reader whose server stalls holds up nobody else's."""
        try:
            outcome = await self._flight.attempt(self._attempt(notice))
            await self._settle(notice, outcome)
        except BrokenOff:
            await self._hand_back(notice)
        except StorageError as error:
            log.error("cannot carry a notice", notice=notice.id, error=str(error))
        except Exception:
            log.exception("a notice failed in an unforeseen way; its lease runs out", notice=notice.id)

    async def _hand_back(self, notice: Notice) -> None:
        try:
            await notices.release(self._context, notice)
        except StorageError as error:
            log.error("cannot hand back; its lease runs out", notice=notice.id, error=str(error))

    async def _settle(self, notice: Notice, outcome: Carried | None) -> None:
        if outcome is None:
            await notices.settle(self._context, notice, sent=False, reply="nothing left to tell", final=True)
            return
        sent, final = isinstance(outcome, Sent), isinstance(outcome, Bounced)
        await notices.settle(self._context, notice, sent=sent, reply=outcome.text, final=final)
        if not sent:
            log.warning("a notice has not reached its reader", notice=notice.id, kind=notice.kind, reply=outcome.text)

    async def _attempt(self, notice: Notice) -> Carried | None:
        """What became of it; None when there is nothing left to tell."""
        letter = await notices.write(self._context, notice)
        if letter is None:
            return None
        try:
            return await self._send(notice, letter)
        except SigningError as error:
            log.error("cannot sign a notice", notice=notice.id, why=str(error))
            return Deferred(0, "4.7.5", "the notice could not be signed here", "", "CodeError")

    async def _send(self, notice: Notice, letter: Letter) -> Carried:
        if self._captured or letter.sandbox:
            # nothing leaves, so the operator's console is where the link can be read
            log.info("captured a notice", kind=notice.kind, to=letter.recipient, link=letter.link)
        signer = await self._signers.signer(letter.domain)
        at = self._context.now()
        raw = await asyncio.to_thread(signer.sign, stamp(letter.raw, notice.created_at), at)
        carrier = Capture() if letter.sandbox else self._carrier
        outcome = await carrier.deliver(letter.sender, letter.recipient, raw)
        if isinstance(outcome, Sent | Deferred | Bounced):
            return outcome
        # a notice sent twice does no harm, an approval never asked for does
        return Deferred(outcome.code, outcome.enhanced, outcome.text, outcome.host, "ConnectionTerminated")
