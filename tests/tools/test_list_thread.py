"""`list_thread`: whose turn it is, and as much of a conversation as a budget allows, the newest first of all."""

from dataclasses import replace

import pytest

from policies.modes import Mode
from storage.database import Transaction, one, record
from storage.records import Mailbox, Message
from tests.conftest import World
from tools import messages
from tools.cancel import CancelRequest, cancel
from tools.check_inbox import InboxRequest, check_inbox
from tools.errors import Refusal
from tools.list_thread import ELSEWHERE, NEXT, UNSENT, ThreadRequest, ThreadView, list_thread
from tools.receive import Arrival, receive
from tools.reply import ReplyRequest, reply
from tools.send import SendRequest, send
from tools.tokens import estimate
from tools.turn import waiting

BEA = "bea@example.org"


async def arrived(
    world: World, body: str, *, number: int = 1, answers: str = "", to: str = "ada@agents.example", extra: str = ""
) -> str:
    """The thread of a mail from Bea."""
    lines = [f"From: Bea <{BEA}>", f"To: {to}", "Subject: Plan", f"Message-ID: <m{number}@example.org>"]
    lines += [f"References: <{answers}>"] if answers else []
    lines += [extra] if extra else []
    raw = "\r\n".join([*lines, "", body, ""]).encode()
    await receive(world.system, Arrival(BEA, (world.mailbox.address,), raw))
    return (await check_inbox(world.context, InboxRequest(limit=1))).messages[0].thread_id


async def shown(world: World, thread_id: str, max_tokens: int = 6_000) -> ThreadView:
    view = await list_thread(world.context, ThreadRequest(thread_id=thread_id, max_tokens=max_tokens))
    assert view.tokens <= max_tokens
    return view


async def test_a_question_may_stand_in_the_subject_alone(world: World) -> None:
    raw = f"From: {BEA}\r\nTo: ada@agents.example\r\nSubject: Can you call me?\r\n\r\n \r\n".encode()
    await receive(world.system, Arrival(BEA, (world.mailbox.address,), raw))
    (listed,) = (await check_inbox(world.context, InboxRequest())).messages
    assert (await shown(world, listed.thread_id)).asks


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        ("Could you send it?", True),
        ("Wann passt es dir? Gruß Bea", True),
        ("可以吗", True),
        ("よろしいでしょうか。", True),
        ("¿Puedes venir?", True),
        ("See https://example.org/?a=b for more.", False),
        ("Thank you.", False),
    ],
)
async def test_a_mail_to_us_waits_for_us(world: World, body: str, asks: bool) -> None:
    view = await shown(world, await arrived(world, body))
    assert (view.waiting_for, view.waiting_with, view.asks) == ("you", [BEA], asks)
    assert view.waiting_since == view.messages[-1].created_at
    assert [person.email for person in view.participants] == [BEA]
    assert view.participants[0].name_untrusted == "Bea"


async def test_a_conversation_that_began_elsewhere_says_so(world: World) -> None:
    thread = await arrived(world, "Ada, please decide.", answers="unknown@example.net")
    assert (await shown(world, thread)).next == NEXT["you"] + ELSEWHERE
    begun = await arrived(world, "Ada, please begin.", number=2)
    await arrived(world, "Now?", number=3, answers="m2@example.org")
    assert (await shown(world, begun)).next == NEXT["you"]


async def test_an_address_with_a_tag_is_our_own_too(world: World) -> None:
    named = await arrived(world, "Could you?", to="Ada+shop@agents.example, carl@example.org")
    view = await shown(world, named)
    assert view.waiting_for == "you" and [person.email for person in view.participants] == [BEA, "carl@example.org"]
    inbox = await check_inbox(world.context, InboxRequest(limit=1))
    await reply(world.context, ReplyRequest(message_id=inbox.messages[0].message_id, markdown="Yes.", reply_all=True))
    outbox = await check_inbox(world.context, InboxRequest(direction="outbound"))
    assert [person.email for person in outbox.messages[0].to] == [BEA, "carl@example.org"]
    copied = await arrived(world, "And you?", number=2, to="carl@example.org", extra="Cc: ada+shop@agents.example")
    assert (await shown(world, copied)).waiting_for == "others"


async def test_a_copy_is_for_others_to_answer(world: World) -> None:
    thread = await arrived(world, "Carl, could you?", to="carl@example.org", extra="Cc: ada@agents.example")
    assert (await shown(world, thread)).waiting_for == "others"


async def test_a_mail_to_a_list_or_a_hidden_copy_is_for_us(world: World) -> None:
    assert (await shown(world, await arrived(world, "Who can?", to="team@example.org"))).waiting_for == "you"


async def test_a_machine_changes_nothing(world: World) -> None:
    thread = await arrived(world, "Could you?")
    await arrived(world, "I am away.", number=2, answers="m1@example.org", extra="Auto-Submitted: auto-replied")
    view = await shown(world, thread)
    assert view.message_count == 2 and (view.waiting_for, view.asks) == ("you", True)
    alone = await arrived(world, "Your invoice", number=3, extra="Auto-Submitted: auto-generated")
    assert (await shown(world, alone)).waiting_for == "nobody"


