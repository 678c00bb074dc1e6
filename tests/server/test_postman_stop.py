"""A postman that is told to stop finishes or hands back what it has; no notice waits for a lease (DESIGN 12)."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from policies.modes import Mode
from server.delivery import flight
from server.delivery.outcome import Outcome, Sent, Uncertain
from server.delivery.postman import Postman
from server.delivery.worker import Capture
from storage.records import Notice
from tests.conftest import Clock, World
from tests.fakes.signing import signers_of, signing_world
from tools import notices
from tools.context import HOUR, Context
from tools.send import SendRequest, send

SECONDS = 10
TAKEN = Sent(250, "2.0.0", "taken", "mx.example.org")


@dataclass
class Slow(Capture):
    """A carrier that takes as long as it is let, and says when it begins."""

    broken_off: Outcome | None = None
    """What it answers when it is broken off; None for nothing, as nobody has the mail then."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    going_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        self.begun.set()
        try:
            await self.going_on.wait()
        except asyncio.CancelledError:
            if self.broken_off is None:
                raise
            return self.broken_off
        return TAKEN


@pytest.fixture
async def world(context: Context, clock: Clock) -> World:
    """A world whose domain can sign, with a notice to its overseer."""
    world = await signing_world(context, clock, Mode.GATED_SEND)
    await send(world.context, SendRequest(to=["bea@example.com"], subject="Offer", markdown="Here it is."))
    return world


def at_work(world: World, carrier: Capture) -> asyncio.Task[None]:
    return asyncio.create_task(Postman(world.system, carrier, signers_of(world.system), captured=False).run())


async def stop(task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(SECONDS):
        task.cancel()
        await asyncio.wait([task])


async def due(world: World) -> list[Notice]:
    """What the next postman finds at once, while every lease still runs."""
    return await notices.claim(world.system, 10)


async def test_what_nobody_has_is_due_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "STOP_SECONDS", 0.05)
    carrier = Slow()
    working = at_work(world, carrier)
    await carrier.begun.wait()
    assert await due(world) == [], "the postman has its lease"
    await stop(working)
    assert [notice.recipient for notice in await due(world)] == [world.overseer]


async def test_what_ends_in_time_is_sent(world: World) -> None:
    carrier = Slow()
    working = at_work(world, carrier)
    await carrier.begun.wait()
    working.cancel()
    carrier.going_on.set()
    async with asyncio.timeout(SECONDS):
        await asyncio.wait([working])
    world.clock.at += HOUR
    assert await due(world) == [], "neither handed back nor left to its lease"


async def test_what_may_have_been_taken_is_tried_again_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "STOP_SECONDS", 0.05)
    carrier = Slow(Uncertain(0, "4.4.2", "broken off before the reply", "mx.example.org"))
    working = at_work(world, carrier)
    await carrier.begun.wait()
    await stop(working)
    assert await due(world) == []
    world.clock.at += notices.RETRY
    assert [notice.reply for notice in await due(world)] == ["broken off before the reply"]


async def test_what_was_claimed_a_moment_ago_is_due_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, carrier = notices.claim, Slow()

    async def claim_and_be_stopped(*arguments: Any) -> list[Notice]:
        claimed = await claim(*arguments)
        working.cancel()
        await asyncio.sleep(0)
        return claimed

    with monkeypatch.context() as patched:
        patched.setattr(notices, "claim", claim_and_be_stopped)
        working = at_work(world, carrier)
        async with asyncio.timeout(SECONDS):
            await asyncio.wait([working])
    assert not carrier.begun.is_set() and len(await due(world)) == 1


async def test_who_lost_its_lease_hands_nothing_back(world: World) -> None:
    (late,) = await due(world)
    world.clock.at += notices.LEASE
    (current,) = await due(world)
    await notices.release(world.system, late)
    assert await due(world) == []
    await notices.release(world.system, current)
    assert len(await due(world)) == 1
