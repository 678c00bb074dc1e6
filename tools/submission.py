"""Handing a mail in: what send, reply and request_approval have in common."""

import asyncio
from collections.abc import Sequence
from functools import partial

from storage.records import Mailbox, Message
from tools.context import Context
from tools.draft import prepare
from tools.fields import Outgoing, SubmissionResult
from tools.gate import Submission, Submitted, submit
from tools.replay import request_hash

SMALL = 4 * 1024
"""Characters of markdown that are rendered on the event loop."""

NEXT = {
    "scheduled": "It leaves at send_at. edit_scheduled changes it, cancel withdraws it.",
    "queued": "On its way. message_status tells what became of it; wait_for_message waits for an answer.",
    "pending_send_approval": (
        "Not sent; do not resend. A person has been asked. Ask message_status later, or cancel to withdraw it."
    ),
}


async def hand_in(
    context: Context,
    operation: str,
    mailbox: Mailbox,
    request: Outgoing,
    *,
    to: Sequence[str],
    subject: str,
    parent: Message | None = None,
    requested: bool = False,
    note: str = "",
) -> SubmissionResult:
    """Render a mail, pass it through the gate, and say what became of it. Raises Refusal."""
    rendering = partial(prepare, context, mailbox, request, to=to, subject=subject, parent=parent)
    # with attachments, or so much text, it would hold up the event loop; else a thread costs more than it saves
    large = bool(request.attachments) or len(request.markdown) > SMALL
    prepared = await asyncio.to_thread(rendering) if large else rendering()
    submission = Submission(prepared, requested, note, request.idempotency_key, request_hash(operation, request))
    return outcome(context, await submit(context, mailbox, submission))


def outcome(context: Context, submitted: Submitted) -> SubmissionResult:
    """The answer to the agent."""
    message, approval = submitted.message, submitted.approval
    pending = approval if approval is not None and approval.state == "pending" else None
    return SubmissionResult(
        message_id=message.id,
        thread_id=message.thread_id,
        status=message.status,
        reasons=list(submitted.reasons),
        approval_id=pending.id if pending else None,
        approval_url=f"{context.site.base_url}/approvals/{pending.id}" if pending else None,
        replayed=submitted.replayed,
        next=NEXT.get(message.status, "Ask message_status what became of it; do not resend it."),
    )
