"""The kill switch: nothing new, nothing queued, nothing approved leaves; and everything goes on after it."""

import pytest

from policies.modes import Mode
from storage.database import many, one
from storage.records import Approval, Delivery
from tests.conftest import World, make_world, overseer
from tools import deliver, stops
from tools.context import HOUR, Principal
from tools.decide import approve
from tools.errors import Refusal
from tools.operation import perform
from tools.schedule import fire_due
from tools.send import SendRequest, send
from tools.stops import START_SENDING, STOP_SENDING, StartRequest, StopRequest
from tools.usage import UsageRequest, usage


def mail(name: str = "a") -> SendRequest:
    return SendRequest(to=[f"{name}@example.com"], subject=f"Hi {name}", markdown=name)


async def test_what_is_queued_waits_and_goes_on(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    sent = await send(world.context, mail())
    assert await stops.stop(world.system, world.account.id, "boss", "Something is odd.")
    assert not await stops.stop(world.system, world.account.id, "boss"), "it is stopped already"
    assert await deliver.claim(world.system, "worker", 10) == {}
    assert await deliver.next_due(world.system) is None, "the worker sleeps; it does not look again and again"
    with pytest.raises(Refusal) as refused:
        await send(world.context, mail("b"))
    assert refused.value.code == "sending_stopped" and "Something is odd." in str(refused.value.details)
    assert await stops.start(world.system, world.account.id, "boss")
    assert [each.message_id for each in await deliver.claim(world.system, "worker", 10)] == [sent.message_id]
    assert (await send(world.context, mail("b"))).status == "queued"


async def test_a_stop_holds_only_its_account_and_a_stop_of_everybody_all(world: World) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    for each in (world, other):
        await each.in_mode(Mode.AUTONOMOUS)
        await send(each.context, mail())
    await stops.stop(world.system, world.account.id, "boss")
    (claimed,) = await deliver.claim(world.system, "worker", 10)
    assert claimed.account_id == other.account.id
    await deliver.release(world.system, claimed)
    await stops.stop(world.system, None, "the operator")
    assert await deliver.claim(world.system, "worker", 10) == {}
    with pytest.raises(Refusal) as refused:
        await send(other.context, mail("b"))
    assert refused.value.code == "sending_stopped"
    await stops.start(world.system, None, "the operator")
    await stops.start(world.system, world.account.id, "boss")
    assert len(await deliver.claim(world.system, "worker", 10)) == 2


async def test_approval_does_not_get_past_the_kill_switch(world: World) -> None:
    held = await send(world.context, mail())
    await stops.stop(world.system, world.account.id, "boss")
    approval = await one(world.system.db, Approval, "approval_of_message", message_id=held.message_id)
    assert approval is not None
    acting = world.system.acting_as(overseer(world))
    with pytest.raises(Refusal) as refused:
        await approve(acting, approval, 1, world.overseer)
    assert refused.value.code == "approval_refused"
    assert await many(world.system.db, Delivery, "deliveries", message_id=held.message_id) == []
    await stops.start(world.system, world.account.id, "boss")
    await approve(acting, approval, 1, world.overseer)
    assert len(await deliver.claim(world.system, "worker", 10)) == 1


@pytest.mark.parametrize("gate_timing", ["gate_first", "schedule_first"])
async def test_what_is_scheduled_does_not_leave_in_its_time(world: World, gate_timing: str) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    request = mail().model_copy(update={"send_at": "2026-01-01T01:00:00Z", "gate_timing": gate_timing})
    assert (await send(world.context, request)).status == "scheduled"
    await stops.stop(world.system, world.account.id, "boss")
    world.clock.at += 2 * HOUR
    await fire_due(world.system)
    assert await deliver.claim(world.system, "worker", 10) == {}
    await stops.start(world.system, world.account.id, "boss")
    await fire_due(world.system)
    assert len(await deliver.claim(world.system, "worker", 10)) == 1


async def test_an_agent_may_throw_the_switch_and_not_lift_it(world: World) -> None:
    thrown = await perform(STOP_SENDING, world.context, StopRequest(reason="I am sending nonsense."))
    assert thrown.sending == "stopped"
    assert (await usage(world.context, UsageRequest())).sending == "stopped"
    with pytest.raises(Refusal) as refused:
        await perform(START_SENDING, world.context, StartRequest())
    assert refused.value.code == "missing_scope"
    lifted = await perform(START_SENDING, world.system.acting_as(overseer(world)), StartRequest())
    assert lifted.sending == "on"


async def test_a_key_that_only_reads_cannot_stop_anything(world: World) -> None:
    reader = Principal(world.account.id, frozenset({"read"}), "key")
    with pytest.raises(Refusal) as refused:
        await perform(STOP_SENDING, world.system.acting_as(reader), StopRequest())
    assert refused.value.code == "missing_scope"
    assert "stop_sending needs send or admin or oversight." in refused.value.sentence, "which a key can have"


async def test_an_account_cannot_lift_the_stop_of_everybody(world: World) -> None:
    await stops.stop(world.system, None, "the operator")
    with pytest.raises(Refusal) as refused:
        await perform(START_SENDING, world.system.acting_as(overseer(world)), StartRequest())
    assert refused.value.code == "sending_stopped"
