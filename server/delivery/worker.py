"""The delivery worker: claim what is due, check it, sign it, attempt it, settle it. It knows no policy."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

import structlog

from server.delivery.destinations import PER_DOMAIN, Destinations
from server.delivery.dkim import Signer, SigningError
from server.delivery.flight import BrokenOff, Flight, take
from server.delivery.outcome import Bounced, Deferred, Outcome, Sent, Uncertain
from server.delivery.retry import next_attempt
from server.delivery.signers import Signers
from server.delivery.site_key import SiteKey
from server.delivery.stamp import stamp_mail
from storage.database import Row
from storage.errors import StorageError
from storage.records import Delivery
from storage.wakeups import wait
from tools import deliver
from tools.context import Context
from tools.deliver import Settlement
from tools.outbox import DELIVERIES
from tools.outgoing import Altered, Outgoing, Stopped, open_delivery

LOOK_SECONDS = 2.0
"""The longest pause between looks: another process may have queued something on SQLite."""
RENEW_SECONDS = 15.0
GATHER_SECONDS = 0.01
SOON_SECONDS = 0.05
TURN_SECONDS = 0.25
"""So long at most a domain with a long queue keeps its turn: to look past it costs a claim."""
AT_ONCE = 100

log = structlog.get_logger("gatepost.delivery")


class Carrier(Protocol):
    """What tries to hand a mail over: the courier, or the capture that lets nothing out."""

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        """Cancelled, it still returns an outcome when the other side may have the mail; else nobody has it."""
        ...

    async def close(self) -> None: ...


class Capture:
    """The route that keeps everything here."""

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        return Sent(250, "2.0.0", "captured: nothing leaves", "capture")

    async def close(self) -> None:
        """Nothing is open."""


class Worker:
    """Delivers what the gate has queued, up to `at_once` mails at a time."""

    def __init__(
        self,
        context: Context,
        carrier: Carrier,
        signers: Signers,
        at_once: int = AT_ONCE,
        *,
        sandbox: Carrier | None = None,
    ) -> None:
        """`sandbox` takes what was handed in with a test key, in place of `carrier`; none is the bare capture."""
        self._context = context
        self._carrier = carrier
        self._sandbox = sandbox or Capture()
        self._key = SiteKey(context.secret)
        self._signers = signers
        self._at_once = at_once
        self._name = context.new_id("wrk")
        self._running: dict[asyncio.Task[None], str] = {}
        """The attempts that run, each with its delivery's id."""
        self._flight = Flight()
        self._destinations = Destinations(context.clock)
        self._sated: frozenset[str] = frozenset()
        """The domains that had all they may have at once, when it is the turn of others."""
        self._next_turn = 0.0
        """When it is, by the loop's time."""
        self._free = asyncio.Event()
        """Half of the places are free."""
        self._some = asyncio.Event()
        """A place is free."""

    async def run(self) -> None:
        """Work until cancelled; then what is in flight is finished or handed back."""
        renewing = asyncio.create_task(self._renew())
        try:
            with self._context.db.wakeups.listen(DELIVERIES) as woken:
                while True:
                    await self._round(woken)
        finally:
            await self._flight.stop(self._running)
            renewing.cancel()

    async def _round(self, woken: asyncio.Event) -> None:
        await self._room()
        room = self._at_once - len(self._running)
        try:
            closed, others_turn = self._destinations.closed() | self._sated, bool(self._sated)
            claim = deliver.claim(self._context, self._name, room, per_domain=PER_DOMAIN, closed=closed)
            claimed = await take(claim, self._hand_back)
            due = await deliver.next_due(self._context, closed) if not (claimed or others_turn) else 0
        except StorageError as error:
            log.error("cannot claim deliveries", error=str(error))
            # what was claimed all the same is due again when its lease runs out
            claimed, due = {}, None
        for delivery, row in claimed.items():
            task = asyncio.create_task(self._carry(delivery, row))
            self._running[task] = delivery.id
            self._destinations.begin(delivery.domain)
            task.add_done_callback(self._done)
        self._take_turns(claimed)
        if not claimed and not others_turn:
            await wait(woken, self._pause(due))
        elif claimed and len(claimed) < room and not self._sated:
            # that was all; who queues more wakes us
            await wait(woken, SOON_SECONDS)

    def _take_turns(self, claimed: Iterable[Delivery]) -> None:
        """What is ahead in a long queue fills all that a claim looks at, however fast it is put off."""
        now = asyncio.get_running_loop().time()
        if self._sated:
            self._next_turn = now + TURN_SECONDS
            self._sated = frozenset()
        elif now >= self._next_turn:
            counts = Counter(delivery.domain for delivery in claimed)
            self._sated = frozenset(domain for domain, count in counts.items() if count >= PER_DOMAIN)

    async def _room(self) -> None:
        """Wait until something can be claimed. Many are claimed together: a claim for each would cost a commit each."""
        if self._at_once - len(self._running) < self._at_once // 2:
            self._free.clear()
            await wait(self._free, GATHER_SECONDS)
        while len(self._running) >= self._at_once:
            self._some.clear()
            await wait(self._some, RENEW_SECONDS)

    def _pause(self, due: int | None) -> float:
        if due is None:
            return LOOK_SECONDS
        return min(max((due - self._context.now()) / 1_000_000, 0.01), LOOK_SECONDS)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._some.set()
        if self._at_once - len(self._running) >= self._at_once // 2:
            self._free.set()

    async def _carry(self, delivery: Delivery, row: Row | None) -> None:
        outcome: Outcome | None = None
        try:
            outcome = await self._flight.attempt(self._attempt(delivery, row))
            if outcome is not None:
                await self._settle(delivery, outcome)
        except BrokenOff:
            await self._hand_back(delivery)
        except StorageError as error:
            # what happened could not be written: the lease runs out and the delivery is tried again
            log.error("cannot settle", delivery=delivery.id, error=str(error))
        except Exception:
            log.exception("delivery failed in an unforeseen way; its lease runs out", delivery=delivery.id)
        finally:
            self._end(delivery.domain, outcome)

    async def _hand_back(self, delivery: Delivery) -> None:
        try:
            await deliver.release(self._context, delivery)
        except StorageError as error:
            log.error("cannot hand back; its lease runs out", delivery=delivery.id, error=str(error))

    def _end(self, domain: str, outcome: Outcome | None) -> None:
        closed = self._destinations.closed()
        self._destinations.end(domain, outcome)
        if domain in closed and domain not in self._destinations.closed():
            # what waits for this domain was no reason to look again until now
            self._context.db.wakeups.fire(DELIVERIES)

    async def _attempt(self, delivery: Delivery, row: Row | None) -> Outcome | None:
        """What became of it; None when the mail must not leave, which has been written then."""
        try:
            outgoing = await open_delivery(self._context, delivery, row)
            signer = await self._signers.signer(outgoing.domain)
            raw = await self._sealed(outgoing, signer)
        except Altered as error:
            log.error("not what was allowed", delivery=delivery.id, why=str(error), fix=error.fix)
            await deliver.refuse(self._context, delivery, error)
            return None
        except Stopped as error:
            return Bounced(0, "5.7.1", str(error), "", "NotDelivered")
        except SigningError as error:
            log.error("cannot sign", delivery=delivery.id, why=str(error))
            return Deferred(0, "4.7.5", "the mail could not be signed here", "", "CodeError")
        carrier = self._sandbox if delivery.sandbox else self._carrier
        return await carrier.deliver(outgoing.sender, delivery.recipient, raw)

    async def _sealed(self, outgoing: Outgoing, signer: Signer) -> bytes:
        """The mail with all that is added to it."""
        raw, now = stamp_mail(outgoing, self._key, self._context.site.base_url), self._context.now()
        if not signer.takes_long:
            return signer.sign(raw, now)
        # OpenSSL lets go of the interpreter's lock while it signs
        return await asyncio.get_running_loop().run_in_executor(None, signer.sign, raw, now)

    async def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        settlement = settlement_of(delivery, outcome, self._context.now(), random.uniform(-1, 1))  # noqa: S311
        kept = await deliver.settle(self._context, delivery, settlement)
        log.info(
            settlement.state if kept else "lease lost",
            delivery=delivery.id,
            message=delivery.message_id,
            host=settlement.host,
            code=settlement.code,
        )

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if self._running:
                try:
                    # not all that bears our name: what could not be settled has to run out
                    await deliver.renew(self._context, self._name, tuple(self._running.values()))
                except StorageError as error:
                    log.error("cannot renew leases", error=str(error))


def settlement_of(delivery: Delivery, outcome: Outcome, now: int, spread: float) -> Settlement:
    """An outcome as it is stored. A deferral past the schedule's end is a bounce with the remote's last words."""
    category = outcome.category if isinstance(outcome, Deferred | Bounced) else ""
    state: deliver.State = "sent"
    due_at = now
    if isinstance(outcome, Deferred):
        again = next_attempt(delivery.created_at, now, delivery.attempts + 1, spread)
        state, due_at = ("deferred", again) if again is not None else ("bounced", now)
    elif isinstance(outcome, Bounced):
        state = "bounced"
    elif isinstance(outcome, Uncertain):
        state = "uncertain"
    return Settlement(state, outcome.code, outcome.enhanced, outcome.text, category, outcome.host, due_at, outcome.tls)
