"""`send`: a new mail."""

from tools.access import mailbox_of
from tools.context import Context
from tools.fields import Outgoing, Recipients, Subject, SubmissionResult
from tools.operation import Operation
from tools.submission import hand_in


class SendRequest(Outgoing):
    """A new mail."""

    to: Recipients
    subject: Subject


async def send(context: Context, request: SendRequest) -> SubmissionResult:
    """Hand in a new mail. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    return await hand_in(context, "send", mailbox, request, to=request.to, subject=request.subject)


SEND = Operation(
    name="send",
    title="Send a mail",
    summary=(
        "Send a new mail from the mailbox; the body is markdown. Starts a new thread: to answer a mail use reply. "
        "Depending on the mailbox's oversight mode it is queued at once or held until a person approves; "
        "a held mail must not be sent again."
    ),
    request=SendRequest,
    result=SubmissionResult,
    run=send,
    scope="send",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/send",
    success=202,
)
