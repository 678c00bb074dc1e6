"""The sandbox: nothing leaves, and recipients at simulator.test behave as their name says (DESIGN section 10).

What comes back goes the way of any arriving mail, through `tools.receive`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from server.delivery.outcome import Outcome, Sent
from server.delivery.reply import lost, refused
from server.delivery.worker import Capture
from storage.database import one
from storage.errors import StorageError
from storage.records import Delivery
from storage.wakeups import wait
from tools import events
from tools.context import NOBODY, Context
from tools.mail.compose import ComposeError
from tools.mail.parse import parse
from tools.mail.simulated import HOST, Carried, answer, bounce, complaint
from tools.receive import Arrival, receive
from tools.returned import bounced_delivery

DOMAIN = "simulator.test"
SETTLE_SECONDS = 30.0
"""How long what comes back waits for its delivery to be settled."""
_LOOK_SECONDS = 1.0
_PEER: dict[str, str | bool] = {"ip": "192.0.2.1", "helo": HOST, "tls": False}
_CODE_DIGITS = 3

log = structlog.get_logger("gatepost.sandbox")


class Simulator:
    """A carrier that carries nothing away. A local part may have a label behind `+`, to be a recipient of its own."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._outside = context.acting_as(replace(NOBODY, sandbox=True))
        """What comes back is of the sandbox too, and so is all that follows from it."""
        self._capture = Capture()
        self._returning: set[asyncio.Task[None]] = set()

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        """What the recipient's name asks for; anybody elsewhere is taken to have accepted."""
        local, _, domain = recipient.lower().rpartition("@")
        if domain != DOMAIN:
            return await self._capture.deliver(sender, recipient, raw)
        behaviour = local.partition("+")[0]
        if _is_code(behaviour):
            enhanced = f"{behaviour[0]}.0.0"
            return refused("rcpt", HOST, int(behaviour), f"{enhanced} simulated: {behaviour} as asked")
        if behaviour == "timeout":
            return lost("greeting", HOST, "timed out")
        if behaviour in _COMING_BACK:
            self._return(behaviour, Carried(sender, recipient, raw, self._context.new_id("sim")))
        return Sent(250, "2.0.0", "simulated: accepted", HOST)

    async def close(self) -> None:
        """End what has not come back yet."""
        returning = tuple(self._returning)
        for task in returning:
            task.cancel()
        await asyncio.gather(*returning, return_exceptions=True)

    def _return(self, behaviour: str, mail: Carried) -> None:
        delivery_id = bounced_delivery(self._context, mail.sender)
        if delivery_id is None:
            return
        task = asyncio.create_task(self._come_back(_COMING_BACK[behaviour], delivery_id, mail))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _come_back(self, make: Callable[[Carried], Arrival], delivery_id: str, mail: Carried) -> None:
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._settled(delivery_id)
            await receive(self._outside, await asyncio.to_thread(make, mail))
        except (TimeoutError, StorageError, ComposeError) as error:
            log.error("nothing came back", delivery=delivery_id, error=type(error).__name__, why=str(error))

    async def _settled(self, delivery_id: str) -> None:
        """Until the delivery is `sent`: a real report comes after our commit as well."""
        delivery = await one(self._context.db, Delivery, "delivery", id=delivery_id)
        assert delivery is not None
        with self._context.db.wakeups.listen(events.topic(delivery.account_id)) as woken:
            while delivery is not None and delivery.state != "sent":
                await wait(woken, _LOOK_SECONDS)
                delivery = await one(self._context.db, Delivery, "delivery", id=delivery_id)


def _is_code(text: str) -> bool:
    return len(text) == _CODE_DIGITS and text.isascii() and text.isdecimal() and text[0] in "45" and text[1] in "012345"


def _bounced(mail: Carried) -> Arrival:
    return Arrival("", (mail.sender,), bounce(mail), _PEER)


def _complained(mail: Carried) -> Arrival:
    return Arrival("", (mail.sender,), complaint(mail), _PEER)


def _answered(mail: Carried) -> Arrival:
    parsed = parse(mail.raw)
    to = parsed.sender.email if parsed.sender else mail.sender
    return Arrival(mail.recipient, (to,), answer(mail, parsed), _PEER)


_COMING_BACK: dict[str, Callable[[Carried], Arrival]] = {
    "bounce": _bounced,
    "complaint": _complained,
    "reply": _answered,
}
