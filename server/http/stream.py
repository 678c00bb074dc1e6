"""The event log as server-sent events (HTML standard, section 9.2); a client takes the stream up where it was."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from server.calls import read
from server.http.failures import refusal_response
from storage.errors import Unavailable
from storage.wakeups import wait
from tools.context import Context
from tools.errors import Refusal
from tools.events import last_seq, topic
from tools.identity import still_valid
from tools.list_events import LIST_EVENTS, EventPage, EventsRequest, Feed, feed_of, read_on
from tools.operation import AnyOperation

Endpoint = Callable[[Request], Awaitable[Response]]

HEARTBEAT_SECONDS = 15.0
PER_KEY = 8
"""Streams that one key may have open in this process."""
_PAGE = 100
_TYPE = "text/event-stream"


@dataclass(slots=True)
class Streams:
    """The open streams of this process, and their end."""

    heartbeat_seconds: float = HEARTBEAT_SECONDS
    per_key: int = PER_KEY
    _open: Counter[str] = field(default_factory=Counter)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _woken: set[asyncio.Event] = field(default_factory=set)

    def close(self) -> None:
        """End every stream, so that a server that stops need not wait for them."""
        self._closing.set()
        for woken in self._woken:
            woken.set()

    def offered(self, operation: AnyOperation, plain: Endpoint) -> Endpoint:
        """The endpoint of `list_events` that streams to who asks for it."""
        if operation is not LIST_EVENTS:
            return plain

        async def endpoint(request: Request) -> Response:
            return await self._stream(request) if _TYPE in request.headers.get("accept", "") else await plain(request)

        return endpoint

    async def _stream(self, request: Request) -> Response:
        context: Context = request.state.context
        try:
            feed, after = await _asked(context, request)
            if self._open[feed.principal.name] >= self.per_key:
                raise Refusal("rate_limited", f"{self.per_key} streams a key.", retry_after=60, limit=self.per_key)
        except Refusal as refusal:
            return refusal_response(request.scope, refusal)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._lines(context, feed, after), headers=headers, media_type=_TYPE)

    async def _lines(self, context: Context, feed: Feed, after: int) -> AsyncIterator[str]:
        """Events as they come, and a comment when there are none, until the key is revoked or the server stops."""
        with self._counted(feed.principal.name), context.db.wakeups.listen(topic(feed.principal.account_id)) as woken:
            self._woken.add(woken)
            try:
                yield f": from {after}\n\n"
                while not self._closing.is_set() and await still_valid(context, feed.principal):
                    page = await read_on(context, feed, after, _PAGE)
                    after = page.cursor
                    yield _written(page) or ": \n\n"
                    if not page.more:
                        await wait(woken, self.heartbeat_seconds)
            except Unavailable:
                # the client comes back with the id of the last event it has
                return
            finally:
                self._woken.discard(woken)

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        self._open[name] += 1
        try:
            yield
        finally:
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]


async def _asked(context: Context, request: Request) -> tuple[Feed, int]:
    """Which events, and behind which number: a client that comes back says it, any other begins now."""
    if not context.principal.may(LIST_EVENTS.scope):
        raise Refusal("missing_scope", "list_events needs 'read'.", scope="read")
    given: dict[str, object] = {
        name: request.query_params.getlist(name) if name == "types" else value
        for name, value in request.query_params.items()
    }
    asked = read(LIST_EVENTS, given, text=True)
    assert isinstance(asked, EventsRequest)
    feed = await feed_of(context, asked.mailbox_id, tuple(asked.types))
    newest = await last_seq(context.db, feed.principal.account_id)
    last = request.headers.get("last-event-id", "")
    if last.isdecimal() and len(last) < 19:
        return feed, min(int(last), newest)
    return feed, min(asked.after, newest) if "after" in given else newest


def _written(page: EventPage) -> str:
    return "".join(
        f"id: {event.seq}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n" for event in page.events
    )
