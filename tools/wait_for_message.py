"""`wait_for_message`: sleep until mail arrives, without asking again and again."""

import asyncio

from pydantic import BaseModel, Field

from storage.database import many
from storage.records import Mailbox, Message
from storage.wakeups import wait
from tools.access import mailbox_of, thread_of
from tools.context import Context
from tools.events import topic
from tools.fields import ListedMessage
from tools.mail.address import canonical
from tools.operation import MailboxId, Model, Operation
from tools.views import listed

MOST = 20
LOOK_SECONDS = 5.0
"""Between looks when nothing wakes us: on SQLite a second process on the machine may have written."""


class WaitRequest(Model):
    """What to wait for."""

    timeout_seconds: int = Field(default=30, description="How long to wait at most.", ge=1, le=120)
    thread_id: str | None = Field(default=None, description="Only mail in this thread.", max_length=64)
    sender: str | None = Field(default=None, description="Only mail from this address.", max_length=254)
    after_message_id: str | None = Field(
        default=None,
        description="Only mail newer than this one. Without it: any unread mail, which may be there already.",
        max_length=64,
    )
    mailbox_id: MailboxId = None


class Arrivals(BaseModel):
    """What arrived."""

    found: bool
    timed_out: bool
    messages: list[ListedMessage]
    next: str = Field(description="What to do now.")


async def wait_for_message(context: Context, request: WaitRequest) -> Arrivals:
    """Unread (or newer) mail, as soon as there is any. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    if request.thread_id is not None:
        await thread_of(context.db, mailbox, request.thread_id)
    messages: list[Message] = []
    with context.db.wakeups.listen(topic(mailbox.account_id)) as woken:
        try:
            async with asyncio.timeout(request.timeout_seconds):
                while not (messages := await _arrivals(context, mailbox, request)):
                    await wait(woken, LOOK_SECONDS)
        except TimeoutError:
            pass
    return Arrivals(
        found=bool(messages),
        timed_out=not messages,
        messages=[listed(message) for message in messages],
        next="read_message shows the text; reply answers." if messages else "Call again to wait longer.",
    )


async def _arrivals(context: Context, mailbox: Mailbox, request: WaitRequest) -> list[Message]:
    return await many(
        context.db,
        Message,
        "arrivals",
        mailbox_id=mailbox.id,
        thread_id=request.thread_id,
        sender=canonical(request.sender) if request.sender else None,
        status=None if request.after_message_id else "unread",
        after_id=request.after_message_id or "",
        limit=MOST,
    )


WAIT_FOR_MESSAGE = Operation(
    name="wait_for_message",
    title="Wait for mail",
    summary=(
        "Wait until mail arrives (at most 120 seconds) and list it without bodies. Better than calling check_inbox "
        "repeatedly. Narrow it with thread_id or sender when you expect an answer."
    ),
    request=WaitRequest,
    result=Arrivals,
    run=wait_for_message,
    scope="read",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/wait",
    read_only=True,
    idempotent=True,
)
