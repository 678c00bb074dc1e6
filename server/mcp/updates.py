"""Over HTTP, the older protocol's stream of what changed: a GET that stays open (Streamable HTTP of 2025-11-25).

Sessions have nothing in them but the resources that a client subscribes to (`server/mcp/labelling.py`).
"""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from mcp.server.transport_security import TransportSecurityMiddleware
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from server.http.failures import refusal_response
from server.mcp.subscribers import VERSION, Changes, Subscriber, Subscribers, changes, label_of
from server.streams import Streams
from storage.errors import Unavailable
from tools.context import Context
from tools.errors import Refusal
from tools.list_events import Feed, feed_of


@dataclass(frozen=True, slots=True)
class Updates:
    """The endpoints beside the POST that answers requests."""

    streams: Streams
    subscribers: Subscribers
    security: TransportSecurityMiddleware

    async def stream(self, request: Request) -> Response:
        """Tell a client of the older protocol of its resources as they change."""
        context, label = self._asked(request)
        if request.method != "GET" or "text/event-stream" not in request.headers.get("accept", ""):
            raise HTTPException(405, headers={"Allow": "POST"})
        refused = await self.security.validate_request(request)
        if refused is not None:
            return refused
        try:
            if not context.principal.may("read"):
                raise Refusal("missing_scope", scope="read")
            feed = await feed_of(context, None)
            self.streams.admit(context.principal.name)
            subscriber = self.subscribers.of(context.principal.name, label)
            if subscriber is None:
                raise Refusal("session_not_found")
        except Refusal as refusal:
            return refusal_response(request.scope, refusal)
        last = request.headers.get("last-event-id", "")
        if last.isdecimal() and len(last) < 19:
            # what was told to a stream that had broken unseen is told again
            subscriber.after = min(subscriber.after, int(last))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._lines(context, feed, subscriber), 200, headers, "text/event-stream")

    async def end(self, request: Request) -> Response:
        """The client goes: nothing more is to be told."""
        context, label = self._asked(request)
        if not self.subscribers.forget(context.principal.name, label):
            return refusal_response(request.scope, Refusal("session_not_found"))
        return Response(status_code=204)

    def _asked(self, request: Request) -> tuple[Context, str]:
        """Whose label it is. Whoever has none, or speaks the newer protocol, is told that there is no such method."""
        label = label_of(request.headers)
        if not label or request.headers.get(VERSION) not in (None, *HANDSHAKE_PROTOCOL_VERSIONS):
            raise HTTPException(405, headers={"Allow": "POST"})
        context: Context = request.state.context
        return context, label

    async def _lines(self, context: Context, feed: Feed, subscriber: Subscriber) -> AsyncIterator[str]:
        subscriber.streams += 1
        yield ": \n\n"
        try:
            async with aclosing(changes(self.streams, context, feed, subscriber)) as found:
                async for changed in found:
                    yield _told(changed) or ": \n\n"
        except Unavailable:
            # the client comes back, and is told from where it was
            return
        finally:
            subscriber.streams -= 1


def _told(changed: Changes) -> str:
    """An event for each resource; the last of them has the number of the log up to which all were told."""
    events = []
    for uri in changed.uris:
        notification = {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri}}
        events.append(f"event: message\ndata: {json.dumps(notification)}\n")
    return "\n".join(events) + f"id: {changed.upto}\n\n" if events else ""
