"""Notices are carried apart from each other: one reader's stalled server holds up nobody else's."""

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest

from policies.modes import Mode
from server.delivery import flight
from server.delivery.outcome import Outcome, Sent
from server.delivery.postman import Postman
from server.delivery.worker import Capture, Carrier
from storage.errors import Unavailable
from storage.records import Notice
from tests.conftest import Clock, World, eventually
from tests.fakes.signing import Recording, at_work, signers_of, signing_world
from tools import deliver, notices
from tools.context import MINUTE, Context
from tools.letter import Letter
from tools.mail.reports import read_report
from tools.send import SendRequest, send
from tools.submit_raw import submit_raw

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


class Stalling(Capture):
    """A carrier whose first mail never comes to an end."""

    def __init__(self) -> None:
        self.begun = 0

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        self.begun += 1
        if self.begun == 1:
            await asyncio.Event().wait()
        return Sent(250, "2.0.0", "taken", "mx.example.org")


@pytest.fixture
async def world(context: Context, clock: Clock) -> World:
    """A world whose domain can sign."""
    return await signing_world(context, clock, Mode.GATED_SEND)


def carrying(world: World, carrier: Carrier) -> AbstractAsyncContextManager[None]:
    return at_work(Postman(world.system, carrier, signers_of(world.system), captured=False).run())


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
    raw = b"From: ada@agents.example\r\nTo: bob@example.org\r\nSubject: Hello\r\n\r\nHello\r\n"
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
