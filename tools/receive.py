"""The one way in: arrived mail to messages, in one transaction (DESIGN section 4)."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from policies.decision import Verdict
from policies.facts import Inbound
from policies.inbound import accept
from policies.modes import Mode
from storage.database import Transaction, columns, one
from storage.records import Delivery, Mailbox, Message, Thread
from tools import approvals, deliver, events, wires
from tools.context import Context
from tools.mail.address import Address, canonical
from tools.mail.dsn import Report, read_report
from tools.mail.parse import Parsed, parse
from tools.mail.references import reference_ids
from tools.mail.verp import delivery_of
from tools.mail.wire import Recipient, Wire

SMALL = 32 * 1024
"""Up to this many bytes a mail is parsed on the event loop; larger ones in a thread."""
MAX_REPORT = 16 * 1024
"""So much of a bounce is kept with its event."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail as the listener took it: envelope, bytes, and who brought it."""

    sender: str
    """MAIL FROM; empty for the null sender."""
    recipients: tuple[str, ...]
    raw: bytes
    peer: dict[str, str | bool] = field(default_factory=dict)
    """The listener's findings: `ip`, `helo`, `tls`."""


async def expects(context: Context, address: str) -> bool:
    """Whether mail for this address is ours: a mailbox, or the envelope sender of one of our deliveries."""
    if bounced_delivery(context, address) is not None:
        return True
    return await one(context.db, Mailbox, "mailbox_by_address", address=canonical(address)) is not None


def bounced_delivery(context: Context, address: str) -> str | None:
    """The delivery a bounce address belongs to; None for any other address."""
    return delivery_of(address, context.secret.derive("bounce address"))


async def receive(context: Context, arrival: Arrival) -> None:
    """Store a mail for each mailbox it is for; when this returns, it is durable. Raises Unavailable."""
    parsed = parse(arrival.raw) if len(arrival.raw) <= SMALL else await asyncio.to_thread(parse, arrival.raw)
    blob = await wires.store_large(context, arrival.raw)
    bounces = tuple(id_ for address in arrival.recipients if (id_ := bounced_delivery(context, address)))
    reports = read_report(arrival.raw) if bounces else ()

    async def work(transaction: Transaction) -> None:
        for delivery_id in bounces:
            await _bounce(context, transaction, delivery_id, reports, arrival)
        for mailbox in await _mailboxes(transaction, arrival.recipients):
            await _deliver(context, transaction, mailbox, arrival, parsed, blob)

    await context.db.write(work)


async def _mailboxes(transaction: Transaction, addresses: Sequence[str]) -> list[Mailbox]:
    """The mailboxes among the recipients, each once."""
    found: dict[str, Mailbox] = {}
    for address in addresses:
        mailbox = await one(transaction, Mailbox, "mailbox_by_address", address=canonical(address))
        if mailbox is not None:
            found[mailbox.id] = mailbox
    return list(found.values())


async def _deliver(
    context: Context, transaction: Transaction, mailbox: Mailbox, arrival: Arrival, parsed: Parsed, blob: str | None
) -> None:
    ruling = accept(Inbound(Mode(mailbox.mode)))
    held = ruling.verdict is not Verdict.ALLOW
    status = "pending_inbound_approval" if held else "unread"
    thread_id = await _thread(context, transaction, mailbox, parsed)
    message = _message(context, mailbox, thread_id, arrival, parsed, status)
    await transaction.run("insert_message", **columns(message))
    wire = Wire(arrival.sender, (Recipient(mailbox.address),), arrival.raw)
    await wires.keep(transaction, message.id, 1, wire, blob, "", message.created_at)
    if held:
        await approvals.hold(context, transaction, message, ruling.deciding)
    else:
        await events.about(transaction, context.now(), message, "message.received")


async def _thread(context: Context, transaction: Transaction, mailbox: Mailbox, parsed: Parsed) -> str:
    """The thread the mail belongs to: that of the newest message it refers to, or a new one."""
    now = context.now()
    for rfc_id in reversed(reference_ids(parsed.references, parsed.in_reply_to)):
        thread = await one(transaction, Thread, "thread_of_reference", mailbox_id=mailbox.id, rfc_message_id=rfc_id)
        if thread is not None:
            await transaction.run("touch_thread", id=thread.id, last_at=now)
            return thread.id
    new = Thread(context.new_id("thr"), mailbox.id, parsed.subject, now, now)
    await transaction.run("insert_thread", **columns(new))
    return new.id


def _message(
    context: Context, mailbox: Mailbox, thread_id: str, arrival: Arrival, parsed: Parsed, status: str
) -> Message:
    sender = parsed.sender or Address(arrival.sender)
    findings = {**arrival.peer, "automatic": parsed.automatic, "defects": parsed.defects}
    if parsed.sender_ambiguous:
        findings["sender_ambiguous"] = True
    return Message(
        id=context.new_id("msg"),
        account_id=mailbox.account_id,
        mailbox_id=mailbox.id,
        thread_id=thread_id,
        direction="inbound",
        status=status,
        revision=1,
        rfc_message_id=parsed.message_id,
        in_reply_to=parsed.in_reply_to,
        reference_ids=" ".join(reference_ids(parsed.references, parsed.in_reply_to)),
        from_email=sender.email,
        from_name=sender.name,
        people=_people(parsed),
        subject=parsed.subject,
        markdown="",
        body_text=parsed.text,
        body_html=parsed.html,
        new_text=parsed.new_text,
        quoted=parsed.quoted,
        attachments=json.dumps([asdict(part) for part in parsed.attachments], ensure_ascii=False),
        findings=json.dumps(findings, ensure_ascii=False),
        size=len(arrival.raw),
        created_at=context.now(),
    )


def _people(parsed: Parsed) -> str:
    groups = (("to", parsed.to), ("cc", parsed.cc), ("bcc", ()), ("reply_to", parsed.reply_to))
    return json.dumps(
        {name: [{"email": each.email, "name": each.name} for each in group] for name, group in groups},
        ensure_ascii=False,
    )


async def _bounce(
    context: Context, transaction: Transaction, delivery_id: str, reports: tuple[Report, ...], arrival: Arrival
) -> None:
    """Mail to a delivery's own envelope sender: a report of failure changes its state, anything else is noted."""
    delivery = await one(transaction, Delivery, "delivery", id=delivery_id)
    if delivery is None:
        return
    failed = next((report for report in reports if report.action == "failed"), None)
    if failed is not None:
        await deliver.bounce_late(context, transaction, delivery, failed.status, failed.diagnostic)
    await events.record(
        transaction,
        context.now(),
        delivery.account_id,
        "delivery.report_received",
        message_id=delivery.message_id,
        delivery_id=delivery.id,
        recipient=delivery.recipient,
        action=failed.action if failed else "",
        report=arrival.raw[:MAX_REPORT].decode("latin-1"),
    )
