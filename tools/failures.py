"""Telling whoever handed a mail in over SMTP that it did not arrive: after 250 it is delivered or reported (RFC 5321).

What agents hand in otherwise has its events. A notification leaves from the null sender on the path of notices, where
nothing is ever reported back, so no notification can bring another (RFC 3464 section 2).
"""

from storage.database import Reader, Transaction, one
from storage.errors import StorageError
from storage.records import Approval, Delivery, Domain, Message, Notice
from tools import approvals, wires
from tools.context import Context
from tools.facts import addressed_by
from tools.letter import Letter
from tools.mail.address import domain_of
from tools.mail.failure import Failure, Frame, Original, notification


async def tell(context: Context, transaction: Transaction, message: Message, delivery: Delivery) -> None:
    """Queue the notification about a delivery that has failed for good, if anybody is to be told."""
    if not delivery.is_copy:
        await _queue(context, transaction, message, delivery.id)


async def tell_withheld(context: Context, transaction: Transaction, message: Message) -> None:
    """Queue the notification about a held mail that nobody let go, if anybody is to be told."""
    await _queue(context, transaction, message, message.id)


async def _queue(context: Context, transaction: Transaction, message: Message, subject_id: str) -> None:
    if not message.by_smtp:
        return
    name = domain_of(message.from_email)
    domain = await one(transaction, Domain, "domain", name=name)
    told = domain.forward_to if domain is not None and domain.forward_to else f"postmaster@{name}"
    await approvals.notify(context, transaction, message.account_id, "failure", told, subject_id)


async def write(context: Context, notice: Notice) -> Letter | None:
    """Render the notification of a notice; None when what it is about is gone."""
    delivery = await one(context.db, Delivery, "delivery", id=notice.subject_id)
    message = await one(context.db, Message, "any_message", id=delivery.message_id if delivery else notice.subject_id)
    if message is None:
        return None
    domain = domain_of(message.from_email)
    frame = Frame(f"gatepost@{domain}", notice.recipient, f"{notice.id}@{domain}", context.site.hostname)
    original = Original(message.rfc_message_id, message.created_at, await _header(context, message))
    failures = [_failed(delivery)] if delivery else await _withheld(context.db, message)
    raw = notification(frame, original, failures)
    return Letter("", notice.recipient, domain, raw, "", bool(message.sandbox))


def _failed(delivery: Delivery) -> Failure:
    return Failure(
        recipient=delivery.recipient,
        status=delivery.enhanced,
        code=delivery.code,
        words=delivery.reply,
        host=delivery.host,
        at=delivery.settled_at or delivery.due_at,
    )


async def _withheld(reader: Reader, message: Message) -> list[Failure]:
    """Every recipient of a mail that was held, and what its approval ended with."""
    approval = await one(reader, Approval, "approval_of_message", message_id=message.id)
    words = f"not sent: {approval.reason if approval and approval.reason else 'a person rejected it'}"
    at = approval.decided_at if approval and approval.decided_at else message.created_at
    return [Failure(address, "5.7.1", 0, words, "", at) for address in addressed_by(message)]


async def _header(context: Context, message: Message) -> bytes:
    """The header of the mail; where its bytes are lost, which may be why it failed, its Message-ID alone."""
    try:
        raw = await wires.raw_of(context, message.id, message.revision)
    except StorageError:
        raw = f"Message-ID: <{message.rfc_message_id}>".encode()
    return raw.partition(b"\r\n\r\n")[0] + b"\r\n"
