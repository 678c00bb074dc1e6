"""A reader called our mail spam: counted once for each delivery, and no more mail to that address."""

from policies.suppression import Reason
from storage.database import Transaction, one
from storage.records import Delivery, Message
from tools import events, reputation
from tools.context import Context
from tools.suppressing import suppress


async def complain(context: Context, transaction: Transaction, delivery: Delivery, feedback_type: str) -> None:
    """Note the complaint of a delivery's recipient and suppress the address. A second report of it changes nothing.

    The recipient is the delivery's own and not the report's: reporters redact addresses.
    """
    now = context.now()
    message = await one(
        transaction, Message, "message_of_account", id=delivery.message_id, account_id=delivery.account_id
    )
    if message is None or delivery.is_copy:
        return
    if not await transaction.run(
        "insert_complaint", delivery_id=delivery.id, feedback_type=feedback_type, created_at=now
    ):
        return
    await events.about(
        transaction,
        now,
        message,
        "message.complained",
        delivery_id=delivery.id,
        recipient=delivery.recipient,
        feedback_type=feedback_type,
    )
    await reputation.complained(context, transaction, delivery)
    await suppress(transaction, now, delivery.account_id, delivery.recipient, Reason.COMPLAINT, by="a feedback report")
