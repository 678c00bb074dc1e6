"""`move_message`: into the archive, into the trash, and back into the inbox."""

from typing import Literal

from pydantic import BaseModel, Field

from storage.database import Transaction, one
from storage.records import Mailbox, Message
from tools import events
from tools.access import hidden_from_agent, mailbox_of
from tools.context import Context
from tools.errors import Refusal
from tools.fields import MessageId, Next
from tools.operation import MailboxId, Model, Operation

TRASH_DAYS = 30
"""So long a deleted message can be had back."""

Place = Literal["inbox", "archive", "trash"]


class MoveRequest(Model):
    """Which message to move, and where to."""

    message_id: MessageId
    to: Place = Field(
        description=f"archive: done with. trash: deleted, and gone after {TRASH_DAYS} days. inbox: back from either."
    )
    mailbox_id: MailboxId = None


class DeleteRequest(Model):
    """Which message to delete."""

    message_id: MessageId
    mailbox_id: MailboxId = None


class Moved(BaseModel):
    """Where the message is now."""

    message_id: str
    status: str
    next: Next


async def move_message(context: Context, request: MoveRequest) -> Moved:
    """Move a received message; to where it is already is no error. Raises Refusal not_movable."""
    mailbox = await mailbox_of(context, request.mailbox_id)

    async def work(transaction: Transaction) -> str:
        message = await _message_of(transaction, mailbox, request.message_id)
        status = await _status_at(transaction, message, request.to)
        if status == message.status:
            return status
        if not await transaction.run("move_message", id=message.id, was=message.status, status=status):
            raise Refusal("try_again")
        if message.status == "deleted":
            await transaction.run("take_out_of_trash", message_id=message.id)
        now, by = context.now(), context.principal.name
        if status == "deleted":
            await transaction.run("put_into_trash", message_id=message.id, status=message.status, deleted_at=now)
        await events.about(transaction, now, message, "message.moved", to=request.to, by=by)
        return status

    status = await context.db.write(work)
    later = "move_message to the inbox brings it back." if status == "deleted" else "check_inbox lists what is there."
    return Moved(message_id=request.message_id, status=status, next=later)


async def delete_message(context: Context, request: DeleteRequest) -> Moved:
    """Put a received message into the trash. Raises Refusal not_movable."""
    wanted = MoveRequest(message_id=request.message_id, to="trash", mailbox_id=request.mailbox_id)
    return await move_message(context, wanted)


async def _message_of(transaction: Transaction, mailbox: Mailbox, message_id: str) -> Message:
    """A received message that the agent may see, or has deleted. Raises message_not_found, not_movable."""
    message = await one(transaction, Message, "message", id=message_id, mailbox_id=mailbox.id)
    if message is None or (hidden_from_agent(message) and message.status != "deleted"):
        raise Refusal("message_not_found", message_id=message_id)
    if message.direction == "outbound":
        raise Refusal("not_movable", status=message.status)
    return message


async def _status_at(transaction: Transaction, message: Message, to: Place) -> str:
    """The status a message has in that place; what comes back from the trash is as it was before."""
    if to != "inbox":
        return {"archive": "archived", "trash": "deleted"}[to]
    was = message.status
    if was == "deleted":
        was = (await transaction.rows("trash_of", message_id=message.id))[0]["status"]
    return "read" if was == "archived" else was


MOVE_MESSAGE = Operation(
    name="move_message",
    title="Move a message",
    summary=(
        "Move a received message into the archive or the trash, or back into the inbox. Mail in the trash is found "
        f"by check_inbox with status deleted alone, and is gone for good after {TRASH_DAYS} days."
    ),
    request=MoveRequest,
    result=Moved,
    run=move_message,
    scope="send",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/emails/{message_id}/move",
    idempotent=True,
    open_world=False,
)

DELETE_MESSAGE = Operation(
    name="delete_message",
    title="Delete a message",
    summary=f"Put a received message into the trash, as move_message does; it can be had back for {TRASH_DAYS} days.",
    request=DeleteRequest,
    result=Moved,
    run=delete_message,
    scope="send",
    method="DELETE",
    path="/v1/mailboxes/{mailbox_id}/emails/{message_id}",
    destructive=True,
    idempotent=True,
    open_world=False,
    mcp=False,
)
