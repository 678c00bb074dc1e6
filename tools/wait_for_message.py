"""`wait_for_message`: mail as it arrives, without asking again and again, and answers that do not come."""

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from storage.database import Row, many, record
from storage.records import Mailbox, MessageHead
from tools.access import mailbox_of, message_of, thread_of
from tools.context import Context
from tools.errors import Refusal
from tools.events import arrivals_topic, last_seq
from tools.expected import EVENT as OVERDUE
from tools.fields import ListedMessage, Next, Sender, sender_key
from tools.mail.address import canonical
from tools.operation import MailboxId, Model, Operation
from tools.paging import cursor_after, paged, position
from tools.tags import Wanted, named
from tools.views import listed

MOST = 20
_PAGE = 100
_READABLE = ("unread", "read")
_CURSOR = re.compile(r"[0-9]{1,18}(~[A-Za-z0-9_-]{1,100})?")


class WaitRequest(Model):
    """What to wait for."""

    timeout_seconds: int = Field(default=30, description="How long to wait at most.", ge=1, le=120)
    thread_id: str | None = Field(default=None, description="Only mail in this thread.", max_length=64)
    sender: Sender = None
    subject_contains: str | None = Field(
        default=None, description="Only mail whose subject has these words, in any case.", min_length=1, max_length=200
    )
    has_attachment: bool | None = Field(default=None, description="Only mail with a file, or only mail without.")
    tag: Wanted = Field(
        default=None,
        description="Only mail with this tag, as a name or as name=value; also mail that is given it while you wait.",
    )
    since: str | None = Field(
        default=None,
        description="The cursor of an earlier call: all mail since then, read or not, so that none is missed.",
        max_length=120,
    )
    after_message_id: str | None = Field(
        default=None,
        description="Only mail that arrived after this one, or after you sent it. Without it: any unread mail, which "
        "may be there already.",
        max_length=64,
    )
    mailbox_id: MailboxId = None


class Overdue(BaseModel):
    """An answer that did not come in the time its mail asked for with expect_reply_within."""

    message_id: str = Field(description="The mail that nobody answered.")
    thread_id: str
    waited_seconds: int


class Arrivals(BaseModel):
    """What arrived."""

    found: bool
    timed_out: bool
    messages: list[ListedMessage]
    overdue: list[Overdue] = Field(description="Answers that did not come in time: while waiting, or after since.")
    cursor: str = Field(description="Pass it as since to go on from here.")
    next: Next


@dataclass(slots=True)
class _Seen:
    """What a call has found, and how far it has looked: in the log, and in mail that was there before."""

    upto: int
    """The last number of the log when the call began."""
    cursor: int
    rest: str | None = None
    newer_than: int = 0
    """The number of the log from which on the mail was there that is named by after_message_id."""
    messages: list[MessageHead] = field(default_factory=list)
    overdue: list[Overdue] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.messages or self.overdue)


async def wait_for_message(context: Context, request: WaitRequest) -> Arrivals:
    """Unread (or newer) mail, as soon as there is any. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    request = request.model_copy(update={"sender": sender_key(request.sender)})
    if request.thread_id is not None:
        await thread_of(context.db, mailbox, request.thread_id)
    # listened before looked, so that nothing falls between
    with context.db.wakeups.listen(arrivals_topic(mailbox.id)) as woken:
        upto = await last_seq(context.db, mailbox.account_id)
        seen = _Seen(upto, upto)
        if request.since is not None:
            await _go_on(context, mailbox, request, seen, request.since)
        elif request.after_message_id is not None:
            await _go_on_behind(context, mailbox, request, seen, request.after_message_id)
        else:
            await _there_already(context, mailbox, request, seen, 0, "")
        try:
            async with asyncio.timeout(request.timeout_seconds):
                while not seen:
                    await woken.wait()
                    woken.clear()
                    await _look(context, mailbox, request, seen)
        except TimeoutError:
            # what another process wrote into the same SQLite file wakes nobody here
            await _look(context, mailbox, request, seen)
    return _answer(seen)


async def _go_on(context: Context, mailbox: Mailbox, request: WaitRequest, seen: _Seen, cursor: str) -> None:
    """From an earlier call's cursor: first what it found and had no room for, then what the log has got since."""
    if not _CURSOR.fullmatch(cursor):
        raise Refusal("invalid_cursor", "since: it takes the cursor of an earlier call.", field="since")
    number, _, rest = cursor.partition("~")
    seen.cursor = min(int(number), seen.cursor)
    if rest:
        await _there_already(context, mailbox, request, seen, *position(rest))
    await _look(context, mailbox, request, seen)


