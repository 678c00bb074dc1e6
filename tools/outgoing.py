"""A delivery opened for an attempt, only if it is what was allowed (DESIGN section 5.2)."""

from dataclasses import dataclass

from policies.suppression import BULK
from storage.database import Reader, Row, one, record
from storage.errors import Damaged, Missing
from storage.records import Decision, Delivery, Mailbox
from tools.context import Context
from tools.mail.address import canonical, domain_of
from tools.mail.verp import bounce_address, feedback_token
from tools.mail.wire import Wire, digest_of
from tools.outbox import HANDED_ON
from tools.suppressing import NOT_SENT, stopped_by
from tools.unsubscribe import unsubscribe_url


class Altered(Exception):
    """The stored mail is not what was allowed; the sentence says how."""

    reason = "altered"
    fix = "Somebody or something changed the database or the blobs: look who. Then hand the mail in anew."


class Lost(Altered):
    """The stored mail is gone, so that nothing shows what was allowed."""

    reason = "lost"
    fix = "Restore the database and the blobs from one backup, and look after the disk. Then hand the mail in anew."


class Stopped(Exception):
    """The recipient was suppressed after the mail was allowed; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A delivery opened for an attempt."""

    sender: str
    """The envelope sender, unique to this delivery (VERP)."""
    domain: str
    """The domain that signs."""
    raw: bytes
    allowed_at: int
    unsubscribe_url: str | None
    """For bulk mail: where its recipient unsubscribes."""
    author: str
    """The mailbox's address."""
    message_id: str
    """Its Message-ID, without brackets."""
    account_id: str
    mailbox_id: str
    mode: str
    """The mailbox's mode when the mail was allowed."""
    approval_id: str
    """The approval that stood behind it; empty where nobody was asked."""
    feedback_token: str
    """What a complaint names the delivery by."""
    handed_on: bool = False
    """It is somebody else's mail: its trace is added, and nothing in our name."""


async def open_delivery(context: Context, delivery: Delivery, row: Row | None = None) -> Outgoing:
    """The mail of a delivery, checked against the decision that allowed it; `row` if it was looked up with the claim.

    Raises Altered, Stopped, Unavailable.
    """
    row = row or await row_of(context.db, delivery)
    decision = record(Decision, row) if row else None
    if row is None or decision is None or decision.verdict != "allow" or decision.message_id != delivery.message_id:
        raise Altered("no decision allows this delivery")
    wire = await _allowed(context, delivery, decision, row)
    category, reason = row["category"], stopped_by(row, delivery)
    if reason is not None:
        raise Stopped(NOT_SENT.format(reason))
    if category in HANDED_ON:
        return await _handed_on(context, delivery, decision, row, wire)
    domain = domain_of(wire.sender)
    secret = context.secret.derive("bounce address")
    sender = bounce_address(delivery.id, domain, secret)
    bulk = category in BULK and not delivery.is_copy
    url = unsubscribe_url(context, delivery.id) if bulk else None
    return Outgoing(
        sender=sender,
        domain=domain,
        raw=wire.raw,
        allowed_at=decision.created_at,
        unsubscribe_url=url,
        author=wire.sender,
        message_id=row["rfc_message_id"],
        account_id=delivery.account_id,
        mailbox_id=row["mailbox_id"],
        mode=decision.mode,
        approval_id=decision.approval_id,
        feedback_token=feedback_token(delivery.id, secret),
    )


async def row_of(reader: Reader, delivery: Delivery) -> Row | None:
    """All that a delivery is opened from, in one look; None where its decision is gone."""
    address = canonical(delivery.recipient)
    rows = await reader.rows("opened", decision_id=delivery.decision_id, address=address)
    return rows[0] if rows else None


async def _handed_on(context: Context, delivery: Delivery, decision: Decision, row: Row, wire: Wire) -> Outgoing:
    """Mail that is passed on: it leaves from the address it was allowed with."""
    mailbox = await one(context.db, Mailbox, "mailbox", id=row["mailbox_id"], account_id=delivery.account_id)
    assert mailbox is not None
    return Outgoing(
        sender=wire.sender,
        domain=domain_of(mailbox.address),
        raw=wire.raw,
        allowed_at=decision.created_at,
        unsubscribe_url=None,
        author=mailbox.address,
        message_id=row["rfc_message_id"],
        account_id=delivery.account_id,
        mailbox_id=mailbox.id,
        mode=decision.mode,
        approval_id="",
        feedback_token="",
        handed_on=True,
    )


async def _allowed(context: Context, delivery: Delivery, decision: Decision, row: Row) -> Wire:
    """The stored wire form, which is the one that was decided on."""
    if row["envelope"] is None:
        raise Lost("the stored mail is missing")
    try:
        raw = row["data"] if row["blob"] is None else await context.blobs.get(row["blob"])
        wire = Wire.of(row["envelope"], raw)
    except Damaged as error:
        raise Altered("the stored mail is damaged") from error
    except Missing as error:
        raise Lost("the stored mail is missing") from error
    except ValueError as error:
        raise Altered("the stored envelope is damaged") from error
    if digest_of(row["envelope"], raw) != decision.digest:
        raise Altered("the stored mail differs from the one that was allowed")
    if delivery.recipient not in {recipient.address for recipient in wire.recipients}:
        raise Altered("the recipient is not one of those that were allowed")
    return wire
