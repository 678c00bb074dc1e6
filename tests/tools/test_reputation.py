"""Auto-pause: bounces and complaints are counted over a day, and too many of them pause the account."""

import json

import pytest

from policies.modes import Mode
from storage.database import Transaction, many
from storage.records import Delivery, Event
from tests.conftest import World
from tools import deliver, reputation
from tools.context import DAY, HOUR
from tools.deliver import Settlement
from tools.errors import Refusal
from tools.send import SendRequest, send
from tools.stops import resume
from tools.usage import UsageRequest, usage


async def settle(world: World, outcomes: list[str], domain: str = "example.com") -> list[Delivery]:
    """Send a mail for each outcome and settle it so; the deliveries as they were claimed."""
    for number, _ in enumerate(outcomes):
        # the text differs by the clock: the same mail twice within a minute is a duplicate
        text = f"{number} {world.clock()}"
        await send(world.context, SendRequest(to=[f"a{number}@{domain}"], subject=text, markdown=text))
    count = len(outcomes)
    claimed = await deliver.claim(world.system, "worker", count, per_domain=count)
    assert len(claimed) == count
    for delivery, outcome in zip(claimed, outcomes, strict=True):
        state: deliver.State = "sent" if outcome == "sent" else "bounced"
        code = 250 if state == "sent" else 550
        await deliver.settle(world.system, delivery, Settlement(state, code, "", "", "", "mx.example.com", 0))
    return list(claimed)


async def told(world: World, type_: str) -> list[dict[str, object]]:
    events = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=1000)
    return [json.loads(event.data) for event in events if event.type == type_]


async def refusal(world: World) -> str:
    with pytest.raises(Refusal) as refused:
        await send(world.context, SendRequest(to=["x@example.com"], subject="Hi", markdown="Hello"))
    return refused.value.code


async def test_000_13_bounces_pause_at_the_least_sample_and_the_operator_resumes(world: World) -> None:
    """000-13: nothing happens at nine mails; with the tenth the pause begins; un-pause begins anew."""
    await world.in_mode(Mode.AUTONOMOUS)
    await settle(world, ["sent"] * 8 + ["bounced"])
    assert await told(world, "sending.paused") == []
    await settle(world, ["sent"])
    (paused,) = await told(world, "sending.paused")
    assert (paused["settled"], paused["bounced"]) == (10, 1)
    assert await refusal(world) == "sending_paused"
    assert (await usage(world.context, UsageRequest())).sending == "paused"
    assert await resume(world.system, world.account.id, "boss@example.org")
    await settle(world, ["sent", "bounced"])
    assert len(await told(world, "sending.paused")) == 1, "what went wrong before is not counted again"
    assert len(await told(world, "sending.resumed")) == 1
    assert not await resume(world.system, world.account.id, "boss@example.org"), "there is no pause any more"


async def test_000_13_a_pause_holds_the_queue_until_it_ends(world: World) -> None:
    """000-13: what was queued before the pause waits too, and leaves after it."""
    await world.in_mode(Mode.AUTONOMOUS)
    await settle(world, ["sent"] * 9)
    await send(world.context, SendRequest(to=["later@example.com"], subject="Later", markdown="x"))
    (waiting,) = await deliver.claim(world.system, "worker", 1)
    await deliver.release(world.system, waiting)

    async def bounce(transaction: Transaction) -> None:
        await reputation.settled(world.system, transaction, waiting, "bounced")

    await world.system.db.write(bounce)
    assert await refusal(world) == "sending_paused"
    assert await deliver.claim(world.system, "worker", 10) == {}
    await resume(world.system, world.account.id, "boss@example.org")
    assert [each.id for each in await deliver.claim(world.system, "worker", 10)] == [waiting.id]


async def test_000_13_two_percent_warn_once(world: World) -> None:
    """000-13: a warning at 2 %, once a day, and sending goes on."""
    await world.in_mode(Mode.AUTONOMOUS)
    await settle(world, ["sent"] * 49 + ["bounced"])
    (warned,) = await told(world, "sending.warned")
    assert (warned["settled"], warned["bounced"]) == (50, 1)
    await settle(world, ["sent"] * 10 + ["bounced"])
    assert len(await told(world, "sending.warned")) == 1
    assert await told(world, "sending.paused") == []


async def test_000_13_bounces_of_the_day_before_do_not_count(world: World) -> None:
    """000-13: the window rolls over 24 hours."""
    await world.in_mode(Mode.AUTONOMOUS)
    await settle(world, ["bounced"] * 9)
    world.clock.at += DAY + HOUR
    await settle(world, ["sent"] * 11)
    assert await told(world, "sending.paused") == []


async def test_000_13_one_complaint_among_few_mails_pauses(world: World) -> None:
    """000-13: 0.08 % of complaints."""
    await world.in_mode(Mode.AUTONOMOUS)
    delivery = (await settle(world, ["sent"] * 12))[0]

    async def complain(transaction: Transaction) -> None:
        await reputation.complained(world.system, transaction, delivery)

    await world.system.db.write(complain)
    (paused,) = await told(world, "sending.paused")
    assert paused["complained"] == 1
    assert await refusal(world) == "sending_paused"


async def test_rehearsed_bounces_say_nothing(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await settle(world, ["bounced"] * 12, domain="simulator.test")
    assert await told(world, "sending.paused") == []
