"""Suppression over the database: at the gate, after an approval, before an attempt, and what outcomes add."""

import asyncio
from dataclasses import replace

import pytest

from policies.modes import Mode
from policies.suppression import BOUNCES_IN_ROW, Reason
from storage.database import Transaction, many, one
from storage.records import Approval, Delivery, Event, Message, Suppression
from tests.conftest import World, make_world
from tools import deliver
from tools.accounts import trust_categories
from tools.context import DAY, Context, Principal
from tools.decide import approve
from tools.deliver import Settlement
from tools.errors import Refusal
from tools.limits import counted
from tools.message_status import StatusRequest, message_status
from tools.operation import perform
from tools.outgoing import Stopped, open_delivery
from tools.send import SendRequest, send
from tools.suppressing import suppress
from tools.suppression import (
    ADD_SUPPRESSIONS,
    LIST_SUPPRESSIONS,
    REMOVE_SUPPRESSION,
    AddRequest,
    RemoveRequest,
    SuppressionEntry,
    SuppressionsRequest,
    add_suppressions,
    lift,
    list_suppressions,
    remove_suppression,
)

BEA = "Bea@example.com"


def operator(world: World) -> Context:
    return world.system.acting_as(Principal(world.account.id, frozenset({"admin"}), "key key_1"))


async def put(world: World, reason: Reason, address: str = BEA, *, transactional_only: bool = False) -> bool:
    async def work(transaction: Transaction) -> bool:
        return await suppress(
            transaction, world.clock(), world.account.id, address, reason, transactional_only=transactional_only
        )

    return await world.system.db.write(work)


async def entry(world: World, address: str = "bea@example.com") -> Suppression | None:
    return await one(world.system.db, Suppression, "suppression", account_id=world.account.id, address=address)


async def hand_in(world: World, to: str = BEA, **fields: object) -> str:
    request = {"to": [to], "subject": f"Offer {world.clock()}", "markdown": "Here it is."} | fields
    return (await send(world.context, SendRequest.model_validate(request))).message_id


async def refusal_of(world: World, to: str = BEA, **fields: object) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await hand_in(world, to, **fields)
    return refused.value


async def settled(world: World, state: deliver.State, category: str = "", code: int = 0, to: str = BEA) -> Delivery:
    """A mail handed in, claimed and settled so."""
    message_id = await hand_in(world, to)
    (delivery,) = await deliver.claim(world.system, "worker", 1)
    assert delivery.message_id == message_id
    await open_delivery(world.system, delivery)
    words = Settlement(state, code, "", "the remote's words", category, "mx.example.net", world.clock() + DAY)
    assert await deliver.settle(world.system, delivery, words)
    return delivery


async def test_a_suppressed_recipient_is_refused_in_every_mode(world: World) -> None:
    """003: whatever the mode, and in whatever spelling; what others are on does not matter."""
    await put(world, Reason.UNSUBSCRIBE)
    for mode in (Mode.GATED_SEND, Mode.MONITORED, Mode.AUTONOMOUS):
        await world.in_mode(mode)
        refusal = await refusal_of(world, to="bEA@Example.COM", cc=["carl@example.com"])
        assert refusal.code == "recipient_suppressed" and refusal.condition.smtp == "550 5.7.1"
        assert "bEA@example.com (unsubscribe)" in str(refusal.details["reasons"])
    await hand_in(world, to="carl@example.com")
    other = await make_world(world.system, world.clock, "others.example")
    await hand_in(other)


