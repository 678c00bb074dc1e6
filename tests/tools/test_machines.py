"""Agents do not answer machines, and two of them that answer each other stop by themselves."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator

import pytest

from policies.decision import Verdict
from policies.facts import Conversation, Outbound
from policies.loops import MOST, answers_machine, loop
from policies.modes import Mode
from storage.database import many, one
from storage.records import Approval, Event, Message
from tests.conftest import AGENT, World, make_world, overseer
from tools.accounts import create_mailbox
from tools.check_inbox import InboxRequest, check_inbox
from tools.context import MINUTE, Context
from tools.conversation import ResumeRequest, resume_thread
from tools.decide import approve
from tools.errors import Refusal
from tools.identity import create_key, principal_of
from tools.pending import PendingRequest, list_pending
from tools.receive import Arrival, receive
from tools.reply import ReplyRequest, reply
from tools.request_approval import ApprovalRequest, request_approval
from tools.send import SendRequest, send

REPORT = "Content-Type: multipart/report; boundary=b; report-type="
STRONG = (
    "Auto-Submitted: auto-replied",
    "Auto-Submitted: auto-generated",
    "Auto-Submitted: auto-notified; a=b",
    "Auto-Submitted: auto-other",
    "X-Autoreply: yes",
    "X-Autorespond: vacation",
    "Precedence: auto_reply",
    "Precedence: bulk",
    "Precedence: list",
    "Precedence: junk",
    "List-Id: <list.example.com>",
    "List-Unsubscribe: <https://example.com/u>",
    "List-Post: <mailto:list@example.com>",
    "X-Auto-Response-Suppress: All",
    "X-Auto-Response-Suppress: OOF, DR",
    "Return-Path: <>",
    "X-Failed-Recipients: x@example.com",
    f"{REPORT}delivery-status",
    f"{REPORT}disposition-notification",
    f"{REPORT}feedback-report",
    "TLS-Report-Domain: example.com",
    "Content-Type: text/calendar; method=REPLY",
    "X-FC-MachineGenerated: true",
)
SENDERS = ("ann@example.com", "bob@example.org", "desk@shop.test")
DAEMONS = ("mailer-daemon@example.com", "no-reply@example.org", "do-not-reply@shop.test", "noreply@example.com")
AWAY = ("Automatic reply: Hi", "Out of office", "Abwesenheitsnotiz", "Réponse automatique : Hi", "自動応答: Hi")
SUBJECTS = ("Hello", "Re: Invoice", "Undelivered Mail Returned to Sender")


def machine_mails() -> Iterator[tuple[str, bytes]]:
    """Envelope sender and bytes: each sign under several senders and subjects."""
    kinds: list[tuple[str, str, str, str]] = [
        (sender, field, subject, sender) for field, sender, subject in itertools.product(STRONG, SENDERS, SUBJECTS)
    ]
    kinds += [(sender, "X-Sign: sender", subject, sender) for sender, subject in itertools.product(DAEMONS, SUBJECTS)]
    kinds += [(sender, "X-Sign: words", subject, sender) for sender, subject in itertools.product(SENDERS, AWAY)]
    kinds += [(sender, "X-Sign: null sender", subject, "") for sender, subject in itertools.product(SENDERS, SUBJECTS)]
    for number, (sender, field, subject, envelope) in enumerate(kinds):
        # some have no Message-ID, as machines often forget it
        identifier = f"Message-ID: <m{number}@example.com>\r\n" if number % 5 else ""
        head = f"From: Someone <{sender}>\r\nTo: ada@agents.example\r\nSubject: {subject}\r\n{identifier}{field}\r\n"
        yield envelope, f"{head}\r\nText {number}\r\n".encode()


async def newest(context: Context) -> str:
    return (await check_inbox(context, InboxRequest(limit=1))).messages[0].message_id


async def test_c2_two_hundred_mails_of_machines_get_no_automatic_answer(world: World) -> None:
    """Promise C2: 0 automatic replies to 200 such mails."""
    await world.in_mode(Mode.AUTONOMOUS)
    outcomes: Counter[str] = Counter()
    for envelope, raw in machine_mails():
        await receive(world.system, Arrival(envelope, (world.mailbox.address,), raw))
        world.clock.at += 2 * MINUTE
        request = ReplyRequest(message_id=await newest(world.context), markdown="Thank you for your message!")
        try:
            outcomes[(await reply(world.context, request)).status] += 1
        except Refusal as refusal:
            outcomes[refusal.code] += 1
    assert outcomes.total() >= 200
    assert set(outcomes) == {"answers_machine", "pending_send_approval"}, outcomes
    assert await world.system.db.rows("next_delivery_due", closed=",,") == [{"due": None}]


async def test_a_person_s_mail_is_answered(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    raw = b"From: ann@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: Office hours\r\n\r\nAre you there?\r\n"
    await receive(world.system, Arrival("ann@example.com", (world.mailbox.address,), raw))
    assert (
        await reply(world.context, ReplyRequest(message_id=await newest(world.context), markdown="Yes"))
    ).status == ("queued")


async def test_a_person_may_let_an_answer_to_a_machine_through(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    raw = b"From: no-reply@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: Your order\r\n\r\nThanks.\r\n"
    await receive(world.system, Arrival("x@example.com", (world.mailbox.address,), raw))
    request = ApprovalRequest(in_reply_to=await newest(world.context), markdown="Where is it?")
    held = await request_approval(world.context, request)
    assert held.status == "pending_send_approval"
    assert await let_through(world) == "queued"


async def let_through(world: World) -> str:
    """The status of the one held mail after the overseer approved it."""
    (held,) = (await list_pending(world.system.acting_as(overseer(world)), PendingRequest())).pending
    approval = await one(world.system.db, Approval, "approval", id=held.approval_id, account_id=world.account.id)
    assert approval is not None
    await approve(world.system, approval, approval.revision, world.overseer)
    (message,) = await many(world.system.db, Message, "any_message", id=approval.message_id)
    return message.status


async def test_c1_two_agents_stop_after_ten_messages(world: World) -> None:
    """Promise C1: they exchange at most 10 messages, then the thread is paused, with an event."""
    eve = await another_agent(world)
    await world.in_mode(Mode.AUTONOMOUS)
    first = await send(world.context, SendRequest(to=[eve.mailbox.address], subject="Hello", markdown="Turn 0"))
    exchanged, status = 1, first.status
    carried, sides = first.message_id, itertools.cycle([eve, world])
    while status == "queued" and exchanged < 3 * MOST:
        side = next(sides)
        await carry(world.system, carried, side)
        answer = await reply(
            side.context, ReplyRequest(message_id=await newest(side.context), markdown=f"Turn {exchanged}")
        )
        status, carried = answer.status, answer.message_id
        exchanged += status == "queued"
    assert status == "pending_send_approval" and exchanged <= MOST
    events = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=1000)
    (paused,) = [event for event in events if event.type == "thread.paused"]
    assert json.loads(paused.data)["thread_id"]


async def another_agent(world: World) -> World:
    """A second mailbox of the account, with its own agent."""
    mailbox = await create_mailbox(world.system, world.account.id, "eve", "agents.example", mode=Mode.AUTONOMOUS)
    made = await create_key(world.system, world.account.id, "eve", AGENT, mailbox.id)
    context = world.system.acting_as(await principal_of(world.system, made.text))
    return World(context, world.system, world.clock, world.account, mailbox, made.text)


async def carry(system: Context, message_id: str, to: World) -> None:
    """What a delivery does: the stored bytes arrive at the other mailbox."""
    rows = await system.db.rows("wire", message_id=message_id, revision=1)
    await receive(system, Arrival("sender@agents.example", (to.mailbox.address,), rows[0]["data"]))


async def exchange(world: World, turns: int, *, marked: bool) -> list[str]:
    """What becomes of our answers to another side that answers at once."""
    statuses, refers = [], ""
    for turn in range(turns):
        fields = ["From: Bot <bot@example.com>", "Subject: Hi", f"Message-ID: <t{turn}@example.com>"]
        fields += [f"In-Reply-To: <{refers}>"] if refers else []
        fields += ["X-AI-Generated: true"] if marked else []
        raw = "\r\n".join([*fields, "", f"Turn {turn}", ""]).encode()
        await receive(world.system, Arrival("bot@example.com", (world.mailbox.address,), raw))
        answer = await reply(
            world.context, ReplyRequest(message_id=await newest(world.context), markdown=f"Answer {turn}")
        )
        statuses.append(answer.status)
        (message,) = await many(world.system.db, Message, "any_message", id=answer.message_id)
        refers = message.rfc_message_id
    return statuses


@pytest.mark.parametrize("marked", [True, False])
async def test_c1_an_agent_elsewhere_is_stopped_whether_it_is_marked_or_not(world: World, marked: bool) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    statuses = await exchange(world, 8, marked=marked)
    assert statuses == ["queued"] * 4 + ["pending_send_approval"] * 4, "nine messages went back and forth"


async def test_a_person_resumes_a_thread_and_it_counts_anew(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await exchange(world, 5, marked=True)
    page = await check_inbox(world.context, InboxRequest(limit=1))
    request = ResumeRequest(thread_id=page.messages[0].thread_id)
    other = await make_world(world.system, world.clock, "other.example")
    with pytest.raises(Refusal) as refused:
        await resume_thread(world.system.acting_as(overseer(other)), request)
    assert refused.value.code == "thread_not_found", "another account's thread is as good as none"
    await resume_thread(world.system.acting_as(overseer(world)), request)
    answer = await reply(world.context, ReplyRequest(message_id=page.messages[0].message_id, markdown="Once more"))
    assert answer.status == "queued"


async def test_an_approved_mail_resumes_its_thread(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await exchange(world, 5, marked=True)
    assert await let_through(world) == "queued"
    answer = await reply(world.context, ReplyRequest(message_id=await newest(world.context), markdown="Once more"))
    assert answer.status == "queued"


def answering(found: Conversation, approver: str | None = None) -> Outbound:
    return Outbound(Mode.AUTONOMOUS, ("a@example.com",), (), conversation=found, approver=approver)


def test_a_list_is_answered_by_a_person_s_leave_and_a_bounce_never() -> None:
    found = {
        kind: finding.verdict
        for kind in ("list", "bounce", "report", "receipt", "no_reply", "auto_reply", "out_of_office")
        if (finding := answers_machine(answering(Conversation(kind)))) is not None
    }
    assert found.pop("list") is Verdict.HOLD
    assert set(found.values()) == {Verdict.DENY} and len(found) == 6
    weak = answers_machine(answering(Conversation("out_of_office", certain=False)))
    assert weak is not None and weak.verdict is Verdict.HOLD
    for kind in ("", "agent"):
        assert answers_machine(answering(Conversation(kind))) is None
    assert answers_machine(answering(Conversation("bounce"), approver="boss@example.org")) is None


def test_many_mails_of_one_side_are_no_loop() -> None:
    assert loop(answering(Conversation(arrived=50, sent=3))) is None
    assert loop(answering(Conversation(arrived=0, sent=50))) is not None
    assert loop(answering(Conversation(arrived=5, sent=5), approver="boss@example.org")) is None
    with pytest.raises(LookupError):
        loop(Outbound(Mode.AUTONOMOUS, ("a@example.com",), ()))
