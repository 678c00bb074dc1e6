"""Mail that leaves later: gated before or in its time, changed, withdrawn, undone (issue: time)."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from policies.modes import Mode
from policies.windows import Limits
from storage.blobs import INLINE
from storage.database import many, one
from storage.records import Approval, Delivery, Notice
from tests.conftest import START, World
from tools import deliver, notices
from tools.cancel import CancelRequest, cancel
from tools.context import DAY, HOUR, SECOND, Context
from tools.decide import approve
from tools.errors import Refusal
from tools.housekeeping import tidy
from tools.limits import allowance
from tools.message_status import NEXT, UNDECIDED, StatusRequest, message_status
from tools.outgoing import open_delivery
from tools.schedule import ScheduleChange, edit_scheduled, fire_due
from tools.send import SendRequest, send

AT = "2026-01-02T09:00:00Z"
AT_US = START + DAY + 9 * HOUR


async def scheduled(world: World, **more: object) -> str:
    """A mail for the next morning; its id."""
    fields = {"to": ["a@example.com"], "subject": "Hi", "markdown": "Hello", "send_at": AT, **more}
    return (await send(world.context, SendRequest.model_validate(fields))).message_id


async def status(world: World, message_id: str) -> str:
    return (await message_status(world.context, StatusRequest(message_id=message_id))).status


async def due(world: World) -> list[Delivery]:
    return list(await deliver.claim(world.system, "worker", 10))


async def pending(world: World, message_id: str) -> Approval:
    approval = await one(world.system.db, Approval, "approval_of_message", message_id=message_id)
    assert approval is not None
    return approval


async def test_a_mail_allowed_now_leaves_in_its_time_and_not_before(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    message_id = await scheduled(world)
    assert await status(world, message_id) == "scheduled" and await due(world) == []
    world.clock.at = AT_US
    (delivery,) = await due(world)
    assert delivery.due_at == AT_US


async def test_gate_first_asks_the_person_now(world: World) -> None:
    message_id = await scheduled(world)
    assert await status(world, message_id) == "pending_send_approval"
    await approve(world.system, await pending(world, message_id), 1, world.overseer)
    assert await status(world, message_id) == "scheduled" and await due(world) == []
    world.clock.at = AT_US
    assert len(await due(world)) == 1


async def test_what_waits_tells_its_time_and_whether_it_is_decided(world: World) -> None:
    held, undecided = await scheduled(world), await scheduled(world, gate_timing="schedule_first", subject="Later")
    await world.in_mode(Mode.AUTONOMOUS)
    decided = await scheduled(world, subject="Free")
    told = [await message_status(world.context, StatusRequest(message_id=id_)) for id_ in (held, undecided, decided)]
    assert [each.send_at for each in told] == ["2026-01-02T09:00:00.000Z"] * 3
    assert [each.next for each in told] == [NEXT["pending_send_approval"], UNDECIDED, NEXT["scheduled"]]


async def test_approved_after_its_time_it_leaves_at_once(world: World) -> None:
    message_id = await scheduled(world)
    world.clock.at = AT_US + HOUR
    await approve(world.system, await pending(world, message_id), 1, world.overseer)
    assert await status(world, message_id) == "queued" and len(await due(world)) == 1


@pytest.mark.parametrize(
    ("mode", "then"),
    [
        (Mode.AUTONOMOUS, "queued"),
        (Mode.MONITORED, "queued"),
        (Mode.GATED_SEND, "pending_send_approval"),
        (Mode.READ_ONLY, "rejected"),
    ],
)
async def test_schedule_first_asks_the_gate_in_its_time_under_the_mode_of_then(
    world: World, mode: Mode, then: str
) -> None:
    message_id = await scheduled(world, gate_timing="schedule_first")
    assert await status(world, message_id) == "scheduled"
    assert await one(world.system.db, Approval, "approval_of_message", message_id=message_id) is None
    await world.in_mode(mode)
    assert await fire_due(world.system) == 0
    world.clock.at = AT_US
    assert await fire_due(world.system) == 1
    assert await fire_due(world.system) == 0, "the gate takes it once"
    assert await status(world, message_id) == then
    claimed = await due(world)
    assert len(claimed) == {Mode.AUTONOMOUS: 1, Mode.MONITORED: 2}.get(mode, 0)
    for delivery in claimed:
        await open_delivery(world.system, delivery)


async def test_changed_content_goes_through_the_gate_again(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    message_id = await scheduled(world)
    await world.in_mode(Mode.GATED_SEND)
    changed = await edit_scheduled(world.context, ScheduleChange(message_id=message_id, markdown="Other words"))
    assert (changed.status, changed.revision) == ("pending_send_approval", 2)
    world.clock.at = AT_US
    assert await due(world) == [], "what was allowed before the change does not leave"
    await approve(world.system, await pending(world, message_id), 2, world.overseer)
    (delivery,) = await due(world)
    assert b"Other words" in (await open_delivery(world.system, delivery)).raw


async def test_another_time_needs_no_new_decision(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    message_id = await scheduled(world)
    await world.in_mode(Mode.READ_ONLY)
    changed = await edit_scheduled(world.context, ScheduleChange(message_id=message_id, send_at="2026-01-03T09:00:00Z"))
    assert (changed.status, changed.revision, changed.send_at) == ("scheduled", 1, "2026-01-03T09:00:00.000Z")
    world.clock.at = AT_US
    assert await due(world) == []
    world.clock.at = AT_US + DAY
    assert len(await due(world)) == 1


async def test_what_has_begun_to_leave_is_not_changed(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    message_id = await scheduled(world, to=["a@example.com", "b@example.com"])
    world.clock.at = AT_US
    assert len(await deliver.claim(world.system, "worker", 1)) == 1
    with pytest.raises(Refusal) as refused:
        await edit_scheduled(world.context, ScheduleChange(message_id=message_id, markdown="Late"))
    assert refused.value.code == "not_editable"
    assert len(await many(world.system.db, Delivery, "deliveries", message_id=message_id)) == 2


@pytest.mark.parametrize("gate_timing", ["gate_first", "schedule_first"])
async def test_a_scheduled_mail_can_be_withdrawn(world: World, gate_timing: str) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    message_id = await scheduled(world, gate_timing=gate_timing)
    await cancel(world.context, CancelRequest(message_id=message_id))
    world.clock.at = AT_US
    assert await fire_due(world.system) == 0 and await due(world) == []
    assert await status(world, message_id) == "cancelled"


async def test_an_edited_mail_counts_once(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    tight = replace(world, context=limited(world.context, Limits(mailbox_per_day=2)))
    message_id = await scheduled(tight, to=["a@example.com", "b@example.com"])
    await edit_scheduled(tight.context, ScheduleChange(message_id=message_id, markdown="Other words"))
    assert await counted(world) == 2
    await edit_scheduled(tight.context, ScheduleChange(message_id=message_id, to=["c@example.com"]))
    assert await counted(world) == 1
    with pytest.raises(Refusal) as refused:
        await edit_scheduled(
            tight.context, ScheduleChange(message_id=message_id, cc=["d@example.com", "e@example.com"])
        )
    assert refused.value.code == "rate_limited"
    assert await status(world, message_id) == "scheduled" and await counted(world) == 1
    world.clock.at = AT_US
    assert [each.recipient for each in await due(world)] == ["c@example.com"], "the refused change changed nothing"


async def test_schedule_first_waits_for_the_next_window_when_its_own_is_used_up(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    limits = Limits(mailbox_per_hour=1, mailbox_per_day=2)
    tight, system = replace(world, context=limited(world.context, limits)), limited(world.system, limits)
    ids = [await scheduled(tight, subject=f"Hi {number}", gate_timing="schedule_first") for number in range(4)]
    left: list[int] = []
    world.clock.at = AT_US
    await fire_due(system)
    waiting = await message_status(world.context, StatusRequest(message_id=ids[1]))
    assert (waiting.status, waiting.send_at) == ("scheduled", "2026-01-02T10:00:00.000Z")
    for hour in (0, 1, 2, 15, 16):
        world.clock.at = AT_US + hour * HOUR
        await fire_due(system)
        left.append([await status(world, each) for each in ids].count("queued"))
    assert left == [1, 2, 2, 3, 4], "one in an hour, two in a day, and none lost"
    rows = await world.system.db.rows("events", account_id=world.account.id, after=0, limit=100)
    assert sum(row["type"] == "message.postponed" for row in rows) == 3 + 2 + 1


async def test_schedule_first_that_no_window_will_ever_hold_is_rejected(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    limits = Limits(mailbox_per_day=1)
    message_id = await scheduled(world, to=["a@example.com", "b@example.com"], gate_timing="schedule_first")
    world.clock.at = AT_US
    await fire_due(limited(world.system, limits))
    assert await status(world, message_id) == "rejected"


def limited(context: Context, limits: Limits) -> Context:
    return replace(context, site=replace(context.site, limits=limits))


async def counted(world: World) -> int:
    """Places of the mailbox that are taken in the day of `AT`."""
    context = limited(world.context, Limits(mailbox_per_day=2))
    found = await allowance(context, context.db, world.mailbox, AT_US)
    return next(window.used for window in found.windows if (window.subject, window.span) == ("mailbox", "day"))


async def test_the_undo_window_leaves_time_to_withdraw(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    context = replace(world.context, site=replace(world.context.site, undo_seconds=30))
    sent = await send(context, SendRequest(to=["a@example.com"], subject="Hi", markdown="x"))
    kept = await send(context, SendRequest(to=["b@example.com"], subject="Hi", markdown="y"))
    assert sent.status == "queued" and await due(world) == []
    await cancel(context, CancelRequest(message_id=sent.message_id))
    world.clock.at += 31 * SECOND
    assert [delivery.message_id for delivery in await due(world)] == [kept.message_id]


@pytest.mark.parametrize(
    "send_at",
    ["tomorrow", "2026-01-02T09:00:00", "2026-01-02T09:00:00+01:00", "2025-12-31T00:00:00Z", "2030-01-01T00:00:00Z"],
)
async def test_a_time_that_cannot_be_is_refused(world: World, send_at: str) -> None:
    with pytest.raises(Refusal) as refused:
        await scheduled(world, send_at=send_at)
    assert refused.value.code == "invalid_time"


async def test_the_overseer_is_reminded_once(world: World) -> None:
    await send(world.context, SendRequest(to=["a@example.com"], subject="Hi", markdown="x"))
    assert len(await notices.claim(world.system, 10)) == 1
    await tidy(world.system)
    assert await notices.claim(world.system, 10) == []
    world.clock.at += 25 * HOUR
    for _ in range(2):
        await tidy(world.system)
    found = [each for each in await notices.claim(world.system, 10) if each.created_at > START + 24 * HOUR]
    assert [type(each) for each in found] == [Notice] and found[0].kind == "approval"


async def test_a_mail_that_is_gone_keeps_none_behind_it_waiting(world: World, tmp_path: Path) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    content = base64.b64encode(b"x" * 2 * INLINE).decode()
    file = {"name": "a.bin", "content_type": "application/octet-stream", "content_base64": content}
    gone = await scheduled(world, gate_timing="schedule_first", attachments=[file])
    behind = await scheduled(world, gate_timing="schedule_first", subject="The next")
    (blob,) = (path for path in (tmp_path / "blobs").rglob("*") if path.is_file())
    blob.unlink()
    world.clock.at = AT_US
    await fire_due(world.system)
    assert (await status(world, gone), await status(world, behind)) == ("send_failed", "queued")
