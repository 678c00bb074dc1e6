"""The agent's verbs: reply, cancel, inbox, thread, waiting, idempotency, and walls between mailboxes."""

import asyncio

import pytest

from policies.modes import Mode
from storage.database import many, one
from storage.records import Delivery, Message
from tests.conftest import AGENT, World, make_world
from tests.fakes.forged import forged
from tools import deliver
from tools.accounts import allow, create_mailbox
from tools.cancel import CancelRequest, cancel
from tools.check_inbox import InboxRequest, check_inbox
from tools.errors import Refusal
from tools.fields import Upload
from tools.identity import create_key, principal_of, revoke_key
from tools.list_thread import ThreadRequest, list_thread
from tools.message_status import StatusRequest, message_status
from tools.read_message import ReadRequest, read_message
from tools.receive import Arrival, receive
from tools.reply import ReplyRequest, reply
from tools.send import SendRequest, send
from tools.wait_for_message import WaitRequest, wait_for_message


def mail(number: int, *, refers: str = "", body: str = "Hello", sender: str = "friend@example.com") -> bytes:
    """A mail, in answer to another where `refers` names it."""
    lines = [
        f"From: Friend <{sender}>",
        "To: ada@agents.example",
        f"Subject: Topic {number}",
        f"Message-ID: <m{number}@example.com>",
        "Date: Thu, 01 Jan 2026 00:00:00 +0000",
    ]
    lines += [f"In-Reply-To: <{refers}>", f"References: <{refers}>"] if refers else []
    return "\r\n".join([*lines, "", body, ""]).encode()


async def arrive(world: World, raw: bytes) -> None:
    await receive(world.system, Arrival("friend@example.com", (world.mailbox.address,), raw))


async def newest(world: World) -> str:
    page = await check_inbox(world.context, InboxRequest(direction="any", limit=1))
    return page.messages[0].message_id


async def test_a_reply_stays_in_its_thread_with_references(world: World) -> None:
    await arrive(world, mail(1))
    parent = await newest(world)
    result = await reply(world.context, ReplyRequest(message_id=parent, markdown="Fine, thanks."))
    message = await one(world.system.db, Message, "message", id=result.message_id, mailbox_id=world.mailbox.id)
    assert message is not None
    assert message.subject == "Re: Topic 1" and message.in_reply_to == "m1@example.com"
    rows = await world.system.db.rows("wire", message_id=message.id, revision=1)
    assert b"In-Reply-To: <m1@example.com>\r\n" in rows[0]["data"]
    await arrive(
        world,
        mail(
            2,
            refers=message.rfc_message_id,
            body="Good.\n\nOn Thu, Jan 1, 2026 at 9:00 AM Ada <ada@agents.example> wrote:\n> Fine, thanks.",
        ),
    )
    thread = await list_thread(world.context, ThreadRequest(thread_id=result.thread_id))
    assert [(each.direction, each.text_untrusted.strip()) for each in thread.messages] == [
        ("inbound", "Hello"),
        ("outbound", "Fine, thanks."),
        ("inbound", "Good."),
    ]
    assert thread.waiting_for == "you"


async def test_a_reply_goes_to_reply_to_and_never_to_ourselves(world: World) -> None:
    raw = mail(1).replace(
        b"Subject:", b"Reply-To: list@example.net\r\nCc: ada@agents.example, x@example.com\r\nSubject:"
    )
    await arrive(world, raw)
    request = ReplyRequest(message_id=await newest(world), markdown="Yes", reply_all=True)
    result = await reply(world.context, request)
    rows = await world.system.db.rows("wire", message_id=result.message_id, revision=1)
    assert "list@example.net" in rows[0]["envelope"] and "x@example.com" in rows[0]["envelope"]
    assert rows[0]["envelope"].count("ada@agents.example") == 1, "only as the sender"


async def test_a_mail_that_names_nobody_to_answer_is_answered_with_send(world: World) -> None:
    await arrive(world, mail(1, sender=world.mailbox.address))
    with pytest.raises(Refusal) as refused:
        await reply(world.context, ReplyRequest(message_id=await newest(world), markdown="Yes", reply_all=True))
    assert refused.value.code == "missing_recipient" and "with send" in refused.value.condition.fix


async def test_cancelling_a_held_and_a_queued_mail(world: World) -> None:
    first = await send(world.context, SendRequest(to=["a@example.com"], subject="Hi", markdown="x"))
    for _ in range(2):
        assert (await cancel(world.context, CancelRequest(message_id=first.message_id))).status == "cancelled"
    await allow(world.system, world.mailbox, "a@example.com")
    second = await send(world.context, SendRequest(to=["a@example.com"], subject="Hi", markdown="x"))
    assert second.status == "queued"
    await cancel(world.context, CancelRequest(message_id=second.message_id))
    assert await deliver.claim(world.system, "worker", 10) == {}


async def test_what_a_worker_holds_cannot_be_cancelled(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    sent = await send(world.context, SendRequest(to=["a@example.com", "b@example.com"], subject="Hi", markdown="x"))
    assert len(await deliver.claim(world.system, "worker", 1)) == 1
    with pytest.raises(Refusal) as refused:
        await cancel(world.context, CancelRequest(message_id=sent.message_id))
    assert refused.value.code == "not_cancellable"
    states = [each.state for each in await many(world.system.db, Delivery, "deliveries", message_id=sent.message_id)]
    assert states == ["queued", "queued"], "all or nothing"


async def test_the_inbox_pages_without_gaps(world: World) -> None:
    for number in range(7):
        await arrive(world, mail(number))
    seen: list[str] = []
    cursor = None
    while True:
        page = await check_inbox(world.context, InboxRequest(limit=3, cursor=cursor))
        seen += [message.subject_untrusted for message in page.messages]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"Topic {number}" for number in reversed(range(7))]
    with pytest.raises(Refusal) as refused:
        await check_inbox(world.context, InboxRequest(cursor="nonsense"))
    assert refused.value.code == "invalid_cursor"


