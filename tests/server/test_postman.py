"""Notices are carried apart from each other: one reader's stalled server holds up nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from policies.modes import Mode
from server.delivery import flight
from server.delivery.outcome import Outcome, Sent
from server.delivery.postman import Postman
from server.delivery.signers import Signers
from server.delivery.worker import Carrier
from server.domains import new_signing_keys, passphrase
from storage.errors import Unavailable
from storage.records import Notice
from tests.conftest import Clock, World, eventually
from tools import deliver, notices
from tools.accounts import create_account, create_mailbox
from tools.context import MINUTE, Context
from tools.identity import create_key, principal_of
from tools.letter import Letter
from tools.mail.reports import read_report
from tools.send import SendRequest, send
from tools.submit_raw import submit_raw

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


class Recording:
    """A carrier that keeps what it was given."""

    def __init__(self) -> None:
        self.carried: list[tuple[str, str, bytes]] = []

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        self.carried.append((sender, recipient, raw))
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
async def carrying(world: World, carrier: Carrier) -> AsyncIterator[None]:
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


async def test_a_stalled_server_holds_up_nobody_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "STOP_SECONDS", 0.05)
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

    async def failing(context: Context, notice: Notice) -> Letter | None:
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


async def test_000_7_a_notification_of_failure_leaves_signed_from_the_null_sender(world: World) -> None:
    recorder = Recording()
    raw = b"From: desk@agents.example\r\nTo: bob@example.org\r\nSubject: Hello\r\n\r\nHello\r\n"
    await submit_raw(world.context, await world.in_mode(Mode.AUTONOMOUS), ("bob@example.org",), raw)
    (delivery,) = await deliver.claim(world.system, "worker", 1)
    async with carrying(world, recorder):
        gone = deliver.Settlement("bounced", 550, "5.1.1", "No such user", "NoMailbox", "mx.example.org", 0)
        assert await deliver.settle(world.system, delivery, gone)
        await eventually(lambda: recorder.carried)
    ((sender, recipient, carried),) = recorder.carried
    assert (sender, recipient) == ("", "postmaster@agents.example")
    assert read_report(carried).kind == "bounce"
    head = carried.partition(b"\r\n\r\n")[0]
    assert head.count(b"DKIM-Signature:") == 2 and b"\r\nDate: " in head
    assert b"auto-submitted" in head.partition(b"h=")[2].partition(b";")[0]
