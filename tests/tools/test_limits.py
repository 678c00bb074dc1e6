"""Limits at the gate, on both databases: never exceeded, counted in recipients, counted when mail is let out."""

import asyncio
from dataclasses import replace

import pytest

from policies.modes import Mode
from policies.windows import DAY, HOUR, Limits, Tier
from storage.database import one
from storage.records import Approval
from tests.conftest import World, overseer
from tests.fakes.limited import TEN, handed_in, limited, mail, used
from tools import deliver
from tools.accounts import create_mailbox
from tools.cancel import CancelRequest, cancel
from tools.decide import approve
from tools.errors import Refusal
from tools.send import send
from tools.usage import UsageRequest, usage

DOMAIN = Limits(domain_tiers=(Tier(1, 2, 10), Tier(8, 10, 50), Tier(15, 100, 1000)))


async def queued(world: World) -> int:
    return await used(world, world.clock.at)


async def test_002_3_fifty_concurrent_sends_never_exceed_a_cap_of_ten(world: World) -> None:
    """002-3: exactly ten of fifty are let out, and the count goes down to nothing left."""
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, TEN)
    outcomes = await asyncio.gather(*(handed_in(context, number) for number in range(50)))
    assert sorted(set(outcomes)) == ["queued", "rate_limited"] and outcomes.count("queued") == 10
    assert await queued(world) == 10
    (day,) = [each for each in (await usage(context, UsageRequest())).limits if each.window == "day"]
    assert (day.limit, day.used, day.remaining) == (10, 10, 0)


async def test_002_3_mailboxes_share_their_accounts_cap_under_concurrency(world: World) -> None:
    """002-3: the cap of the account holds over its mailboxes, each with a row of its own to lock."""
    limits = Limits(account_per_day=10)
    boxes = [await create_mailbox(world.system, world.account.id, f"m{each}", "agents.example") for each in range(5)]
    wide = replace(limited(world, limits), principal=replace(world.context.principal, mailbox_id=None))
    for box in boxes:
        await replace(world, mailbox=box).in_mode(Mode.AUTONOMOUS)

    async def one_of(number: int) -> str:
        return await handed_in(wide, number, mailbox_id=boxes[number % 5].id)

    outcomes = await asyncio.gather(*(one_of(number) for number in range(50)))
    assert outcomes.count("queued") == 10 and outcomes.count("rate_limited") == 40


async def test_002_3_the_day_begins_at_midnight_utc(world: World) -> None:
    """002-3: what was used up is there again at 00:00 UTC, and not a second earlier."""
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, Limits(mailbox_per_day=1))
    midnight = world.clock.at - world.clock.at % DAY + DAY
    assert await handed_in(context, 1) == "queued"
    world.clock.at = midnight - 10_000_000
    with pytest.raises(Refusal) as refused:
        await send(context, mail(2))
    assert refused.value.code == "rate_limited" and 1 <= (refused.value.retry_after or 0) <= 10
    world.clock.at = midnight
    assert await handed_in(context, 3) == "queued"


async def test_recipients_are_counted_and_not_mails(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, TEN)
    assert [await handed_in(context, number, recipients=4) for number in range(3)] == [
        "queued",
        "queued",
        "rate_limited",
    ]
    assert await handed_in(context, 3, recipients=2) == "queued", "two places were left"
    assert await queued(world) == 10


async def test_held_mail_counts_when_it_is_let_out_and_approval_lifts_no_cap(world: World) -> None:
    context = limited(world, Limits(mailbox_per_day=1))
    held = [await send(context, mail(number)) for number in range(2)]
    assert await queued(world) == 0
    approvals = [await one(context.db, Approval, "approval_of_message", message_id=each.message_id) for each in held]
    acting = context.acting_as(overseer(world))
    first, second = (each for each in approvals if each is not None)
    await approve(acting, first, 1, world.overseer)
    assert await queued(world) == 1
    with pytest.raises(Refusal) as refused:
        await approve(acting, second, 1, world.overseer)
    assert refused.value.code == "approval_refused" and "1 recipients in this day" in str(refused.value.details)
    again = await one(context.db, Approval, "approval_of_message", message_id=second.message_id)
    assert again is not None and again.state == "pending", "it can be approved tomorrow"