async def test_reading_marks_read_once(world: World) -> None:
    await arrive(world, mail(1))
    message_id = await newest(world)
    shown = await read_message(world.context, ReadRequest(message_id=message_id))
    assert shown.text_untrusted.strip() == "Hello" and not shown.sender_verified
    assert shown.message.status == "read", "as every later look says"
    page = await check_inbox(world.context, InboxRequest(status="unread"))
    assert page.messages == []


async def test_waiting_ends_when_mail_arrives(world: World) -> None:
    waiting = asyncio.create_task(wait_for_message(world.context, WaitRequest(timeout_seconds=60)))
    await arrive(world, mail(1))
    async with asyncio.timeout(30):
        arrived = await waiting
    assert arrived.found and arrived.messages[0].subject_untrusted == "Topic 1"


async def test_waiting_has_an_end_and_looks_only_where_it_is_told(world: World) -> None:
    await arrive(world, mail(1))
    request = WaitRequest(timeout_seconds=1, sender="other@example.com")
    arrived = await wait_for_message(world.context, request)
    assert arrived.timed_out and arrived.messages == []


async def test_the_same_idempotency_key_sends_once(world: World) -> None:
    request = SendRequest(to=["a@example.com"], subject="Hi", markdown="x", idempotency_key="k1")
    results = await asyncio.gather(*(send(world.context, request) for _ in range(20)))
    assert len({result.message_id for result in results}) == 1
    assert sum(not result.replayed for result in results) == 1
    with pytest.raises(Refusal) as refused:
        await send(world.context, request.model_copy(update={"markdown": "y"}))
    assert refused.value.code == "idempotency_conflict"


async def test_another_accounts_message_is_as_one_that_does_not_exist(world: World) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    sent = await send(other.context, SendRequest(to=["a@example.com"], subject="Hi", markdown="x"))
    answers = []
    for message_id in (sent.message_id, "msg_00000000000000000000000000"):
        with pytest.raises(Refusal) as refused:
            await message_status(world.context, StatusRequest(message_id=message_id))
        body = refused.value.body()
        body.pop("details")
        answers.append(body)
    assert answers[0] == answers[1]
    with pytest.raises(Refusal) as refused:
        await check_inbox(world.context, InboxRequest(mailbox_id=other.mailbox.id))
    assert refused.value.code == "mailbox_not_found"


async def test_a_key_bound_to_one_mailbox_does_not_reach_the_next(world: World) -> None:
    second = await create_mailbox(world.system, world.account.id, "bob", "agents.example")
    with pytest.raises(Refusal) as refused:
        await check_inbox(world.context, InboxRequest(mailbox_id=second.id))
    assert refused.value.code == "mailbox_not_found"
    wide = await create_key(world.system, world.account.id, "wide", AGENT)
    acting = world.system.acting_as(await principal_of(world.system, wide.text))
    with pytest.raises(Refusal) as refused:
        await check_inbox(acting, InboxRequest())
    assert refused.value.code == "mailbox_required"
    assert (await check_inbox(acting, InboxRequest(mailbox_id=second.id))).messages == []


async def test_keys_are_hashed_single_purpose_and_revocable(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        await create_key(world.system, world.account.id, "both", frozenset({"send", "oversight"}))
    assert refused.value.code == "scopes_conflict"
    made = await create_key(world.system, world.account.id, "short", frozenset({"read"}))
    assert made.text not in repr(await world.system.db.rows("keys", account_id=world.account.id))
    await revoke_key(world.system, world.account.id, made.key.id)
    for text in (made.text, forged(made.text), "gp_nonsense", ""):
        with pytest.raises(Refusal) as refused:
            await principal_of(world.system, text)
        assert refused.value.code == "invalid_key"


BAD = (
    ("invalid_address", {"to": ["nobody"]}),
    ("invalid_address", {"to": ["a@example.com\r\nBcc: x@example.com"]}),
    ("invalid_header", {"subject": "Hi\r\nBcc: x@example.com"}),
    ("invalid_header", {"subject": "Hi\nBcc: x@example.com"}),
    ("too_many_recipients", {"to": [f"a{number}@example.com" for number in range(51)]}),
    ("invalid_attachment", {"attachments": [Upload(name="a", content_type="text/plain", content_base64="%%%")]}),
    ("invalid_attachment", {"attachments": [Upload(name="a/b", content_type="text/plain", content_base64="")]}),
    ("invalid_attachment", {"attachments": [Upload(name="a", content_type="text", content_base64="")]}),
    (
        "attachments_too_large",
        {"attachments": [Upload(name="a", content_type="text/plain", content_base64="QUFB" * 3_400_000)]},
    ),
)


@pytest.mark.parametrize(("code", "change"), BAD)
async def test_bad_input_is_refused_with_its_code(world: World, code: str, change: dict[str, object]) -> None:
    fields = {"to": ["a@example.com"], "subject": "Hi", "markdown": "x", **change}
    with pytest.raises(Refusal) as refused:
        await send(world.context, SendRequest.model_validate(fields))
    assert refused.value.code == code
    assert await check_inbox(world.context, InboxRequest(direction="any")) is not None
    assert (await check_inbox(world.context, InboxRequest(direction="any"))).messages == [], "nothing was written"
