"""`message_status`: what became of a mail that was handed in."""

import json

from pydantic import BaseModel, Field

from storage.database import many, one
from storage.records import Approval, Attempt, Delivery, Message, Schedule
from tools.access import mailbox_of, message_of
from tools.context import Context
from tools.fields import UNTRUSTED, MessageId, Next
from tools.operation import MailboxId, Model, Operation
from tools.quorum import tally
from tools.views import time_text

NEXT = {
    "scheduled": "It leaves at its time. edit_scheduled changes it, cancel withdraws it.",
    "pending_send_approval": "A person has not decided yet. Do not resend; ask again later or cancel.",
    "queued": "It is being delivered; ask again later.",
    "sent": "Every server that took it said yes. wait_for_message waits for an answer.",
    "rejected": "A person or a rule said no. Read the reason before you write anything new; do not resend.",
    "bounced": "It could not be delivered. Check the address before you try again.",
    "send_failed": "It was stopped before it left. Tell the operator.",
    "cancelled": "It will not be sent: it was withdrawn, or its recipients turned out not to exist.",
}
UNDECIDED = "At its time it is decided on: it leaves then, or waits for a person. cancel withdraws it."
_TIMED = frozenset({"scheduled", "pending_send_approval"})


class StatusRequest(Model):
    """Which message to ask about."""

    message_id: MessageId
    mailbox_id: MailboxId = None


class ApprovalStatus(BaseModel):
    """The person's side of it."""

    approval_id: str
    state: str
    approvals: str = Field(
        description="How many people have approved it as it is now, of how many that must: such as '1 of 2'."
    )
    why: list[str] = Field(description="Why it was held.")
    reason: str = Field(description="What the person gave as the reason.")
    changes: str = Field(description="What the person changed before approving, as a unified difference.")
    approval_url: str | None = Field(description="Where the overseer signs in to decide, while it is pending.")
    expires_at: str


class DeliveryStatus(BaseModel):
    """One recipient."""

    recipient: str
    state: str = Field(
        description="queued, deferred, sent, bounced, cancelled, or uncertain: nobody knows; never resend."
    )
    attempts: int
    reply_untrusted: str = Field(description=f"The other server's last words. {UNTRUSTED}")
    tls: str = Field(
        description=(
            "TLS of the last attempt: version, cipher, and what vouched for the other server's certificate: "
            "opportunistic (nothing), mta-sts, dane or pkix. none: in the clear. Empty: no server was spoken to."
        )
    )
    category: str
    next_attempt_at: str | None


class MessageStatus(BaseModel):
    """Where a message stands."""

    message_id: str
    thread_id: str
    status: str
    revision: int
    send_at: str | None = Field(
        description="When a mail for later leaves, once it may: later than asked where the limits had no room."
    )
    approval: ApprovalStatus | None
    deliveries: list[DeliveryStatus]
    next: Next


async def message_status(context: Context, request: StatusRequest) -> MessageStatus:
    """Status, decision and deliveries of a message. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    message = await message_of(context.db, mailbox, request.message_id)
    approval = await one(context.db, Approval, "approval_of_message", message_id=message.id)
    deliveries = await many(context.db, Delivery, "deliveries", message_id=message.id)
    attempts = await many(context.db, Attempt, "attempts", message_id=message.id)
    # the last one of each: they come in the order of time
    tls = {attempt.delivery_id: attempt.tls for attempt in attempts}
    schedule = await one(context.db, Schedule, "schedule", message_id=message.id) if message.status in _TIMED else None
    return MessageStatus(
        message_id=message.id,
        thread_id=message.thread_id,
        status=message.status,
        revision=message.revision,
        send_at=time_text(schedule.send_at) if schedule is not None else None,
        approval=await _approval(context, approval) if approval and message.direction == "outbound" else None,
        # the overseer's address is not one an agent can read (DESIGN section 5.4): its copies are not listed
        deliveries=[_delivery(each, tls.get(each.id, "")) for each in deliveries if not each.is_copy],
        next=_next(message, deliveries, schedule),
    )


async def _approval(context: Context, approval: Approval) -> ApprovalStatus:
    pending = approval.state == "pending"
    return ApprovalStatus(
        approval_id=approval.id,
        state=approval.state,
        approvals=await tally(context.db, approval),
        why=json.loads(approval.reasons)["why"],
        reason=approval.reason,
        changes=approval.changes,
        approval_url=f"{context.site.base_url}/approvals/{approval.id}" if pending else None,
        expires_at=time_text(approval.expires_at),
    )


def _delivery(delivery: Delivery, tls: str) -> DeliveryStatus:
    waiting = delivery.state in ("queued", "deferred")
    return DeliveryStatus(
        recipient=delivery.recipient,
        state=delivery.state,
        attempts=delivery.attempts,
        reply_untrusted=_words(delivery),
        tls=tls,
        category=delivery.category,
        next_attempt_at=time_text(delivery.due_at) if waiting else None,
    )


def _words(delivery: Delivery) -> str:
    """The reply with its codes; the words of a bounce that came back as a mail begin with them already."""
    code = str(delivery.code or "")
    if code and delivery.reply.startswith(code):
        return delivery.reply
    return " ".join(part for part in (code, delivery.enhanced, delivery.reply) if part)


def _next(message: Message, deliveries: list[Delivery], schedule: Schedule | None) -> str:
    if any(delivery.state == "uncertain" for delivery in deliveries):
        return "For a recipient nobody knows whether it arrived. Do not resend; the operator can find out."
    if message.status == "scheduled" and schedule is not None and not schedule.gated:
        return UNDECIDED
    return NEXT.get(message.status, "Nothing to do.")


MESSAGE_STATUS = Operation(
    name="message_status",
    title="Ask what became of a mail",
    summary=(
        "Tell where a mail stands: waiting for a person, decided (with reason and changes), on its way, delivered or "
        "bounced, recipient by recipient. Use it after send, reply or request_approval."
    ),
    request=StatusRequest,
    result=MessageStatus,
    run=message_status,
    scope="read",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/emails/{message_id}/status",
    read_only=True,
    idempotent=True,
)