async def test_what_we_sent_waits_for_them_and_what_is_held_for_a_person(world: World) -> None:
    thread = await arrived(world, "Could you?")
    inbox = await check_inbox(world.context, InboxRequest(limit=1))
    await reply(world.context, ReplyRequest(message_id=inbox.messages[0].message_id, markdown="Is this it?"))
    assert (await shown(world, thread)).waiting_for == "approval"
    await world.in_mode(Mode.AUTONOMOUS)
    sent = await send(world.context, SendRequest(to=[BEA], subject="Other", markdown="Is this it?"))
    view = await shown(world, sent.thread_id)
    assert (view.waiting_for, view.waiting_with, view.asks) == ("them", [BEA], True)


@pytest.mark.parametrize("status", ["rejected", "cancelled", "send_failed", "bounced"])
async def test_what_did_not_leave_is_our_turn_again(world: World, status: str) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    sent = await send(world.context, SendRequest(to=[BEA], subject="Other", markdown="x"))
    message = await one(world.system.db, Message, "any_message", id=sent.message_id)
    assert message is not None
    assert waiting(world.mailbox, [replace(message, status=status)]).turn == "you"


@pytest.mark.parametrize("answers_twice", [True, False])
async def test_an_answer_that_is_refused_as_given_already_changes_nothing(world: World, answers_twice: bool) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    thread = await arrived(world, "Could you?")
    inbox = await check_inbox(world.context, InboxRequest(limit=1))
    answer = ReplyRequest(message_id=inbox.messages[0].message_id, markdown="Yes.")
    await reply(world.context, answer)
    if answers_twice:
        with pytest.raises(Refusal, match="handed in"):
            await reply(world.context, answer)
    view = await shown(world, thread)
    assert (view.waiting_for, view.waiting_with, view.next) == ("them", [BEA], NEXT["them"])


async def test_who_withdrew_a_mail_is_not_told_to_answer_it(world: World) -> None:
    asked = await arrived(world, "Could you?")
    sent = await send(world.context, SendRequest(to=[BEA], subject="Other", markdown="x"))
    await cancel(world.context, CancelRequest(message_id=sent.message_id))
    assert (await shown(world, asked)).next == NEXT["you"]
    assert (await shown(world, sent.thread_id)).next == UNSENT


def test_nobody_waits_where_nothing_is() -> None:
    assert waiting(Mailbox("", "", "a@example.com", "", "monitored", 0), []).turn == "nobody"


async def test_when_the_budget_is_short_the_newest_keep_their_text(world: World) -> None:
    thread = await arrived(world, "First of all. " * 100)
    for number in range(2, 31):
        body = f"Mail {number}. " + "Some more of it. " * 100
        await arrived(world, body, number=number, answers=f"m{number - 1}@example.org")
    everything = await shown(world, thread, 100_000)
    assert (len(everything.messages), everything.left_out) == (30, 0)
    assert not any(message.truncated for message in everything.messages)
    some = await shown(world, thread, 6_000)
    assert some.message_count == 30 and some.left_out + len(some.messages) == 30 and some.left_out > 0
    assert [message.truncated for message in some.messages] == sorted(
        (message.truncated for message in some.messages), reverse=True
    )
    assert not some.messages[-1].truncated and some.messages[0].truncated
    assert some.messages[0].text_untrusted.startswith("Mail ") and estimate(some.messages[0].text_untrusted) <= 30
    assert some.tokens > 5_000, "the budget is used"
    assert estimate(some.model_dump_json()) <= 6_200
    least = await shown(world, thread, 500)
    assert len(least.messages) == 1 and least.left_out == 29


async def test_a_thread_longer_than_any_page_shows_its_end(world: World) -> None:
    thread = await arrived(world, "Mail 1")

    async def work(transaction: Transaction) -> None:
        rows = await transaction.rows(
            "thread_messages", thread_id=thread, mailbox_id=world.mailbox.id, chars=9, limit=1
        )
        for number in range(2, 252):
            own = {"created_at": rows[0]["created_at"] + number, "new_text": f"Mail {number}"}
            await messages.store(transaction, record(Message, {**rows[0], **own, "id": f"msg_{number:026}"}))

    await world.system.db.write(work)
    view = await shown(world, thread, 100_000)
    assert (view.message_count, len(view.messages), view.left_out) == (251, 200, 51)
    assert view.messages[-1].text_untrusted == "Mail 251"


async def test_a_subject_is_repeated_only_where_it_changed(world: World) -> None:
    thread = await arrived(world, "Hello")
    raw = b"From: bea@example.org\r\nSubject: Re: Another thing\r\nReferences: <m1@example.org>\r\n\r\nHi"
    await receive(world.system, Arrival(BEA, (world.mailbox.address,), raw))
    assert [each.subject_untrusted for each in (await shown(world, thread)).messages] == ["", "Re: Another thing"]
