"""`check_inbox`: what is in the mailbox, newest first."""

from typing import Literal

from pydantic import BaseModel, Field

from storage.database import many
from storage.records import MessageHead
from tools.access import mailbox_of
from tools.context import Context
from tools.fields import Limit, ListedMessage, Next, Sender, sender_key
from tools.operation import MailboxId, Model, Operation
from tools.paging import NextCursor, cursor_after, paged, position
from tools.tags import Wanted
from tools.views import listed

Status = Literal[
    "unread",
    "read",
    "archived",
    "deleted",
    "spam_flagged",
    "pending_send_approval",
    "scheduled",
    "queued",
    "sent",
    "bounced",
    "send_failed",
    "rejected",
    "cancelled",
]


class InboxRequest(Model):
    """Which messages to list."""

    direction: Literal["inbound", "outbound", "any"] = Field(
        default="inbound", description="inbound: received. outbound: handed in by you. any: both."
    )
    status: Status | None = Field(
        default=None, description="Only messages with this status. Without it: all but the trash."
    )
    sender: Sender = None
    tag: Wanted = None
    limit: Limit = 20
    cursor: str | None = Field(default=None, description="next_cursor of the page before.", max_length=200)
    mailbox_id: MailboxId = None


class InboxPage(BaseModel):
    """A page of messages, newest first."""

    messages: list[ListedMessage]
    next_cursor: NextCursor
    next: Next


async def check_inbox(context: Context, request: InboxRequest) -> InboxPage:
    """List messages without their bodies. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    before_at, before_id = position(request.cursor)
    found = await many(
        context.db,
        MessageHead,
        "inbox",
        mailbox_id=mailbox.id,
        direction=None if request.direction == "any" else request.direction,
        status=request.status,
        sender=sender_key(request.sender),
        tag=request.tag,
        before_at=before_at,
        before_id=before_id,
        limit=request.limit + 1,
    )
    page, next_cursor = paged(found, request.limit, cursor_after)
    return InboxPage(
        messages=[listed(message) for message in page],
        next_cursor=next_cursor,
        next=_advice(page, request.status),
    )


def _advice(page: list[MessageHead], status: Status | None) -> str:
    if not page:
        return "wait_for_message waits for new mail."
    if status == "deleted":
        return "move_message brings one back into the inbox, where it can be read."
    return "read_message shows one, list_thread a conversation."


CHECK_INBOX = Operation(
    name="check_inbox",
    title="List messages",
    summary=(
        "List messages of the mailbox, newest first, without bodies. Use read_message for a body, list_thread for a "
        "conversation, and wait_for_message instead of calling this again and again."
    ),
    request=InboxRequest,
    result=InboxPage,
    run=check_inbox,
    scope="read",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/emails",
    read_only=True,
    idempotent=True,
)
