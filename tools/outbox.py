"""Writing what the gate decided: the message, the decision, the deliveries."""

import json

from policies.decision import Decision as Ruling
from storage.database import Transaction, columns
from storage.records import BEGINNING, Decision, Delivery, Mailbox, Message, Schedule, Thread
from tools import expected, limits, messages
from tools.acquaintance import note_departure
from tools.context import Context
from tools.draft import Prepared, people_json
from tools.mail.address import domain_of
from tools.mail.references import base_subject
from tools.mail.wire import Wire

DELIVERIES = "deliveries"
"""Wake-up topic of those who carry mail out."""
FORWARD, RETURN = "forward", "return"
"""Categories of mail that is handed on as it came: to whom it is passed on, or as a bounce to whom it came from."""
HANDED_ON = frozenset({FORWARD, RETURN})


def message_of(context: Context, mailbox: Mailbox, prepared: Prepared) -> Message:
    """A mail handed in, as a message that is not stored yet."""
    draft, parent = prepared.draft, prepared.parent
    return Message(
        id=prepared.message_id,
        account_id=mailbox.account_id,
        mailbox_id=mailbox.id,
        thread_id=parent.thread_id if parent else context.new_id("thr"),
        direction="outbound",
        status="queued",
        revision=1,
        rfc_message_id=draft.message_id,
        in_reply_to=draft.in_reply_to or "",
        reference_ids=" ".join(draft.references),
        from_email=draft.sender.email,
        from_name=draft.sender.name,
        people=people_json(draft),
        subject=draft.subject,
        markdown=draft.markdown,
        body_text=prepared.rendered.text,
        body_html=prepared.rendered.html,
        new_text=prepared.rendered.text,
        quoted="",
        beginning=prepared.rendered.text[:BEGINNING],
        attachments=prepared.attachments,
        findings="{}",
        size=len(prepared.rendered.raw),
        category=prepared.category,
        created_at=context.now(),
        sandbox=int(context.principal.sandbox),
        fingerprint=prepared.fingerprint,
        by_smtp=int(prepared.by_smtp),
    )


async def insert(transaction: Transaction, message: Message, *, new_thread: bool) -> None:
    """Store a message, in a thread of its own or in the one it names."""
    now = message.created_at
    if new_thread:
        base = base_subject(message.subject)
        thread = Thread(message.thread_id, message.mailbox_id, message.subject, now, now, base)
        await transaction.run("insert_thread", **columns(thread))
    else:
        await transaction.run("touch_thread", id=message.thread_id, last_at=now)
    await messages.store(transaction, message)


async def remember_time(transaction: Transaction, message: Message, send_at: int | None, *, gated: bool) -> None:
    """Note when the mail shall leave, if it waits at all."""
    if send_at is not None:
        row = Schedule(message.id, message.account_id, send_at, int(gated))
        await transaction.run("insert_schedule", **columns(row))


async def decide_on(
    context: Context,
    transaction: Transaction,
    message: Message,
    digest: str,
    ruling: Ruling,
    approver: str | None = None,
) -> Decision:
    """Store a decision on one exact wire form."""
    decision = Decision(
        id=context.new_id("dec"),
        message_id=message.id,
        revision=message.revision,
        digest=digest,
        verdict=ruling.verdict,
        findings=json.dumps([columns(finding) for finding in ruling.findings], ensure_ascii=False),
        approver=approver,
        created_at=context.now(),
    )
    await transaction.run("insert_decision", **columns(decision))
    return decision


async def queue(
    context: Context, transaction: Transaction, message: Message, decision: Decision, wire: Wire, due_at: int
) -> None:
    """One delivery a recipient. The foreign key refuses any but an allow decision of this message."""
    deliveries = [
        Delivery(
            id=context.new_id("dlv"),
            account_id=message.account_id,
            message_id=message.id,
            decision_id=decision.id,
            recipient=recipient.address,
            is_copy=int(recipient.copy),
            state="queued",
            attempts=0,
            due_at=due_at,
            lease_until=0,
            lease="",
            code=0,
            enhanced="",
            reply="",
            category="",
            host="",
            created_at=decision.created_at,
            domain=domain_of(recipient.address),
        )
        for recipient in wire.recipients
    ]
    for delivery in deliveries:
        await transaction.run("insert_delivery", **columns(delivery))
    await limits.count(transaction, message, deliveries)
    if message.category not in HANDED_ON:
        await note_departure(transaction, message, (each.address for each in wire.recipients if not each.copy))
        await expected.leaves(transaction, message, due_at)
    transaction.wake(DELIVERIES)
