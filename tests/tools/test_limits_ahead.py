"""Limits on mail that leaves later: it takes its places in the hour, the day and the month it leaves in (002-3)."""

import asyncio
from collections import Counter
from random import Random

import pytest

from policies.modes import Mode
from policies.windows import DAY, HOUR, SECOND, Limits, Span
from storage.database import many, one
from storage.records import Approval, Delivery
from tests.conftest import START, World, overseer
from tests.fakes.limited import TEN, handed_in, limited, mail, used
from tools import deliver
from tools.cancel import CancelRequest, cancel
from tools.decide import approve
from tools.errors import Refusal
from tools.housekeeping import tidy
from tools.preview import PreviewRequest, preview
from tools.schedule import ScheduleChange, edit_scheduled
from tools.send import send
from tools.views import time_text

NINE = 9 * HOUR


async def test_002_3_a_days_cap_holds_for_what_leaves_on_that_day(world: World) -> None:
    """002-3: whenever it was allowed. Ten a day were planned on two days for a third, and ten more sent on it."""
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, TEN)
    third = START + 2 * DAY + NINE
    planned = [await handed_in(context, number, third) for number in range(11)]
    assert planned == [*["scheduled"] * 10, "rate_limited"]
    assert await handed_in(context, 20, third + DAY) == "scheduled", "the next day has room"
    assert [await handed_in(context, number, None) for number in range(30, 41)] == [*["queued"] * 10, "rate_limited"]
    world.clock.at += DAY
    assert await handed_in(context, 50, third) == "rate_limited"
    world.clock.at += DAY
    assert await handed_in(context, 60, None) == "rate_limited", "what was planned has the places of today"
    assert await used(world, world.clock.at) == 10


async def test_002_3_fifty_concurrent_plans_for_one_day_never_exceed_a_cap_of_ten(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, TEN)
    outcomes = await asyncio.gather(*(handed_in(context, each, START + DAY + each * SECOND) for each in range(50)))
    assert outcomes.count("scheduled") == 10 and outcomes.count("rate_limited") == 40
    world.clock.at = START + DAY + HOUR
    assert len(await deliver.claim(world.system, "worker", 99, per_domain=99)) == 10


async def test_an_hour_is_guarded_like_a_day(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, Limits(mailbox_per_hour=2))
    assert [await handed_in(context, each, START + 3 * HOUR + each) for each in range(3)][2] == "rate_limited"
    assert [await handed_in(context, 10 + each, START + 4 * HOUR) for each in range(2)] == ["scheduled"] * 2
    world.clock.at = START + 3 * HOUR
    assert await handed_in(context, 20, None) == "rate_limited"
    assert await handed_in(context, 21, world.clock.at + 2 * HOUR) == "scheduled"


async def test_the_refusal_and_the_preview_speak_of_the_day_it_shall_leave_in(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, Limits(mailbox_per_day=1))
    assert await handed_in(context, 1, START + DAY + NINE) == "scheduled"
    with pytest.raises(Refusal) as refused:
        await send(context, mail(2, START + DAY + NINE))
    assert "1 recipients in the day it shall leave in, 1 are taken" in str(refused.value.details)
    assert refused.value.retry_after == 2 * DAY // SECOND
    asked = mail(3, START + DAY + NINE).model_dump(include={"to", "subject", "markdown", "send_at"})
    assert (await preview(context, PreviewRequest.model_validate(asked))).status == "rejected"


async def test_approved_mail_takes_its_place_on_the_day_it_leaves(world: World) -> None:
    context = limited(world, Limits(mailbox_per_day=1))
    held = [await send(context, mail(number, START + DAY + NINE)) for number in range(2)]
    approvals = [await one(context.db, Approval, "approval_of_message", message_id=each.message_id) for each in held]
    acting = context.acting_as(overseer(world))
    first, second = (each for each in approvals if each is not None)
    await approve(acting, first, 1, world.overseer)
    assert await used(world, START) == 0
    with pytest.raises(Refusal) as refused:
        await approve(acting, second, 1, world.overseer)
    assert refused.value.code == "approval_refused"


async def test_another_time_takes_the_places_along_if_there_is_room(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, Limits(mailbox_per_day=2))
    first, second = START + DAY + NINE, START + 2 * DAY + NINE
    moving = (await send(context, mail(1, first, 2))).message_id
    await send(context, mail(2, second))
    with pytest.raises(Refusal) as refused:
        await edit_scheduled(context, ScheduleChange(message_id=moving, send_at=time_text(second)))
    assert refused.value.code == "rate_limited"
    assert [await used(world, at) for at in (first, second)] == [2, 1], "it stayed as it was"
    changed = await edit_scheduled(context, ScheduleChange(message_id=moving, send_at=time_text(second + DAY)))
    assert changed.send_at == time_text(second + DAY)
    assert [await used(world, at) for at in (first, second, second + DAY)] == [0, 1, 2]
    await edit_scheduled(context, ScheduleChange(message_id=moving, send_at=time_text(first), to=["b@example.com"]))
    assert [await used(world, at) for at in (first, second, second + DAY)] == [1, 1, 0]


async def test_what_can_be_withdrawn_until_after_midnight_counts_there(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, Limits(mailbox_per_day=1), undo_seconds=30)
    world.clock.at = START + DAY - 10 * SECOND
    assert [await handed_in(context, each, None) for each in range(2)] == ["queued", "rate_limited"]
    world.clock.at = START + DAY
    assert await handed_in(context, 2, None) == "rate_limited"


async def test_windows_that_are_over_are_forgotten(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await send(limited(world, TEN), mail(1, START + DAY))
    world.clock.at += 70 * DAY
    await tidy(world.system)
    assert await world.system.db.write(lambda each: each.run("forget_usage_ahead", before=START + 99 * DAY)) == 0


@pytest.mark.parametrize("seed", range(4))
async def test_002_3_whatever_is_planned_moved_and_withdrawn_no_day_has_more_than_its_cap(
    world: World, seed: int
) -> None:
    """002-3: and the count of each day is what leaves on it."""
    await world.in_mode(Mode.AUTONOMOUS)
    random, context, ids = Random(seed), limited(world, Limits(mailbox_per_day=4, mailbox_per_hour=3)), list[str]()
    for number in range(60):
        world.clock.at += random.randrange(2 * HOUR)
        at = world.clock.at + random.randrange(1, 3 * DAY)
        try:
            match random.choice("snmc"):
                case "s":
                    ids.append((await send(context, mail(number, at, random.randint(1, 2)))).message_id)
                case "n":
                    ids.append((await send(context, mail(number, None))).message_id)
                case "m" if ids:
                    moved = ScheduleChange(message_id=random.choice(ids), send_at=time_text(at))
                    await edit_scheduled(context, moved)
                case "c" if ids:
                    await cancel(context, CancelRequest(message_id=random.choice(ids)))
        except Refusal as refusal:
            assert refusal.code in ("rate_limited", "not_editable", "not_cancellable")
    due = [each for id_ in ids for each in await many(context.db, Delivery, "deliveries", message_id=id_)]
    leaving = Counter(Span.DAY.start(each.due_at) for each in due if each.state == "queued")
    assert leaving and max(leaving.values()) <= 4
    assert max(Counter(Span.HOUR.start(each.due_at) for each in due if each.state == "queued").values()) <= 3
    today = Span.DAY.start(world.clock.at)
    ahead = [today + day * DAY for day in range(4)]
    assert [await used(world, day + DAY - 1) for day in ahead] == [leaving[day] for day in ahead]
