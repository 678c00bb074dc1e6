"""The event log as server-sent events (HTML standard, section 9.2); a client takes the stream up where it was."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from server.calls import read
from server.http.failures import refusal_response
from server.streams import Streams
from storage.errors import Unavailable
from tools.context import Context
from tools.errors import Refusal
from tools.events import last_seq
from tools.list_events import LIST_EVENTS, EventPage, EventsRequest, Feed, feed_of
from tools.operation import AnyOperation

Endpoint = Callable[[Request], Awaitable[Response]]

_TYPE = "text/event-stream"


def offered(streams: Streams, operation: AnyOperation, plain: Endpoint) -> Endpoint:
    """An operation's endpoint; that of `list_events` streams to who asks for it."""
    if operation is not LIST_EVENTS:
        return plain

    async def endpoint(request: Request) -> Response:
        wanted = _TYPE in request.headers.get("accept", "")
        return await _streamed(streams, request) if wanted else await plain(request)

    return endpoint


async def _streamed(streams: Streams, request: Request) -> Response:
    context: Context = request.state.context
    try:
        feed, after = await _asked(context, request)
        streams.admit(feed.principal.name)
    except Refusal as refusal:
        return refusal_response(request.scope, refusal)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_lines(streams, context, feed, after), headers=headers, media_type=_TYPE)


async def _lines(streams: Streams, context: Context, feed: Feed, after: int) -> AsyncIterator[str]:
    """Events as they come, and a comment when there are none."""
    yield f": from {after}\n\n"
    try:
        async with aclosing(streams.follow(context, feed, after)) as pages:
            async for page in pages:
                yield _written(page) or ": \n\n"
    except Unavailable:
        # the client comes back with the id of the last event it has
        return


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
