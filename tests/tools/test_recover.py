"""What a worker had claimed and did not finish is due again; if it died, the log says that it may arrive twice."""

import json

from policies.modes import Mode
from tests.conftest import World
from tools import deliver
from tools.send import SendRequest, send


async def test_what_was_interrupted_is_due_again_and_says_so(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    sent = await send(world.context, SendRequest(to=["a@example.com", "b@example.net"], subject="Hi", markdown="x"))
    (claimed,) = await deliver.claim(world.system, "dead", 1)
    await deliver.recover(world.system)
    again = await deliver.claim(world.system, "alive", 10)
    assert claimed.id in {delivery.id for delivery in again} and len(again) == 2
    rows = await world.system.db.rows("events", account_id=world.account.id, after=0, limit=99)
    (event,) = [row for row in rows if row["type"] == "delivery.interrupted"]
    assert event["message_id"] == sent.message_id
    assert json.loads(event["data"]) == {"delivery_id": claimed.id, "may_arrive_twice": True}


async def test_a_lease_that_ran_out_is_taken_over_and_says_so(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await send(world.context, SendRequest(to=["a@example.com"], subject="Hi", markdown="x"))
    (claimed,) = await deliver.claim(world.system, "dead", 10)
    assert await _interrupted(world) == []
    world.clock.at += deliver.LEASE
    (again,) = await deliver.claim(world.system, "alive", 10)
    assert (again.id, again.lease, again.taken_from) == (claimed.id, "alive", "dead")
    assert await _interrupted(world) == [{"delivery_id": claimed.id, "may_arrive_twice": True}]


async def test_what_was_handed_back_is_due_again_and_nothing_is_said(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await send(world.context, SendRequest(to=["a@example.com"], subject="Hi", markdown="x"))
    (claimed,) = await deliver.claim(world.system, "stopping", 10)
    await deliver.release(world.system, claimed)
    (again,) = await deliver.claim(world.system, "alive", 10)
    assert (again.id, again.taken_from) == (claimed.id, "")
    assert await _interrupted(world) == []


async def _interrupted(world: World) -> list[dict[str, object]]:
    rows = await world.system.db.rows("events", account_id=world.account.id, after=0, limit=99)
    return [json.loads(row["data"]) for row in rows if row["type"] == "delivery.interrupted"]