async def _go_on_behind(context: Context, mailbox: Mailbox, request: WaitRequest, seen: _Seen, message_id: str) -> None:
    """From a mail on, in the order of the log: clocks go back, and what was held back comes long after its time."""
    behind = await message_of(context.db, mailbox, message_id)
    rows = await context.db.rows("arrived", message_id=behind.id)
    seen.cursor = seen.newer_than = rows[0]["seq"]
    await _look(context, mailbox, request, seen)


async def _look(context: Context, mailbox: Mailbox, request: WaitRequest, seen: _Seen) -> None:
    """Read on in the log until something fits or its end is reached."""
    while not seen:
        rows = await context.db.rows(
            "arrivals_since",
            account_id=mailbox.account_id,
            after=seen.cursor,
            mailbox_id=mailbox.id,
            thread_id=request.thread_id,
            sender=_comparable(request.sender),
            tag=request.tag,
            newer_than=seen.newer_than,
            limit=_PAGE,
        )
        for row in rows:
            seen.cursor = row["seq"]
            _sort_in(row, request, seen)
            if len(seen.messages) == MOST:
                return
        if len(rows) < _PAGE:
            # the next call need not walk again through what is other mailboxes'
            seen.cursor = max(seen.cursor, seen.upto)
            return


def _sort_in(row: Row, request: WaitRequest, seen: _Seen) -> None:
    message = record(MessageHead, row)
    if row["type"] == OVERDUE:
        # who names a mail has been told of what was overdue before, or would hear nothing else again and again
        if not seen.newer_than or row["seq"] > seen.upto:
            waited = json.loads(row["data"])["waited_seconds"]
            seen.overdue.append(Overdue(message_id=message.id, thread_id=message.thread_id, waited_seconds=waited))
    elif message.status in _READABLE and _fits(message, request) and _is_news(row, message, request, seen):
        seen.messages.append(message)


def _is_news(row: Row, message: MessageHead, request: WaitRequest, seen: _Seen) -> bool:
    """Whether a row tells of mail that arrived, or of mail that was given the very tag that is waited for."""
    given = request.tag is None or named(json.loads(row["data"]).get("set", {}), request.tag)
    return given and message not in seen.messages


async def _there_already(
    context: Context, mailbox: Mailbox, request: WaitRequest, seen: _Seen, after_at: int, after_id: str
) -> None:
    """Unread mail that was there at the cursor, oldest first; and where more follows, the place behind it."""
    found: list[MessageHead] = []
    while len(found) <= MOST:
        page = await many(
            context.db,
            MessageHead,
            "arrivals",
            mailbox_id=mailbox.id,
            thread_id=request.thread_id,
            sender=_comparable(request.sender),
            tag=request.tag,
            after_at=after_at,
            after_id=after_id,
            upto=seen.cursor,
            limit=_PAGE,
        )
        found += _fitting(page, request)
        if len(page) < _PAGE:
            break
        after_at, after_id = page[-1].created_at, page[-1].id
    seen.messages, seen.rest = paged(found, MOST, cursor_after)


def _comparable(sender: str | None) -> str | None:
    """What the database can look for itself: SQLite's lower() knows ASCII alone. `_fits` looks again in any case."""
    return sender if sender and sender.isascii() else None


def _fitting(messages: Iterable[MessageHead], request: WaitRequest) -> list[MessageHead]:
    return [message for message in messages if _fits(message, request)]


def _fits(message: MessageHead, request: WaitRequest) -> bool:
    words, attached = request.subject_contains, request.has_attachment
    return (
        request.thread_id in (None, message.thread_id)
        and (request.sender is None or canonical(message.from_email) == request.sender)
        and (words is None or words.casefold() in message.subject.casefold())
        and (attached is None or attached == (message.attachments != "[]"))
    )


def _answer(seen: _Seen) -> Arrivals:
    if seen.messages:
        advice = "read_message shows the text; reply answers."
    elif seen.overdue:
        advice = "Nobody answered in time: reply to your own mail to ask again, or go on without."
    else:
        advice = "Call again to wait longer, with since set to cursor."
    return Arrivals(
        found=bool(seen.messages),
        timed_out=not seen,
        messages=[listed(message) for message in seen.messages],
        overdue=seen.overdue,
        cursor=f"{seen.cursor}~{seen.rest}" if seen.rest else str(seen.cursor),
        next=advice,
    )


WAIT_FOR_MESSAGE = Operation(
    name="wait_for_message",
    title="Wait for mail",
    summary=(
        "Wait until mail arrives (at most 120 seconds) and list it without bodies. Better than calling check_inbox "
        "repeatedly. Narrow it with thread_id, sender, subject_contains, has_attachment or tag when you expect an "
        "answer. It also tells which answers did not come within their expect_reply_within."
    ),
    request=WaitRequest,
    result=Arrivals,
    run=wait_for_message,
    scope="read",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/wait",
    read_only=True,
    waits=True,
    idempotent=True,
)
