"""What comes back about our deliveries: it is believed where it names one by the envelope sender only we could make."""

from storage.database import Reader, Transaction, one
from storage.records import Delivery, Domain
from tools import deliver, events
from tools.complaints import complain
from tools.context import Context
from tools.mail.address import canonical, domain_of
from tools.mail.reports import Report, Reported
from tools.mail.verp import delivery_of, delivery_of_token, is_bounce_address

FEEDBACK = "fbl"
"""The local part that every domain of ours takes feedback reports at."""
FEEDBACK_PARTS = frozenset({FEEDBACK, "abuse"})  # RFC 2142: abuse@ is a person's, so it must be a mailbox to exist
MAX_RAW = 16 * 1024
"""So much of a report is kept with its event, in bytes."""


def bounced_delivery(context: Context, address: str) -> str | None:
    """The id of the delivery a bounce address belongs to; None for any other address."""
    return delivery_of(address, context.secret.derive("bounce address")) if is_bounce_address(address) else None


async def feedback_domain(reader: Reader, address: str) -> Domain | None:
    """The domain of ours whose feedback address this is; None for any other address."""
    if _local_part(address) != FEEDBACK:
        return None
    return await one(reader, Domain, "domain", name=domain_of(address))


def is_ours_alone(context: Context, address: str) -> bool:
    """Whether what comes to this address is for no mailbox, even where one gets all that is for nobody."""
    return _local_part(address) == FEEDBACK or bounced_delivery(context, address) is not None


def concerns(context: Context, address: str) -> bool:
    """Whether mail to this recipient may tell of deliveries of ours."""
    return bounced_delivery(context, address) is not None or _local_part(address) in FEEDBACK_PARTS


async def look(context: Context, transaction: Transaction, address: str, report: Report, raw: bytes) -> None:
    """Act on what mail to such a recipient says, and note it."""
    delivery_id = bounced_delivery(context, address)
    if delivery_id is not None:
        await _report_on(context, transaction, delivery_id, report, raw)
    else:
        await _feedback(context, transaction, address, report, raw)


async def _report_on(context: Context, transaction: Transaction, delivery_id: str, report: Report, raw: bytes) -> None:
    """Mail to a delivery's own envelope sender: a failure ends it, a complaint counts, all of it is noted."""
    delivery = await one(transaction, Delivery, "delivery", id=delivery_id)
    if delivery is None:
        return
    spoken_of = _about(delivery, report)
    if spoken_of is not None and spoken_of.action == "failed":
        await deliver.bounce_late(context, transaction, delivery, spoken_of)
    if report.kind == "complaint":
        await complain(context, transaction, delivery, report.feedback_type)
    await events.record(
        transaction,
        context.now(),
        delivery.account_id,
        "delivery.report_received",
        message_id=delivery.message_id,
        delivery_id=delivery.id,
        recipient=delivery.recipient,
        kind=report.kind,
        action=spoken_of.action if spoken_of else "",
        report=raw[:MAX_RAW].decode("latin-1"),
    )


async def _feedback(context: Context, transaction: Transaction, address: str, report: Report, raw: bytes) -> None:
    """Mail to a feedback address: a complaint that proves which delivery it is about counts, anything else is noted."""
    delivery = await _complained(context, transaction, report) if report.kind == "complaint" else None
    if delivery is not None:
        await complain(context, transaction, delivery, report.feedback_type)
    domain = await feedback_domain(transaction, address)
    if domain is not None:
        await events.record(
            transaction,
            context.now(),
            domain.account_id,
            "feedback.received",
            kind=report.kind,
            feedback_type=report.feedback_type,
            proven=delivery is not None,
            report=raw[:MAX_RAW].decode("latin-1"),
        )


def _local_part(address: str) -> str:
    return canonical(address).rpartition("@")[0]


def _about(delivery: Delivery, report: Report) -> Reported | None:
    """What a bounce says of the delivery's recipient; where it names others only, an alias stands behind them."""
    if report.kind != "bounce":
        return None
    named = (each for each in report.recipients if canonical(delivery.recipient) in _names(each))
    return next(named, None) or next(iter(report.recipients), None)


def _names(reported: Reported) -> set[str]:
    return {canonical(reported.address), canonical(reported.original)}


async def _complained(context: Context, transaction: Transaction, report: Report) -> Delivery | None:
    secret = context.secret.derive("bounce address")
    by_sender = (delivery_of(sender, secret) for sender in report.senders)
    by_token = (delivery_of_token(token, secret) for token in report.tokens)
    delivery_id = next((id_ for id_ in (*by_sender, *by_token) if id_), None)
    return await one(transaction, Delivery, "delivery", id=delivery_id) if delivery_id else None
