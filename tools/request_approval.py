"""`request_approval`: a mail that a person shall see first, in any mode."""

from pydantic import Field

from tools.access import mailbox_of, message_of
from tools.context import Context
from tools.draft import subject_of_reply
from tools.errors import Refusal
from tools.fields import MAX_SUBJECT, Address, Outgoing, SubmissionResult
from tools.operation import Operation
from tools.reply import answered
from tools.submission import hand_in


class ApprovalRequest(Outgoing):
    """A mail to be held for a person."""

    to: list[Address] = Field(default=[], description="Who the mail is for; may be empty when it answers a message.")
    subject: str | None = Field(
        default=None, description="The subject; an answer has one already.", max_length=MAX_SUBJECT
    )
    in_reply_to: str | None = Field(
        default=None, description="The message this answers (msg_…), if it answers one.", max_length=64
    )
    note: str = Field(default="", description="Why you ask, for the person who decides.", max_length=2000)


async def request_approval(context: Context, request: ApprovalRequest) -> SubmissionResult:
    """Hand in a mail that is held whatever the mode. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    parent = await message_of(context.db, mailbox, request.in_reply_to) if request.in_reply_to else None
    to = request.to or (answered(mailbox, parent, everybody=False) if parent else [])
    subject = request.subject or (subject_of_reply(parent) if parent else "")
    if not subject:
        raise Refusal("invalid_request", "subject: a new mail needs one.", field="subject")
    return await hand_in(
        context,
        "request_approval",
        mailbox,
        request,
        to=to,
        subject=subject,
        parent=parent,
        requested=True,
        note=request.note,
    )


REQUEST_APPROVAL = Operation(
    name="request_approval",
    title="Ask a person to approve a mail",
    summary=(
        "Hand in a mail and have a person decide on it, whatever the mailbox's oversight mode. Use it when you are "
        "unsure whether a mail should go out, or when the mailbox is read_only. It is sent once approved; do not "
        "send it again yourself."
    ),
    request=ApprovalRequest,
    result=SubmissionResult,
    run=request_approval,
    scope="send",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/request-approval",
    success=202,
)
