"""`check_inbox`: what is in the mailbox, newest first."""

import json
from collections.abc import Mapping
from operator import attrgetter
from typing import Literal

from pydantic import BaseModel, Field

from storage.database import Value, many
from storage.records import MessageHead
from tools.access import mailbox_of
from tools.context import Context
from tools.few import few_tagged
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
_SHOWN: dict[str, frozenset[Status]] = {
    "inbound": frozenset({"unread", "read", "archived", "spam_flagged"}),
    "outbound": frozenset(
        {"pending_send_approval", "scheduled", "queued", "sent", "bounced", "send_failed", "rejected", "cancelled"}
    ),
}
"""What an agent sees of either direction beside what it deleted: nothing that waits for the overseer."""
_TRASH: Status = "deleted"


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
    among = None if request.tag is None else await few_tagged(context.db, mailbox.id, request.tag)
    before_at, before_id = position(request.cursor)
    values: dict[str, Value] = {
        "mailbox_id": mailbox.id,
        "status": request.status,
        "sender": sender_key(request.sender),
        "tag": request.tag,
        "among": None if among is None else json.dumps(among),
        "before_at": before_at,
        "before_id": before_id,
        "limit": request.limit + 1,
    }
    found = []
    for direction in _SHOWN if request.direction == "any" else (request.direction,):
        statuses = _SHOWN[direction] if request.status is None else {request.status} & {*_SHOWN[direction], _TRASH}
        if statuses:
            of_it = {"direction": direction, "statuses": f" {' '.join(statuses)} "}
            found += await many(context.db, MessageHead, _query(values), **values, **of_it)
    found.sort(key=attrgetter("created_at", "id"), reverse=True)
    page, next_cursor = paged(found, request.limit, cursor_after)
    return InboxPage(
        messages=[listed(message) for message in page],
        next_cursor=next_cursor,
        next=_advice(page, request),
    )


def _query(values: Mapping[str, Value]) -> str:
    """The query that goes by what the fewest messages have."""
    if values["among"] is not None:
        return "inbox_among"
    if values["sender"] is not None:
        return "inbox_of_sender"
    return "inbox" if values["status"] is None else "inbox_of_status"


def _advice(page: list[MessageHead], request: InboxRequest) -> str:
    if request.direction == "inbound" and request.status in _SHOWN["outbound"]:
        return "Only mail of yours has this status: direction 'outbound' lists it."
    if not page:
        return "wait_for_message waits for new mail."
    if request.status == "deleted":
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
