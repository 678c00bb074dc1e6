"""One-click unsubscribing (RFC 8058): the link of each delivery, and what its POST does."""

from dataclasses import dataclass

from policies.suppression import Reason
from storage.database import Transaction, one
from storage.records import Delivery, Message
from tools.context import Context, same
from tools.errors import Refusal
from tools.suppressing import suppress


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a link is about."""

    delivery: Delivery
    sender: str
    """The address the mail came from."""


def unsubscribe_url(context: Context, delivery_id: str) -> str:
    """The link of a delivery. Nothing of it is stored; without the server's secret none can be made."""
    return f"{context.site.base_url}/unsubscribe/{delivery_id}.{_tag(context, delivery_id)}"


async def subscription(context: Context, token: str) -> Subscription:
    """The delivery a link belongs to. Raises Refusal unsubscribe_invalid."""
    delivery_id, _, tag = token.partition(".")
    if not same(_tag(context, delivery_id), tag):
        raise Refusal("unsubscribe_invalid")
    delivery = await one(context.db, Delivery, "delivery", id=delivery_id)
    if delivery is None:
        raise Refusal("unsubscribe_invalid")
    message = await one(
        context.db, Message, "message_of_account", id=delivery.message_id, account_id=delivery.account_id
    )
    assert message is not None
    return Subscription(delivery, message.from_email)


async def unsubscribe(context: Context, token: str) -> Subscription:
    """Suppress the delivery's recipient, for the account that sent the mail. Again is no error. Raises Refusal."""
    found = await subscription(context, token)
    delivery = found.delivery

    async def work(transaction: Transaction) -> None:
        await suppress(
            transaction,
            context.now(),
            delivery.account_id,
            delivery.recipient,
            Reason.UNSUBSCRIBE,
            by="the recipient",
        )

    await context.db.write(work)
    return found


def _tag(context: Context, delivery_id: str) -> str:
    return context.secret.token("unsubscribe", delivery_id)
