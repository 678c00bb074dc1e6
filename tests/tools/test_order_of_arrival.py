"""Who goes on from a mail or a cursor gets all that came since, each once: by the log, whatever the clock says."""

import asyncio
from dataclasses import replace

import pytest

from policies.modes import Mode
from storage.database import many
from storage.records import Approval
from tests.conftest import World, eventually
from tools.accounts import create_mailbox
from tools.check_inbox import InboxRequest, check_inbox
from tools.context import DAY, HOUR
from tools.decide import approve
from tools.expected import tell_overdue
from tools.receive import Arrival, receive
from tools.send import SendRequest, send
from tools.tags import TagRequest, tag
from tools.wait_for_message import Arrivals, WaitRequest, wait_for_message


async def arrive(world: World, *subjects: str, address: str = "") -> None:
    for subject in subjects:
        raw = f"From: ann@example.com\r\nTo: ada@agents.example\r\nSubject: {subject}\r\n\r\nHello\r\n".encode()
        await receive(world.system, Arrival("ann@example.com", (address or world.mailbox.address,), raw))


async def ids(world: World) -> dict[str, str]:
    """Ids of all mail by subjects."""
    page = await check_inbox(world.context, InboxRequest(limit=100))
    return {each.subject_untrusted: each.message_id for each in page.messages}


async def wait(world: World, **wanted: object) -> Arrivals:
    return await wait_for_message(world.context, WaitRequest.model_validate({"timeout_seconds": 1} | wanted))


def subjects(found: Arrivals) -> list[str]:
    return [each.subject_untrusted for each in found.messages]


async def test_what_comes_after_the_clock_went_back_is_newer(world: World) -> None:
    await arrive(world, "Before")
    world.clock.at -= HOUR
    await arrive(world, "After")
    before, after = (await ids(world))["Before"], (await ids(world))["After"]
    assert subjects(await wait(world, after_message_id=before)) == ["After"]
    assert (await wait(world, after_message_id=after)).timed_out


async def test_mails_of_one_moment_have_an_order(world: World) -> None:
    """Their ids are random: by time and id, half of those behind one of them were passed over."""
    names, at = [f"Mail {number}" for number in range(12)], world.clock.at
    await arrive(replace(world, system=replace(world.system, clock=lambda: at)), *names)
    known = await ids(world)
    for number in (0, 5, 11):
        found = await wait(world, after_message_id=known[f"Mail {number}"])
        assert subjects(found) == names[number + 1 :], number


async def test_what_a_person_lets_in_later_is_newer_than_what_came_meanwhile(world: World) -> None:
    await world.in_mode(Mode.GATED_ALL)
    await arrive(world, "Held")
    await world.in_mode(Mode.GATED_SEND)
    world.clock.at += HOUR
    await arrive(world, "Not held")
    known = await ids(world)
    (held,) = await many(world.system.db, Approval, "pending_approvals", account_id=world.account.id, limit=2)
    await approve(world.system, held, 1, world.overseer)
    assert subjects(await wait(world, after_message_id=known["Not held"])) == ["Held"]
    assert (await wait(world, after_message_id=(await ids(world))["Held"])).timed_out


async def test_what_came_after_a_mail_of_one_s_own(world: World) -> None:
    await arrive(world, "Before")
    sent = await send(world.context, SendRequest(to=["ann@example.com"], subject="Mine", markdown="Well?"))
    world.clock.at -= DAY
    await arrive(world, "After")
    assert subjects(await wait(world, after_message_id=sent.message_id)) == ["After"]


@pytest.mark.parametrize("step", [60_000_000, 0, -60_000_000])
async def test_mail_that_comes_while_the_rest_is_fetched_is_told_once(world: World, step: int) -> None:
    """Of much unread mail a call lists twenty: what came since then is told by the log, and not by the list as well."""
    names, seen, since = [f"Mail {number}" for number in range(45)], list[str](), None
    for name in names:
        await arrive(world, name)
        world.clock.at += step
    for number in range(5):
        found = await wait(world, since=since)
        seen, since = seen + subjects(found), found.cursor
        if number < 4:
            await arrive(world, late := f"Late {number}")
            names.append(late)
            world.clock.at += step
    assert sorted(seen) == sorted(names)
    assert (await wait(world, since=since)).timed_out


async def test_what_another_mailbox_got_is_not_walked_through_again(world: World) -> None:
    other = await create_mailbox(world.system, world.account.id, "eve", "agents.example")
    start = (await wait(world)).cursor
    await arrive(world, *(f"For Eve {number}" for number in range(3)), address=other.address)
    found = await wait(world, since=start)
    assert found.timed_out and int(found.cursor) >= int(start) + 3
    await arrive(world, "For Ada")
    assert subjects(await wait(world, since=found.cursor)) == ["For Ada"]


async def test_who_names_a_mail_is_told_of_an_overdue_answer_only_as_it_happens(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    request = SendRequest(to=["ann@example.com"], subject="Hi", markdown="Well?", expect_reply_within="2h")
    sent = await send(world.context, request)
    waiting = asyncio.create_task(wait(world, after_message_id=sent.message_id, timeout_seconds=20))
    await eventually(lambda: world.system.db.wakeups.listeners(f"arrivals {world.mailbox.id}"))
    world.clock.at += 3 * HOUR
    await tell_overdue(world.system)
    assert [each.message_id for each in (await waiting).overdue] == [sent.message_id]
    again = await wait(world, after_message_id=sent.message_id)
    assert again.timed_out and not again.overdue


async def test_a_tag_of_what_came_before_does_not_count_whatever_the_clock_says(world: World) -> None:
    await arrive(world, "Before")
    await arrive(world, "Named")
    world.clock.at -= HOUR
    await arrive(world, "After")
    known = await ids(world)
    for name in ("Before", "Named", "After"):
        await tag(world.context, TagRequest(message_id=known[name], tags={"todo": "now"}))
    assert subjects(await wait(world, after_message_id=known["Named"], tag="todo")) == ["After"]
