"""`preview`: what would become of a mail, without sending it."""

import asyncio
from typing import Literal

from pydantic import BaseModel, Field

from policies.decision import Verdict
from policies.facts import Correspondent
from storage.records import Mailbox, Message
from tools.access import mailbox_of, message_of
from tools.context import Context
from tools.draft import prepare, subject_of_reply
from tools.errors import Refusal
from tools.fields import MAX_SUBJECT, UNTRUSTED, Address, Next, Outgoing
from tools.gate import Foreseen, Submission, foresee
from tools.operation import Operation
from tools.reply import answered

NEXT = {
    Verdict.ALLOW: "Send it with send, or with reply if it answers a message.",
    Verdict.HOLD: "Sent as it is, it waits for a person. Send it if that is right, or change what the findings name.",
    Verdict.DENY: "Sent as it is, it is refused. Change what the findings name, or call request_approval.",
}


class PreviewRequest(Outgoing):
    """A draft, with the fields of send or of reply."""

    to: list[Address] = Field(default=[], description="Who the mail is for; may be empty when it answers a message.")
    subject: str | None = Field(
        default=None, description="The subject; an answer has one already.", max_length=MAX_SUBJECT
    )
    message_id: str | None = Field(
        default=None, description="The message this answers (msg_…), if it answers one.", max_length=64
    )
    reply_all: bool = Field(default=False, description="Answer its other recipients too.")


class FindingInfo(BaseModel):
    """What one rule says."""

    rule: str
    verdict: Literal["allow", "hold", "deny"]
    reason: str
    code: str = Field(description="The error that send would answer with, where the verdict is deny.")


class RecipientInfo(BaseModel):
    """What the mailbox knows of a recipient."""

    address: str
    standing: Literal["allowlisted", "known", "first_contact"] = Field(
        description="allowlisted: by the overseer. known: it wrote or was written to before. first_contact: neither."
    )


class PreviewResult(BaseModel):
    """What would become of the draft."""

    verdict: Literal["allow", "hold", "deny"] = Field(description="The strictest of the findings.")
    status: str = Field(description="The status the mail would have.")
    mode: str = Field(description="The mailbox's oversight mode.")
    findings: list[FindingInfo] = Field(description="Every rule that spoke.")
    recipients: list[RecipientInfo] = Field(description="Everybody the mail would go to.")
    subject_untrusted: str = Field(description=f"The subject; of an answer the other side's. {UNTRUSTED}")
    text: str = Field(description="The plain text as recipients would see it.")
    size: int = Field(description="Bytes of the whole mail.")
    next: Next


async def preview(context: Context, request: PreviewRequest) -> PreviewResult:
    """Render a draft and ask the gate about it. Nothing is written or sent. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    parent = await message_of(context.db, mailbox, request.message_id) if request.message_id else None
    to, subject = addressed(mailbox, request, parent)
    prepared = await asyncio.to_thread(prepare, context, mailbox, request, to=to, subject=subject, parent=parent)
    return shown(mailbox, await foresee(context, mailbox, Submission(prepared)))


def addressed(mailbox: Mailbox, request: PreviewRequest, parent: Message | None) -> tuple[list[str], str]:
    """Recipients and subject as reply would set them, or as send takes them. Raises Refusal."""
    if parent is not None:
        if request.to or request.subject is not None:
            raise Refusal("invalid_request", "An answer has its recipients and its subject already.", field="to")
        return answered(mailbox, parent, everybody=request.reply_all), subject_of_reply(parent)
    if not request.to:
        raise Refusal("missing_recipient")
    if not request.subject:
        raise Refusal("invalid_request", "subject: a new mail needs one.", field="subject")
    return request.to, request.subject


def shown(mailbox: Mailbox, foreseen: Foreseen) -> PreviewResult:
    """What the gate says, for the agent."""
    message, ruling = foreseen.message, foreseen.ruling
    return PreviewResult(
        verdict=ruling.verdict.value,
        status=message.status,
        mode=mailbox.mode,
        findings=[
            FindingInfo(
                rule=each.rule, verdict=each.verdict.value, reason=each.reason, code=_code(each.verdict, each.code)
            )
            for each in ruling.findings
        ],
        recipients=[
            RecipientInfo(address=each.address, standing=standing(each)) for each in foreseen.facts.correspondents or ()
        ],
        subject_untrusted=message.subject,
        text=message.body_text,
        size=message.size,
        next=NEXT[ruling.verdict],
    )


def standing(each: Correspondent) -> Literal["allowlisted", "known", "first_contact"]:
    if each.allowlisted:
        return "allowlisted"
    return "known" if each.known else "first_contact"


def _code(verdict: Verdict, code: str) -> str:
    return (code or "denied") if verdict is Verdict.DENY else ""


PREVIEW = Operation(
    name="preview",
    title="See what would happen to a mail",
    summary=(
        "For a draft with send's or reply's fields, say whether it would be queued, held for a person or refused, "
        "which rule says so and why, and how it will read. Nothing is sent or kept. Use it when you are unsure; "
        "it is not needed before every mail."
    ),
    request=PreviewRequest,
    result=PreviewResult,
    run=preview,
    scope="send",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/preview",
    read_only=True,
)
