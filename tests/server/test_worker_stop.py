"""A worker that is told to stop finishes or hands back what it has; nothing waits for a lease (DESIGN section 12)."""

import asyncio
from typing import Any

import pytest

from server.delivery import flight
from server.delivery.courier import Courier, Timeouts
from server.delivery.outcome import Outcome, Sent
from server.delivery.routes import Host
from server.delivery.worker import Capture, Carrier, Worker
from storage.database import Row, many
from storage.records import Delivery
from tests.conftest import Clock, World, eventually
from tests.fakes.couriers import FixedRoute
from tests.fakes.signing import signers_of, signing_world
from tests.fakes.smtp_server import Act, FakeSMTPServer, Session
from tools import deliver
from tools.context import Context
from tools.send import SendRequest, send

SECONDS = 30


@pytest.fixture
async def world(context: Context, clock: Clock) -> World:
    """A world whose domain can sign, with one mail queued."""
    world = await signing_world(context, clock)
    result = await send(world.context, SendRequest(to=["bea@example.com"], subject="Offer", markdown="Here it is."))
    assert result.status == "queued"
    return world


def at_work(world: World, carrier: Carrier) -> asyncio.Task[None]:
    return asyncio.create_task(Worker(world.system, carrier, signers_of(world.system)).run())


async def stop(task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(SECONDS):
        if not task.cancelling():
            task.cancel()
        await asyncio.wait([task])


async def is_handed_back(world: World) -> bool:
    """Due at once, and nobody has to wait for a lease or is told that the mail may arrive twice."""
    (again,) = await deliver.claim(world.system, "the next", 10)
    return again.taken_from == "" and again.attempts == 0


def courier_to(remote: FakeSMTPServer, clock: Clock) -> Courier:
    route = FixedRoute((Host("mx.test", remote.port, ("127.0.0.1",)),))
    patient = Timeouts(connect=60, total=120)
    return Courier(route, "gatepost.test", timeouts=patient, tls="never", credentials=None, clock=clock)


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_what_the_remote_does_not_have_is_handed_back(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(flight, "STOP_SECONDS", 0.05)
    async with FakeSMTPServer({step: Act.STALL}) as remote:
        courier = courier_to(remote, world.clock)
        working = at_work(world, courier)
        await eventually(lambda: step in [step_of(each) for each in remote.sessions])
        await stop(working)
        await courier.close()
    assert await is_handed_back(world)


def step_of(session: Session) -> str:
    return session.verbs[-1] if session.verbs else "GREETING"


async def test_a_mail_whose_dot_is_out_waits_for_the_reply(world: World) -> None:
    heard, answering = asyncio.Event(), asyncio.Event()

    async def answer_late(session: Session) -> None:
        heard.set()
        await answering.wait()
        await session.say("250 2.0.0 taken")

    async with FakeSMTPServer({"CONTENT": answer_late}) as remote:
        courier = courier_to(remote, world.clock)
        working = at_work(world, courier)
        await heard.wait()
        working.cancel()
        answering.set()
        await stop(working)
        await courier.close()
    assert await states(world) == ["sent"]


async def test_a_mail_whose_reply_does_not_come_in_time_is_uncertain(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flight, "STOP_SECONDS", 0.05)
    async with FakeSMTPServer({"CONTENT": Act.STALL}) as remote:
        courier = courier_to(remote, world.clock)
        working = at_work(world, courier)
        await remote.until(lambda: bool(remote.messages))
        await stop(working)
        await courier.close()
    assert await states(world) == ["uncertain"]
    assert await deliver.claim(world.system, "the next", 10) == {}


async def test_what_was_claimed_a_moment_ago_is_handed_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = deliver.claim

    async def claim_and_be_stopped(*arguments: Any, **named: Any) -> dict[Delivery, Row | None]:
        claimed = await claim(*arguments, **named)
        working.cancel()
        await asyncio.sleep(0)
        return claimed

    with monkeypatch.context() as patched:
        patched.setattr(deliver, "claim", claim_and_be_stopped)
        working = at_work(world, Refusing())
        async with asyncio.timeout(SECONDS):
            await asyncio.wait([working])
    assert await is_handed_back(world)


async def test_a_settlement_under_way_is_not_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "STOP_SECONDS", 0.05)
    settling, going_on, settle = asyncio.Event(), asyncio.Event(), deliver.settle

    async def settle_late(*arguments: Any) -> bool:
        settling.set()
        await going_on.wait()
        return await settle(*arguments)

    monkeypatch.setattr(deliver, "settle", settle_late)
    working = at_work(world, Capture())
    await settling.wait()
    working.cancel()
    # longer than attempts may go on
    await asyncio.wait([working], timeout=0.2)
    going_on.set()
    await stop(working)
    assert await states(world) == ["sent"]


async def test_an_attempt_that_is_settled_meanwhile_is_not_handed_back(world: World) -> None:
    begun, going_on = asyncio.Event(), asyncio.Event()

    class Slow(Capture):
        async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
            begun.set()
            await going_on.wait()
            return Sent(250, "2.0.0", "taken", "mx.test")

    working = at_work(world, Slow())
    await begun.wait()
    working.cancel()
    going_on.set()
    await stop(working)
    assert await states(world) == ["sent"]


class Refusing(Capture):
    """Nothing may come here."""

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        pytest.fail("it was attempted")


async def states(world: World) -> list[str]:
    messages = await world.system.db.rows("events", account_id=world.account.id, after=0, limit=99)
    (message_id,) = {row["message_id"] for row in messages if row["message_id"]}
    return [each.state for each in await many(world.system.db, Delivery, "deliveries", message_id=message_id)]
