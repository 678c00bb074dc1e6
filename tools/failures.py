"""Telling whoever handed a mail in over SMTP that it did not arrive: after 250 it is delivered or reported (RFC 5321).

What agents hand in otherwise has its events. A notification leaves from the null sender on the path of notices, where
nothing is ever reported back, so no notification can bring another (RFC 3464 section 2).
"""

from storage.database import Transaction, one
from storage.errors import StorageError
from storage.records import Delivery, Domain, Message, Notice
from tools import approvals, wires
from tools.context import Context
from tools.letter import Letter
from tools.mail.address import domain_of
from tools.mail.failure import Failure, Frame, notification


async def tell(context: Context, transaction: Transaction, message: Message, delivery: Delivery) -> None:
    """Queue the notification about a delivery that has failed for good, if anybody is to be told."""
    if not message.by_smtp or delivery.is_copy:
        return
    name = domain_of(message.from_email)
    domain = await one(transaction, Domain, "domain", name=name)
    told = domain.forward_to if domain is not None and domain.forward_to else f"postmaster@{name}"
    await approvals.notify(context, transaction, message.account_id, "failure", told, delivery.id)


async def write(context: Context, notice: Notice) -> Letter | None:
    """Render the notification of a notice; None when what it is about is gone."""
    delivery = await one(context.db, Delivery, "delivery", id=notice.subject_id)
    message = await one(context.db, Message, "any_message", id=delivery.message_id) if delivery else None
    if delivery is None or message is None:
        return None
    domain = domain_of(message.from_email)
    frame = Frame(f"gatepost@{domain}", notice.recipient, f"{notice.id}@{domain}", context.site.hostname)
    failure = Failure(
        recipient=delivery.recipient,
        status=delivery.enhanced,
        code=delivery.code,
        words=delivery.reply,
        host=delivery.host,
        submitted_at=message.created_at,
        failed_at=delivery.settled_at or notice.created_at,
    )
    raw = notification(frame, failure, message.rfc_message_id, await _header(context, message))
    return Letter("", notice.recipient, domain, raw, "", bool(message.sandbox))


async def _header(context: Context, message: Message) -> bytes:
    """The header of the mail; where its bytes are lost, which may be why it failed, its Message-ID alone."""
    try:
        raw = await wires.raw_of(context, message.id, message.revision)
    except StorageError:
        raw = f"Message-ID: <{message.rfc_message_id}>".encode()
    return raw.partition(b"\r\n\r\n")[0] + b"\r\n"
