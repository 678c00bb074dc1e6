"""Notices are carried apart from each other: one reader's stalled server holds up nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.delivery.outcome import Outcome, Sent
from server.delivery.postman import Postman
from server.delivery.signers import Signers
from server.domains import new_signing_keys, passphrase
from storage.errors import Unavailable
from storage.records import Notice
from tests.conftest import Clock, World, eventually
from tools import notices
from tools.accounts import create_account, create_mailbox
from tools.context import MINUTE, Context
from tools.identity import create_key, principal_of
from tools.send import SendRequest, send

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


class Stalling:
    """A carrier whose first mail never comes to an end."""

    def __init__(self) -> None:
        self.begun = 0

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        self.begun += 1
        if self.begun == 1:
            await asyncio.Event().wait()
        return Sent(250, "2.0.0", "taken", "mx.example.org")

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def world(context: Context, clock: Clock) -> World:
    """A world whose domain can sign."""
    account = await create_account(context, "agents.example", "boss@example.org", new_signing_keys(context))
    mailbox = await create_mailbox(context, account.id, "desk", "agents.example")
    made = await create_key(context, account.id, "agent", frozenset({"read", "send"}), mailbox.id)
    acting = context.acting_as(await principal_of(context, made.text))
    return World(acting, context, clock, account, mailbox, made.text)


@asynccontextmanager
async def carrying(world: World, carrier: Stalling) -> AsyncIterator[None]:
    signers = Signers(world.system, passphrase(world.system.secret))
    task = asyncio.create_task(Postman(world.system, carrier, signers, captured=False).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def ask(world: World, number: int) -> None:
    await send(world.context, SendRequest(to=[f"a{number}@example.com"], subject="Hi", markdown="x"))


async def states(world: World) -> list[str]:
    world.clock.at += 20 * MINUTE
    waiting = await notices.claim(world.system, 10)
    return [notice.state for notice in waiting]


async def test_a_stalled_server_holds_up_nobody_else(world: World) -> None:
    carrier = Stalling()
    async with carrying(world, carrier):
        await ask(world, 0)
        await eventually(lambda: carrier.begun == 1)
        for number in range(1, 4):
            await ask(world, number)
        await eventually(lambda: carrier.begun == 4)
    assert await states(world) == ["queued"], "what was cut off is due again; the others were sent"


async def test_a_notice_that_fails_leaves_the_others_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write = notices.write
    failed: list[str] = []

    async def failing(context: Context, notice: Notice) -> notices.Letter | None:
        if not failed:
            failed.append(notice.id)
            raise Unavailable("not now")
        return await write(context, notice)

    monkeypatch.setattr(notices, "write", failing)
    carrier = Stalling()
    carrier.begun = 1
    for number in range(3):
        await ask(world, number)
    async with carrying(world, carrier):
        await eventually(lambda: carrier.begun == 3)
    assert await states(world) == ["queued"]
