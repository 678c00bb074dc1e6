"""`list_pending` and `decide`: what waits for a person, and their decision, through a key with the oversight scope."""

import json
from typing import Literal

from pydantic import BaseModel, Field

from storage.database import Row, one, record
from storage.records import Approval, Message
from tools import decide as decisions
from tools.access import message_within
from tools.context import Context
from tools.errors import Refusal
from tools.fields import UNTRUSTED, AttachmentInfo, Limit, MessageId, Next
from tools.mail.wire import Wire
from tools.operation import Model, Operation
from tools.quorum import oversight_of, tally
from tools.views import attachment_infos, time_text

NOT_THE_AUTHOR = "Only for a person, or a program that wrote none of the mail: who writes must not decide."


class PendingRequest(Model):
    """How much to list."""

    limit: Limit = 20


class Pending(BaseModel):
    """One mail that waits, with all that would leave or be let in."""

    approval_id: str
    message_id: str
    mailbox_id: str
    direction: Literal["inbound", "outbound"]
    sender: str
    recipients: list[str] = Field(description="Everybody who would get it, Bcc and automatic copies too.")
    subject_untrusted: str = Field(description=f"Subject. {UNTRUSTED}")
    text_untrusted: str = Field(description=f"The plain text. {UNTRUSTED}")
    attachments: list[AttachmentInfo]
    why: list[str] = Field(description="Why it was held.")
    note_untrusted: str = Field(description=f"The agent's note. {UNTRUSTED}")
    revision: int = Field(description="Pass it to decide: the decision is about this form of the mail and no other.")
    digest: str = Field(description="SHA-256 over every recipient and every byte of this revision.")
    approvals: str = Field(description="How many people have approved this revision, of how many that must.")
    expires_at: str


class PendingPage(BaseModel):
    """What waits, the most urgent first."""

    pending: list[Pending]
    next: Next


class Verdict(Model):
    """A decision on one revision of a mail."""

    message_id: MessageId
    revision: int = Field(description="The revision that was looked at; after an edit nothing happens.", ge=1)
    action: Literal["approve", "reject"] = Field(description="approve: it goes through, if enough people have.")
    reason: str = Field(default="", description="Why; the agent reads it after a rejection.", max_length=2000)


class Decided(BaseModel):
    """Where the mail stands after the decision."""

    message_id: str
    status: str = Field(description="The message's status.")
    state: str = Field(description="The approval's state: still pending when another overseer must approve it too.")
    approvals: str = Field(description="How many people have approved this revision, of how many that must.")
    next: Next


async def list_pending(context: Context, request: PendingRequest) -> PendingPage:
    """What waits for the account's overseers, or in the key's mailbox. Raises Refusal."""
    principal = context.principal
    rows = await context.db.rows(
        "waiting",
        account_id=principal.account_id,
        mailbox_id=principal.mailbox_id,
        now=context.now(),
        limit=request.limit + 1,
    )
    shown = [await _pending(context, row) for row in rows[: request.limit]]
    advice = "decide, for each." if shown else "Nothing waits."
    if len(rows) > len(shown):
        advice = "decide, for each; then list again: more waits."
    return PendingPage(pending=shown, next=advice)


async def decide(context: Context, request: Verdict) -> Decided:
    """Approve or reject as the person whose hand the key is. Raises Refusal."""
    approval = await _approval(context, request.message_id)
    overseers = (await oversight_of(context.db, approval.account_id)).overseers
    by = context.principal.person or overseers[0]
    if request.action == "approve":
        await decisions.approve(context, approval, request.revision, by)
    else:
        await decisions.reject(context, approval, request.revision, by, request.reason)
    return await _decided(context, await _approval(context, request.message_id))


async def _pending(context: Context, row: Row) -> Pending:
    approval = record(Approval, row)
    message, reasons = await _message(context, approval.message_id), json.loads(approval.reasons)
    return Pending(
        approval_id=approval.id,
        message_id=message.id,
        mailbox_id=message.mailbox_id,
        direction="inbound" if message.direction == "inbound" else "outbound",
        sender=message.from_email,
        recipients=[each.address for each in Wire.of(row["envelope"], b"").recipients],
        subject_untrusted=message.subject,
        text_untrusted=message.body_text,
        attachments=attachment_infos(message),
        why=reasons["why"],
        note_untrusted=reasons["note"],
        revision=approval.revision,
        digest=row["digest"],
        approvals=f"{row['given']} of {approval.needed}",
        expires_at=time_text(approval.expires_at),
    )


async def _approval(context: Context, message_id: str) -> Approval:
    """The newest approval of a message that the key may see. Raises approval_not_found."""
    message = await _message(context, message_id)
    approval = await one(context.db, Approval, "approval_of_message", message_id=message.id)
    if approval is None:
        raise Refusal("approval_not_found")
    return approval


async def _message(context: Context, message_id: str) -> Message:
    message = await message_within(context, message_id)
    if message is None:
        raise Refusal("approval_not_found")
    return message


async def _decided(context: Context, approval: Approval) -> Decided:
    message = await _message(context, approval.message_id)
    waits = approval.state == "pending"
    return Decided(
        message_id=message.id,
        status=message.status,
        state=approval.state,
        approvals=await tally(context.db, approval),
        next="Another overseer must approve it too." if waits else "The decision is final.",
    )


LIST_PENDING = Operation(
    name="list_pending",
    title="List what waits for a person",
    summary=f"Show held mail with all that would leave, and why it waits. {NOT_THE_AUTHOR}",
    request=PendingRequest,
    result=PendingPage,
    run=list_pending,
    scope="oversight_read",
    method="GET",
    path="/v1/oversight/pending",
    read_only=True,
    idempotent=True,
)

DECIDE = Operation(
    name="decide",
    title="Decide on a held mail",
    summary=(
        "Approve or reject the revision that list_pending showed. Risky mail needs two overseers, each with a key, "
        f"link or sign-in of their own; one rejection is enough. {NOT_THE_AUTHOR}"
    ),
    request=Verdict,
    result=Decided,
    run=decide,
    scope="oversight",
    method="POST",
    path="/v1/oversight/decide",
    destructive=True,
)
