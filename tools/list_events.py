"""`list_events`: what happened, in order and without gaps, now or as soon as it does."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from storage.database import Row
from tools.access import mailbox_of
from tools.context import Context, Principal
from tools.events import last_seq, topic
from tools.operation import MailboxId, Model, Operation
from tools.views import time_text

_PAGE = 200
_PAGES = 50
"""So many pages of events that are not for the reader are passed over in one call."""

_FOR_AGENTS = ("message.", "delivery.", "reply.", "thread.", "approval.", "mailbox.mode_changed", "sending.")
"""Types of event that a key sees which neither administers nor oversees."""
_NOT_FOR_AGENTS = frozenset({"delivery.report_received"})
_SAID_TO_AGENTS = frozenset(
    {"recipient", "thread_id", "waited_seconds", "status", "send_at", "reason", "revision", "mode", "may_arrive_twice"}
)
_HIDDEN = frozenset({"pending_inbound_approval", "spam_quarantined", "rejected"})


class EventsRequest(Model):
    """Which events."""

    after: int = Field(default=0, description="The cursor: only events behind this number.", ge=0, lt=2**62)
    wait: int = Field(default=0, description="Seconds to wait for an event when there is none yet.", ge=0, le=120)
    limit: int = Field(default=100, description="How many to return at most.", ge=1, le=200)
    types: list[str] = Field(
        default=[], description="Only events of these types; 'message.*' is all that begin so.", max_length=20
    )
    mailbox_id: MailboxId = None


class EventView(BaseModel):
    """One event."""

    seq: int = Field(description="Its number; they rise with each event of the account, and none is used twice.")
    type: str
    mailbox_id: str | None
    message_id: str | None
    thread_id: str | None
    at: str = Field(description="When; ISO 8601, UTC.")
    data: dict[str, Any] = Field(description="What more there is to say of it.")


class EventPage(BaseModel):
    """Events, the oldest first."""

    events: list[EventView]
    cursor: int = Field(description="Pass it as after to go on; also where nothing was found.")
    more: bool = Field(description="Whether there are more already.")


@dataclass(frozen=True, slots=True)
class Feed:
    """Whose events a reader gets: those of the account, or of one mailbox, and of some types."""

    principal: Principal
    mailbox_id: str | None
    types: tuple[str, ...] = ()

    def shows(self, row: Row) -> bool:
        wanted = not self.types or any(_of_type(row["type"], each) for each in self.types)
        return wanted and (_trusted(self.principal) or _for_agents(row))

    def view(self, row: Row) -> EventView:
        data = json.loads(row["data"])
        if not _trusted(self.principal):
            data = {name: value for name, value in data.items() if name in _SAID_TO_AGENTS}
        return EventView(
            seq=row["seq"],
            type=row["type"],
            mailbox_id=row["mailbox_id"],
            message_id=row["message_id"],
            thread_id=row["thread_id"],
            at=time_text(row["created_at"]),
            data=data,
        )


async def feed_of(context: Context, mailbox_id: str | None, types: tuple[str, ...] = ()) -> Feed:
    """What the caller may read. Raises Refusal mailbox_not_found."""
    wanted = mailbox_id or context.principal.mailbox_id
    if wanted is not None:
        await mailbox_of(context, wanted)
    return Feed(context.principal, wanted, types)


async def read_on(context: Context, feed: Feed, after: int, limit: int) -> EventPage:
    """The next events of a feed, as far as there are any."""
    found: list[EventView] = []
    upto = await last_seq(context.db, feed.principal.account_id)
    for _ in range(_PAGES):
        rows = await context.db.rows(
            "events_since",
            account_id=feed.principal.account_id,
            after=after,
            mailbox_id=feed.mailbox_id,
            limit=_PAGE,
        )
        for row in rows:
            if feed.shows(row):
                if len(found) == limit:
                    return EventPage(events=found, cursor=after, more=True)
                found.append(feed.view(row))
            after = row["seq"]
        if len(rows) < _PAGE:
            # the next call need not walk again through what is other mailboxes'
            return EventPage(events=found, cursor=max(after, upto), more=False)
    return EventPage(events=found, cursor=after, more=True)


async def list_events(context: Context, request: EventsRequest) -> EventPage:
    """Events behind the cursor; with `wait`, as soon as there is one. Raises Refusal."""
    feed = await feed_of(context, request.mailbox_id, tuple(request.types))
    account_id = feed.principal.account_id
    # a cursor of another database, or a made-up one, must not wait for numbers that come in years
    after = min(request.after, await last_seq(context.db, account_id))
    # listened before looked, so that nothing falls between
    with context.db.wakeups.listen(topic(account_id)) as woken:
        page = await read_on(context, feed, after, request.limit)
        try:
            async with asyncio.timeout(request.wait):
                while not (page.events or page.more):
                    await woken.wait()
                    woken.clear()
                    page = await read_on(context, feed, page.cursor, request.limit)
        except TimeoutError:
            page = await read_on(context, feed, page.cursor, request.limit)
    return page


def _of_type(type_: str, wanted: str) -> bool:
    return type_.startswith(wanted[:-1]) if wanted.endswith("*") else type_ == wanted


def _trusted(principal: Principal) -> bool:
    return principal.may("admin") or principal.may("oversight_read")


def _for_agents(row: Row) -> bool:
    """An agent sees what became of its mail, and nothing of mail that nobody has let in."""
    type_ = row["type"]
    if not type_.startswith(_FOR_AGENTS) or type_ in _NOT_FOR_AGENTS:
        return False
    if row["message_id"] is not None and row["direction"] is None:
        # what is gone was perhaps never let in
        return False
    return not (row["direction"] == "inbound" and (row["status"] in _HIDDEN or type_.startswith("approval.")))


LIST_EVENTS = Operation(
    name="list_events",
    title="Read the event log",
    summary=(
        "What happened, in order: mail received, sent, bounced, held, decided, overdue answers. Pass the cursor back "
        "as after and nothing is missed; wait makes the call return as soon as there is something. With "
        "'Accept: text/event-stream' the same address is a stream."
    ),
    request=EventsRequest,
    result=EventPage,
    run=list_events,
    scope="read",
    method="GET",
    path="/v1/events",
    read_only=True,
    waits=True,
    idempotent=True,
    open_world=False,
    mcp=False,
)