async def test_000_10_what_a_person_asked_for_passes_an_unsubscription(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await put(world, Reason.UNSUBSCRIBE)
    await trust_categories(world.system, world.mailbox, trusted=True)
    for category in ("login-link", "password-reset", "mfa-otp", "verification"):
        await hand_in(world, category=category)
        (delivery,) = await deliver.claim(world.system, "worker", 1)
        assert (await open_delivery(world.system, delivery)).unsubscribe_url is None
    for category in ("transactional", "bulk", "broadcast"):
        assert (await refusal_of(world, category=category)).code == "recipient_suppressed"
    await put(world, Reason.COMPLAINT)
    assert (await refusal_of(world, category="login-link")).code == "recipient_suppressed"


async def test_000_10_an_agents_word_alone_passes_no_unsubscription(world: World) -> None:
    """An exempt category from a mailbox that the operator did not mark waits for a person, who may let it go."""
    await world.in_mode(Mode.AUTONOMOUS)
    await put(world, Reason.UNSUBSCRIBE)
    message_id = await hand_in(world, category="login-link")
    assert await deliver.claim(world.system, "worker", 9) == {}
    approval = await one(world.system.db, Approval, "approval_of_message", message_id=message_id)
    assert approval is not None and "gatepost mailbox transactional" in approval.reasons
    await approve(world.system, approval, 1, world.overseer)
    (delivery,) = await deliver.claim(world.system, "worker", 9)
    await open_delivery(world.system, delivery)
    await trust_categories(world.system, world.mailbox, trusted=True)
    await trust_categories(world.system, world.mailbox, trusted=False)
    await hand_in(world, category="mfa-otp")
    assert await deliver.claim(world.system, "worker", 9) == {}


async def test_a_suppression_that_came_later_refuses_the_approval(world: World) -> None:
    message_id = await hand_in(world)
    approval = await one(world.system.db, Approval, "approval_of_message", message_id=message_id)
    assert approval is not None
    await put(world, Reason.COMPLAINT)
    with pytest.raises(Refusal) as refused:
        await approve(world.system, approval, 1, world.overseer)
    assert refused.value.code == "approval_refused" and "complaint" in str(refused.value.details)
    assert await many(world.system.db, Delivery, "deliveries", message_id=message_id) == []


async def test_004_5_a_suppression_is_looked_at_before_each_attempt(world: World) -> None:
    """002-11: what another worker has in hand for an address that bounced for good is not attempted any more."""
    await world.in_mode(Mode.AUTONOMOUS)
    await hand_in(world)
    await hand_in(world)
    first, second = await deliver.claim(world.system, "worker", 9)
    await no_mailbox(world, first)
    with pytest.raises(Stopped, match="suppressed \\(bounce\\)"):
        await open_delivery(world.system, second)


async def no_mailbox(world: World, delivery: Delivery) -> None:
    words = Settlement("bounced", 550, "5.1.1", "no such user", "NoMailbox", "mx.example.net", world.clock())
    assert await deliver.settle(world.system, delivery, words)


async def test_002_11_a_hard_bounce_cancels_what_is_queued_for_the_address(world: World) -> None:
    """002-11: in any spelling, deferred and scheduled mail too; other recipients and other accounts are not touched."""
    await world.in_mode(Mode.AUTONOMOUS)
    first = await hand_in(world)
    (delivery,) = await deliver.claim(world.system, "worker", 1)
    alone = await hand_in(world, to="BEA@example.com")
    shared = await hand_in(world, cc=["carl@example.com"])
    later = await hand_in(world, send_at="2026-01-05T09:00:00Z")
    other = await make_world(world.system, world.clock, "others.example")
    await other.in_mode(Mode.AUTONOMOUS)
    theirs = await hand_in(other)
    assert await used(world) == 5
    await no_mailbox(world, delivery)
    assert [await status(world, each) for each in (first, alone, shared, later)] == [
        "bounced",
        "cancelled",
        "queued",
        "cancelled",
    ]
    assert await used(world) == 2, "what was not attempted gave its place back"
    left = {each.recipient: each.message_id for each in await deliver.claim(world.system, "worker", 9)}
    assert left == {"carl@example.com": shared, BEA: theirs}
    (stopped,) = await many(world.system.db, Delivery, "deliveries", message_id=alone)
    assert (stopped.state, stopped.category) == ("cancelled", "NotDelivered")
    assert stopped.reply == "not sent: the recipient is suppressed (bounce)"
    events = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=100)
    assert [event.message_id for event in events if event.type == "delivery.cancelled"] == [alone, shared, later]
    assert [event.message_id for event in events if event.type == "message.cancelled"] == [alone, later]


