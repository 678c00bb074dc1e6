"""Who of the older protocol wants to hear of which resources, and what changed of them since.

A client of 2026-07-28 listens by one request that stays open. An older one subscribes to one resource after the other
and is told on the connection it has: stdin and stdout, or a GET stream (`server/mcp/updates.py`).
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from mcp.server.lowlevel import Server

from server.streams import PER_KEY, Streams
from tools.context import Context
from tools.list_events import EventPage, EventView, Feed

LABEL = "mcp-session-id"
"""The header that tells the clients of one key apart."""
VERSION = "mcp-protocol-version"
"""The header that every request of a client has but its first."""
MOST_URIS = 100
"""Resources that one client of the older protocol may subscribe to."""

_LABEL = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Changes:
    """The resources that changed up to a number of the event log."""

    uris: tuple[str, ...] = ()
    upto: int = 0


@dataclass(slots=True)
class Subscriber:
    """What one client wants to hear of, and the number of the event log up to which it was told."""

    uris: set[str] = field(default_factory=set)
    after: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it subscribed to something; before, nothing is looked for."""
    streams: int = 0
    """Its open GET streams."""


class Subscribers:
    """The clients of this process that come by HTTP; of those without a stream a few of each key, the last heard of."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Subscriber]] = {}

    def begin(self, name: str, label: str) -> None:
        """A client of the key `name` comes, and was given the label."""
        kept = self._kept.setdefault(name, {})
        kept[label] = Subscriber()
        idle = [each for each, subscriber in kept.items() if not subscriber.streams]
        for each in idle[: max(len(idle) - PER_KEY, 0)]:
            del kept[each]

    def of(self, name: str, label: str) -> Subscriber | None:
        """That of a key and a label, if it is known here; with another key the same label is another's."""
        kept = self._kept.get(name, {})
        if label in kept:
            # put last again: the first is the one that was not heard of for longest
            kept[label] = kept.pop(label)
        return kept.get(label)

    def forget(self, name: str, label: str) -> bool:
        """Nothing is told of that client's resources any longer; whether it was known."""
        kept = self._kept.get(name, {})
        known = kept.pop(label, None)
        if known is not None:
            known.uris.clear()
        if not kept:
            self._kept.pop(name, None)
        return known is not None


def label_of(headers: Mapping[str, str]) -> str:
    """The label a request has among its headers; '' for none, or for one that cannot be ours."""
    label = headers.get(LABEL, "")
    return label if _LABEL.fullmatch(label) else ""


@dataclass(slots=True)
class Line:
    """A connection that stays: the client at its other end, and the task that tells it."""

    subscriber: Subscriber = field(default_factory=Subscriber)
    telling: asyncio.Task[None] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whoever changes what is told holds it."""

    def hang_up(self) -> None:
        if self.telling is not None:
            self.telling.cancel()


@asynccontextmanager
async def line(_: Server[Any]) -> AsyncIterator[Line]:
    """The lifespan of a server over one connection. Over HTTP, where connections do not stay, its line is not used."""
    kept = Line()
    try:
        yield kept
    finally:
        kept.hang_up()


async def changes(
    streams: Streams, context: Context, feed: Feed, subscriber: Subscriber
) -> AsyncGenerator[Changes, None]:
    """The subscriber's resources that changed, as soon as some did; none of them when there was nothing for long.

    What was not taken is told again by the next call. Raises Unavailable.
    """
    async with aclosing(streams.rest(context, feed.principal, subscriber.begun)) as rests:
        async for _ in rests:
            yield Changes()
    async with aclosing(streams.follow(context, feed, subscriber.after)) as pages:
        async for page in pages:
            yield Changes(changed_in(page, subscriber.uris), page.cursor)
            subscriber.after = page.cursor


def changed_in(page: EventPage, uris: Collection[str]) -> tuple[str, ...]:
    """Which of these resources the events of a page changed, each once."""
    return tuple(dict.fromkeys(uri for event in page.events for uri in _changed(event) if uri in uris))


def _changed(event: EventView) -> Iterator[str]:
    ids = (("mailboxes", event.mailbox_id), ("threads", event.thread_id), ("messages", event.message_id))
    return (f"gatepost://{kind}/{id_}" for kind, id_ in ids if id_)
