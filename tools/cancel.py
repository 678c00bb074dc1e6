"""`cancel`: withdraw a mail that has not left."""

from pydantic import BaseModel

from storage.database import Transaction, many, one
from storage.records import Approval, Delivery
from tools import approvals, events, limits
from tools.access import mailbox_of, message_of
from tools.context import Context
from tools.errors import Refusal
from tools.fields import MessageId, Next
from tools.operation import MailboxId, Model, Operation


class CancelRequest(Model):
    """Which message to withdraw."""

    message_id: MessageId
    mailbox_id: MailboxId = None


class Cancelled(BaseModel):
    """The message is withdrawn."""

    message_id: str
    status: str
    next: Next


async def cancel(context: Context, request: CancelRequest) -> Cancelled:
    """Withdraw a pending or queued mail; again is no error. Raises Refusal not_cancellable."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    message_id = request.message_id

    async def work(transaction: Transaction) -> None:
        message = await message_of(transaction, mailbox, message_id)
        if message.status == "cancelled":
            return
        if message.status == "pending_send_approval":
            approval = await one(transaction, Approval, "approval_of_message", message_id=message_id)
            by = context.principal.name
            if approval is None or not await approvals.end(context, transaction, approval, "cancelled", by):
                raise Refusal("not_cancellable")
        elif message.status in ("queued", "scheduled"):
            await limits.give_back(transaction, message, await _stop_deliveries(context, transaction, message_id))
        else:
            raise Refusal("not_cancellable", f"It is {message.status}.", status=message.status)
        await transaction.run("set_status", id=message_id, status="cancelled")
        await events.about(transaction, context.now(), message, "message.cancelled", by=context.principal.name)

    await context.db.write(work)
    return Cancelled(message_id=message_id, status="cancelled", next="It will not be sent.")


async def _stop_deliveries(context: Context, transaction: Transaction, message_id: str) -> list[Delivery]:
    """Stop every delivery, or none, and return them: what a worker holds may be leaving this very moment."""
    now = context.now()
    deliveries = await many(transaction, Delivery, "deliveries", message_id=message_id)
    waiting = [each for each in deliveries if each.state in ("queued", "deferred") and each.lease_until <= now]
    if len(waiting) < len(deliveries):
        raise Refusal("not_cancellable", "It is being delivered.")
    stopped = await transaction.run(
        "cancel_deliveries", message_id=message_id, now=now, category="ManualCancel", reply="withdrawn"
    )
    if stopped < len(deliveries):
        raise Refusal("not_cancellable", "It is being delivered.")
    return deliveries


CANCEL = Operation(
    name="cancel",
    title="Withdraw a mail",
    summary=(
        "Withdraw a mail that waits for approval or has not left yet. Cannot call back what was delivered. "
        "Cancelling twice is no error."
    ),
    request=CancelRequest,
    result=Cancelled,
    run=cancel,
    scope="send",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/emails/{message_id}/cancel",
    destructive=True,
    idempotent=True,
    open_world=False,
)