async def used(world: World) -> int:
    """Recipients counted this month, today or for a later day."""
    windows = await counted(world.system, world.system.db, world.mailbox)
    return next(window.used for window in windows if window.span == "month")


async def status(world: World, message_id: str) -> str:
    return (await message_status(world.context, StatusRequest(message_id=message_id))).status


async def test_004_5_a_transactional_only_contact_gets_no_bulk_mail(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await hand_in(world, category="bulk")
    await hand_in(world)
    await put(world, Reason.MANUAL, transactional_only=True)
    assert (await refusal_of(world, category="broadcast")).code == "recipient_suppressed"
    stopped = 0
    for delivery in await deliver.claim(world.system, "worker", 9):
        message = await one(
            world.system.db, Message, "message_of_account", id=delivery.message_id, account_id=world.account.id
        )
        assert message is not None
        try:
            await open_delivery(world.system, delivery)
        except Stopped:
            stopped += 1
            assert message.category == "bulk"
    assert stopped == 1


async def test_004_3_no_mailbox_suppresses_at_once_with_the_words(world: World) -> None:
    """004-2: a refusal for good ends the delivery with its first attempt."""
    await world.in_mode(Mode.AUTONOMOUS)
    delivery = await settled(world, "bounced", "NoMailbox", 550)
    found = await entry(world)
    assert found is not None
    assert (found.reason, found.code, found.reply) == ("bounce", 550, "the remote's words")
    status = await message_status(world.context, StatusRequest(message_id=delivery.message_id))
    assert (status.status, status.deliveries[0].attempts) == ("bounced", 1)
    events = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=100)
    assert "suppression.added" in [event.type for event in events]


