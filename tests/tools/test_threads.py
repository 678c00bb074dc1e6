"""Which conversation a mail joins: by what it refers to, then by subject and people, and never across walls."""

import json

import pytest

from policies.modes import Mode
from storage.database import one
from storage.records import Message
from tests.conftest import World, make_world
from tools.accounts import allow, create_mailbox
from tools.check_inbox import InboxRequest, check_inbox
from tools.context import DAY
from tools.read_message import ReadRequest, get_message
from tools.receive import Arrival, receive
from tools.send import SendRequest, send

BEA, CARL, EVE = "bea@example.org", "carl@example.org", "eve@example.net"


async def arrived(
    world: World, sender: str, subject: str, *, references: str = "", extra: str = "", to: str = "", name: str = ""
) -> Message:
    """The message that a mail became."""
    to = to or world.mailbox.address
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", *([f"Message-ID: <{name}>"] if name else [])]
    lines += [f"References: {references}"] if references else []
    lines += [extra] if extra else []
    raw = "\r\n".join([*lines, "", "Hello", ""]).encode()
    await receive(world.system, Arrival(sender, (to.split(",")[0],), raw))
    return (await world.messages())[0]


async def asked(world: World, subject: str = "Quarterly report") -> str:
    """The thread of a mail that the agent sent to Bea."""
    await allow(world.system, world.mailbox, BEA)
    sent = await send(world.context, SendRequest(to=[BEA], subject=subject, markdown="How is it going?"))
    return sent.thread_id


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Quarterly report",
        "RE: Quarterly Report",
        "AW: Quarterly report",
        "Antw: Quarterly report",
        "SV: Quarterly report",
        "RIF: Quarterly report",
        "Odp: Quarterly report",
        "YNT: Quarterly report",
        "Ответ: Quarterly report",
        "回复：Quarterly report",
        "[External] Re: Quarterly report",
        "Re: Fwd: Re: Quarterly  report",
    ],
)
async def test_an_answer_without_references_joins_by_subject_and_people(world: World, subject: str) -> None:
    thread = await asked(world)
    message = await arrived(world, BEA, subject)
    assert message.thread_id == thread
    assert json.loads(message.findings)["thread"] == {"joined_by": "subject", "new_participant": False}


@pytest.mark.parametrize(
    ("sender", "subject", "extra"),
    [
        (BEA, "Quarterly report", ""),
        (BEA, "Re: Quarterly report 2", ""),
        (EVE, "Re: Quarterly report", ""),
        (EVE, "Re: Quarterly report", f"Cc: {BEA}"),
        (BEA, "Re: Quarterly report", "Auto-Submitted: auto-replied"),
        (BEA, "Re: Quarterly report", f"From: {EVE}"),
    ],
    ids=["no prefix", "another subject", "a stranger", "a stranger who names one of them", "a machine", "two authors"],
)
async def test_what_only_looks_like_an_answer_begins_a_thread(
    world: World, sender: str, subject: str, extra: str
) -> None:
    thread = await asked(world)
    message = await arrived(world, sender, subject, extra=extra)
    assert message.thread_id != thread
    assert "thread" not in json.loads(message.findings)


async def test_a_subject_that_is_nothing_but_prefixes_joins_nothing(world: World) -> None:
    first = await arrived(world, BEA, "Re:")
    assert (await arrived(world, BEA, "Re: Re:")).thread_id != first.thread_id


@pytest.mark.parametrize(("days", "joins"), [(29, True), (31, False)])
async def test_a_subject_is_found_again_for_thirty_days(world: World, days: int, joins: bool) -> None:
    thread = await asked(world)
    world.clock.at += days * DAY
    assert ((await arrived(world, BEA, "Re: Quarterly report")).thread_id == thread) is joins


async def test_the_newest_of_two_threads_with_the_sender_is_joined(world: World) -> None:
    await asked(world)
    world.clock.at += DAY
    second = await arrived(world, BEA, "Quarterly report")
    await arrived(world, CARL, "Quarterly report")
    assert (await arrived(world, BEA, "Re: Quarterly report")).thread_id == second.thread_id


async def test_what_a_mail_refers_to_counts_before_its_subject(world: World) -> None:
    one_thread = await arrived(world, BEA, "Lunch", name="lunch@example.org")
    await arrived(world, BEA, "Dinner", name="dinner@example.org")
    joined = await arrived(world, BEA, "Re: Dinner", references="<elsewhere@example.org> <lunch@example.org>")
    assert joined.thread_id == one_thread.thread_id
    assert json.loads(joined.findings)["thread"] == {"joined_by": "reference", "new_participant": False}


async def test_references_to_what_is_not_here_leave_it_to_the_subject(world: World) -> None:
    thread = await asked(world)
    message = await arrived(world, BEA, "Re: Quarterly report", references="<unknown@example.org>")
    assert message.thread_id == thread


async def test_a_stranger_with_a_guessed_reference_is_named_one(world: World) -> None:
    first = await arrived(world, BEA, "Lunch", extra=f"Cc: {CARL}", name="lunch@example.org")
    forged = await arrived(world, EVE, "Re: Lunch", references="<lunch@example.org>")
    assert forged.thread_id == first.thread_id, "a colleague who takes over an answer is no rare thing"
    assert json.loads(forged.findings)["thread"] == {"joined_by": "reference", "new_participant": True}
    shown = await get_message(world.context, ReadRequest(message_id=forged.id))
    assert "new_in_thread" in shown.warnings
    known = await arrived(world, CARL, "Re: Lunch", references="<lunch@example.org>")
    assert json.loads(known.findings)["thread"]["new_participant"] is False


async def test_threads_never_cross_mailboxes_or_accounts(world: World) -> None:
    ours = await arrived(world, BEA, "Lunch", name="lunch@example.org")
    await create_mailbox(world.system, world.account.id, "bob", "agents.example")
    beside = await arrived(world, BEA, "Re: Lunch", references="<lunch@example.org>", to="bob@agents.example")
    other = await make_world(world.system, world.clock, "others.example")
    theirs = await arrived(other, BEA, "Re: Lunch", references="<lunch@example.org>")
    assert len({ours.thread_id, beside.thread_id, theirs.thread_id}) == 3
    page = await check_inbox(world.context, InboxRequest())
    assert [each.thread_id for each in page.messages] == [ours.thread_id]


async def test_a_stranger_gets_nothing_for_answering(world: World) -> None:
    """Who knows a Message-ID of ours is not yet somebody whom we wrote to, when spam is judged."""
    await world.in_mode(Mode.AUTONOMOUS)
    sent = await send(world.context, SendRequest(to=[BEA], subject="Lunch", markdown="When?"))
    rfc_id = (await sent_message(world, sent.message_id)).rfc_message_id
    points = []
    for sender in (BEA, EVE):
        message = await arrived(world, sender, "Re: Lunch", references=f"<{rfc_id}>")
        assert message.thread_id == sent.thread_id
        spam = json.loads(message.findings).get("spam", {"reasons": []})
        points.append({reason["code"] for reason in spam["reasons"]})
    assert "answers_us" in points[0] and "answers_us" not in points[1]


async def sent_message(world: World, message_id: str) -> Message:
    message = await one(world.system.db, Message, "any_message", id=message_id)
    assert message is not None
    return message
