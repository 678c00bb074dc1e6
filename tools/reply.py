"""`reply`: an answer in a thread."""

import json

from pydantic import Field

from storage.records import Mailbox, Message
from tools.access import mailbox_of, message_of
from tools.context import Context
from tools.draft import subject_of_reply
from tools.errors import Refusal
from tools.fields import MessageId, Outgoing, SubmissionResult
from tools.mail.address import canonical, reaches
from tools.operation import Operation
from tools.submission import hand_in


class ReplyRequest(Outgoing):
    """An answer to a message."""

    message_id: MessageId = Field(description="The message to answer (msg_…), from check_inbox or list_thread.")
    reply_all: bool = Field(default=False, description="Answer its other recipients too.")


async def reply(context: Context, request: ReplyRequest) -> SubmissionResult:
    """Hand in an answer with the parent's thread and references. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    parent = await message_of(context.db, mailbox, request.message_id)
    to = answered(mailbox, parent, everybody=request.reply_all)
    return await hand_in(context, "reply", mailbox, request, to=to, subject=subject_of_reply(parent), parent=parent)


def answered(mailbox: Mailbox, parent: Message, *, everybody: bool) -> list[str]:
    """Who an answer goes to: Reply-To before From (RFC 5322 section 3.6.2); our own mail is followed up to its To."""
    people = json.loads(parent.people)
    first = people.get("reply_to") or [{"email": parent.from_email}]
    if parent.direction == "outbound":
        first = people["to"]
    others = [*people["to"], *people["cc"]] if everybody else []
    found = {canonical(person["email"]): person["email"] for person in (*first, *others) if person["email"]}
    if parent.direction == "inbound":
        found = {key: email for key, email in found.items() if not reaches(mailbox.address, email)}
    if not found:
        raise Refusal("missing_recipient", "The message names nobody to answer.")
    return list(found.values())


REPLY = Operation(
    name="reply",
    title="Reply to a mail",
    summary=(
        "Answer a message in its thread; recipients, subject and threading headers are set for you. "
        "The same oversight as for send applies: a held reply must not be sent again."
    ),
    request=ReplyRequest,
    result=SubmissionResult,
    run=reply,
    scope="send",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/reply/{message_id}",
    success=202,
)