async def test_004_3_the_seventh_bounce_in_a_row_suppresses_and_a_delivery_resets(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    for _ in range(BOUNCES_IN_ROW - 1):
        await settled(world, "bounced", "Spam", 554)
    world.clock.at += 2 * DAY  # or so many bounces would pause the account
    await settled(world, "sent", code=250)
    for _ in range(BOUNCES_IN_ROW - 1):
        await settled(world, "bounced", "Spam", 554)
    assert await entry(world) is None
    await settled(world, "bounced", "Timeout")
    found = await entry(world)
    assert found is not None and found.reason == "bounce"


async def test_what_the_sandbox_took_resets_nobodys_bounces(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    for _ in range(BOUNCES_IN_ROW - 1):
        await settled(world, "bounced", "Spam", 554)
    world.clock.at += 2 * DAY  # or so many bounces would pause the account
    rehearsing = world.system.acting_as(replace(world.context.principal, sandbox=True))
    await settled(replace(world, context=rehearsing), "sent", code=250)
    await settled(world, "bounced", "Spam", 554)
    assert await entry(world) is not None


async def test_bounces_that_come_at_once_are_all_counted(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    for _ in range(BOUNCES_IN_ROW):
        await hand_in(world)
    claimed = await deliver.claim(world.system, "worker", BOUNCES_IN_ROW)
    words = Settlement("bounced", 554, "", "spam", "Spam", "mx.example.net", world.clock())
    await asyncio.gather(*(deliver.settle(world.system, delivery, words) for delivery in claimed))
    assert await entry(world) is not None


async def test_004_4_a_full_mailbox_is_listed_on_5xx_and_retried_on_4xx(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await settled(world, "deferred", "AccountProblem", 452, to="carl@example.com")
    await settled(world, "bounced", "AccountProblem", 452, to="dora@example.com")
    await settled(world, "bounced", "AccountProblem", 552)
    assert await entry(world, "carl@example.com") is await entry(world, "dora@example.com") is None
    assert await entry(world) is not None


async def test_an_overseers_copy_is_never_stopped_and_never_counted(world: World) -> None:
    await world.in_mode(Mode.MONITORED)
    await put(world, Reason.BOUNCE, world.overseer)
    await hand_in(world, category="bulk")
    for delivery in await deliver.claim(world.system, "worker", 9):
        outgoing = await open_delivery(world.system, delivery)
        assert (outgoing.unsubscribe_url is None) is bool(delivery.is_copy)
        words = Settlement("bounced", 550, "5.1.1", "no such user", "NoMailbox", "mx.example.net", world.clock())
        await deliver.settle(world.system, delivery, words)
    assert await entry(world) is not None
    rows = await world.system.db.rows("contact", account_id=world.account.id, address=world.overseer)
    assert rows == []


async def test_004_11_a_list_is_added_with_reason_and_code_and_pages_without_gaps(world: World) -> None:
    acting = operator(world)
    wanted = [f"Name{number}@example.com" for number in range(7)]
    added = await perform(
        ADD_SUPPRESSIONS, acting, AddRequest(addresses=wanted, reason="complaint", code=550, reply="abuse")
    )
    assert [each.address for each in added.suppressions] == [address.lower() for address in wanted]
    await add_suppressions(acting, AddRequest(addresses=["other@example.com"]))
    seen: list[SuppressionEntry] = []
    cursor = None
    while True:
        request = SuppressionsRequest(reason="complaint", limit=3, cursor=cursor)
        page = await perform(LIST_SUPPRESSIONS, acting, request)
        seen += page.suppressions
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(each.address for each in seen) == [address.lower() for address in wanted]
    assert {(each.reason, each.code, each.reply_untrusted) for each in seen} == {("complaint", 550, "abuse")}
    removed = await perform(REMOVE_SUPPRESSION, acting, RemoveRequest(address="NAME0@example.com"))
    assert removed.reason == "complaint" and await entry(world, "name0@example.com") is None


async def test_an_entry_with_a_stronger_reason_keeps_its_place_in_the_list(world: World) -> None:
    """Whoever keeps a copy of the list would miss an address that bounced while it was read."""
    acting, wanted = operator(world), [f"name{number}@example.com" for number in range(6)]
    for address in wanted:
        await add_suppressions(acting, AddRequest(addresses=[address]))
    first = await list_suppressions(acting, SuppressionsRequest(limit=3))
    await add_suppressions(acting, AddRequest(addresses=wanted[:1], reason="bounce"))
    rest = await list_suppressions(acting, SuppressionsRequest(limit=3, cursor=first.next_cursor))
    assert [each.address for each in (*first.suppressions, *rest.suppressions)] == wanted[::-1]
    assert rest.suppressions[-1].reason == "bounce"


async def test_one_bad_address_adds_nobody(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        await add_suppressions(operator(world), AddRequest(addresses=["a@example.com", "nobody"]))
    assert refused.value.code == "invalid_address"
    assert (await list_suppressions(operator(world), SuppressionsRequest())).suppressions == []


async def test_a_weaker_reason_never_replaces_a_stronger_one(world: World) -> None:
    assert await put(world, Reason.MANUAL, transactional_only=True)
    for reason in Reason:
        assert await put(world, reason)
    for reason in Reason:
        assert not await put(world, reason)
    found = await entry(world)
    assert found is not None and found.reason == "bounce"


async def test_003_a_hard_bounce_is_lifted_by_the_operator_on_the_machine_alone(world: World) -> None:
    await put(world, Reason.BOUNCE)
    with pytest.raises(Refusal) as refused:
        await remove_suppression(operator(world), RemoveRequest(address=BEA))
    assert (refused.value.code, refused.value.condition.status) == ("hard_bounce", 403)
    assert await entry(world) is not None
    await lift(operator(world), BEA, bounced=True)
    assert await entry(world) is None
    with pytest.raises(Refusal) as refused:
        await remove_suppression(operator(world), RemoveRequest(address=BEA))
    assert refused.value.code == "suppression_not_found"


async def test_an_agent_and_another_account_cannot_touch_the_list(world: World) -> None:
    await put(world, Reason.MANUAL)
    with pytest.raises(Refusal) as refused:
        await perform(REMOVE_SUPPRESSION, world.context, RemoveRequest(address=BEA))
    assert refused.value.code == "missing_scope"
    other = await make_world(world.system, world.clock, "others.example")
    with pytest.raises(Refusal) as refused:
        await remove_suppression(operator(other), RemoveRequest(address=BEA))
    assert refused.value.code == "suppression_not_found"
    assert (await list_suppressions(operator(other), SuppressionsRequest())).suppressions == []