async def test_000_4_a_young_domain_meets_its_hour_its_day_and_the_next_tier(world: World) -> None:
    """000-4: 2 an hour and 10 a day at first, more from day 8, the full limits from day 15; windows reset."""
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, DOMAIN)
    start = world.clock.at - world.clock.at % DAY + DAY
    number = 0
    allowed: list[int] = []
    for hour in range(7):
        world.clock.at = start + hour * HOUR
        outcomes = [await handed_in(context, number := number + 1) for _ in range(3)]
        allowed.append(outcomes.count("queued"))
        assert set(outcomes) <= {"queued", "warmup_limit"}
    assert allowed == [2, 2, 2, 2, 2, 0, 0], "the hour, and then the day"
    created = world.account.created_at
    for day, per_hour in ((8, 10), (15, 100)):
        world.clock.at = created + (day - 1) * DAY + HOUR
        found = {each.window: each for each in (await usage(context, UsageRequest())).limits}
        assert found["hour"].limit == per_hour
    assert found["hour"].stage is None, "day 15 is no warming any more"
    outcomes = [await handed_in(context, number := number + 1) for _ in range(11)]
    assert set(outcomes) == {"queued"}


async def test_003_a_new_mailbox_warms_up_and_the_refusal_says_how(world: World) -> None:
    """Seed 003: seven days of growing daily limits; the refusal names stage, limit and the wait to midnight."""
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, Limits(mailbox_tiers=(Tier(1, None, 1), Tier(2, None, 3), Tier(3))))
    assert await handed_in(context, 1) == "queued"
    with pytest.raises(Refusal) as refused:
        await send(context, mail(2))
    assert refused.value.code == "warmup_limit" and refused.value.condition.status == 429
    assert refused.value.condition.smtp == "451 4.7.1"
    details = refused.value.details
    assert (details["warmup_stage"], details["limit"], details["used"]) == (1, 1, 1)
    left = DAY - world.clock.at % DAY
    assert abs((refused.value.retry_after or 0) - left // 1_000_000) <= 1
    world.clock.at = world.mailbox.created_at + 2 * DAY
    assert [await handed_in(context, number) for number in range(3, 9)] == ["queued"] * 6


async def test_002_3_withdrawn_mail_gives_its_place_back_while_its_window_goes_on(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, Limits(mailbox_per_hour=2, mailbox_per_day=3))
    first = await send(context, mail(1, recipients=2))
    assert await handed_in(context, 2) == "rate_limited"
    await cancel(context, CancelRequest(message_id=first.message_id))
    await cancel(context, CancelRequest(message_id=first.message_id))
    assert await queued(world) == 0, "given back once"
    second = await send(context, mail(3, recipients=2))
    world.clock.at += HOUR
    await cancel(context, CancelRequest(message_id=second.message_id))
    found = {each.window: each.used for each in (await usage(context, UsageRequest())).limits}
    assert (found["hour"], found["day"], found["month"]) == (0, 0, 0)
    third = await send(context, mail(4, recipients=2))
    world.clock.at += DAY
    assert [await handed_in(context, number) for number in (5, 6)] == ["queued", "queued"]
    await cancel(context, CancelRequest(message_id=third.message_id))
    assert await queued(world) == 2, "what was counted yesterday frees no place today"


async def test_what_was_attempted_gives_no_place_back(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    handed = await send(world.context, mail(1))
    (delivery,) = await deliver.claim(world.system, "worker", 1)
    later = deliver.Settlement("deferred", 451, "4.2.0", "later", "Throttled", "mx", world.clock.at + DAY)
    assert await deliver.settle(world.system, delivery, later)
    await cancel(world.context, CancelRequest(message_id=handed.message_id))
    assert await queued(world) == 1


async def test_002_3_sending_and_withdrawing_at_once_never_exceeds_the_cap(world: World) -> None:
    """002-3: whatever is given back meanwhile, no more is out than the cap, and the count is what is out."""
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, TEN)

    async def send_and_withdraw(number: int) -> int:
        try:
            handed = await send(context, mail(number))
        except Refusal:
            return 0
        if number % 2:
            await cancel(context, CancelRequest(message_id=handed.message_id))
        return 1 - number % 2

    out = sum(await asyncio.gather(*(send_and_withdraw(number) for number in range(50))))
    assert out <= 10 and await queued(world) == out
    rest = sum([await handed_in(context, 100 + number) == "queued" for number in range(20)])
    assert out + rest == 10


async def test_the_months_quota_has_its_own_code(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, Limits(account_per_month=2))
    assert [await handed_in(context, each) for each in range(3)] == ["queued", "queued", "quota_exceeded"]


async def test_a_denied_mail_leaves_its_idempotency_key_free(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    context = limited(world, Limits(mailbox_per_day=1))
    await send(context, mail(1))
    request = mail(2).model_copy(update={"idempotency_key": "k"})
    with pytest.raises(Refusal):
        await send(context, request)
    world.clock.at += DAY
    assert (await send(context, request)).status == "queued"
    assert (await send(context, request)).replayed
