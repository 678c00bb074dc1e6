"""A world whose domain can sign, and what works on its mail while a test looks on."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from policies.modes import Mode
from server.delivery.outcome import Outcome, Sent
from server.delivery.signers import Signers
from server.delivery.worker import Capture
from server.domains import new_signing_keys, passphrase
from tests.conftest import Clock, World, make_world
from tools.context import Context


class Recording(Capture):
    """A carrier that keeps what it is given: sender, recipient and bytes of each mail."""

    def __init__(self) -> None:
        self.carried: list[tuple[str, str, bytes]] = []

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        self.carried.append((sender, recipient, raw))
        return Sent(250, "2.0.0", "taken", "mx.example.net")


async def signing_world(context: Context, clock: Clock, mode: Mode = Mode.AUTONOMOUS) -> World:
    """An account at agents.example with the mailbox ada@agents.example, whose mail can leave."""
    return await make_world(context, clock, "agents.example", new_signing_keys(context), mode)


def signers_of(context: Context) -> Signers:
    """What signs with the keys of the context's domains."""
    return Signers(context, passphrase(context.secret))


@asynccontextmanager
async def at_work(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """It goes on inside, and has been stopped at the end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
