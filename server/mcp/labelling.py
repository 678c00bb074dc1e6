"""Labels of older clients over HTTP: given when a client comes, and asked for only where something is tied to them.

A label is the protocol's Mcp-Session-Id. Tools answer whatever label comes, after a restart and at another process too.
What a client subscribed to is known to one process only: there a label that is not known is answered 404, upon which
clients begin anew (Streamable HTTP of 2025-06-18, "Session Management").
"""

import json

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.failures import refusal_response
from server.mcp.subscribers import LABEL, VERSION, Subscribers, label_of
from tools.context import Context
from tools.errors import Refusal

_TIED = ("resources/subscribe", "resources/unsubscribe")
_LONGEST = 64 * 1024
"""Bytes of a request that is looked into; those above are longer for a reason, and ask something else."""


class Labelling:
    """ASGI middleware for POST."""

    def __init__(self, app: ASGIApp, subscribers: Subscribers) -> None:
        self._app = app
        self._subscribers = subscribers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        context: Context = scope["state"]["context"]
        # an older client's first request alone says no version
        first = LABEL not in headers and VERSION not in headers
        if LABEL in headers and self._subscribers.of(context.principal.name, label_of(headers)) is None:
            method, receive = await _looked_into(receive)
            if method in _TIED:
                await refusal_response(scope, Refusal("session_not_found"))(scope, receive, send)
                return
            # some begin anew with the old label still in hand
            first = method == "initialize"
        await self._app(scope, receive, self._labelled(context, send) if first else send)

    def _labelled(self, context: Context, send: Send) -> Send:
        label = context.random(16).hex()

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                self._subscribers.begin(context.principal.name, label)
                MutableHeaders(scope=message)[LABEL] = label
            await send(message)

        return labelled


async def _looked_into(receive: Receive) -> tuple[str, Receive]:
    """The method a request asks for, or ''; and the request again."""
    messages: list[Message] = []
    body, more = b"", True
    while more and len(body) <= _LONGEST:
        messages.append(await receive())
        body += messages[-1].get("body", b"")
        more = messages[-1].get("more_body", False)
    unread = iter(messages)

    async def again() -> Message:
        return next(unread, None) or await receive()

    return _method_of(body) if not more else "", again


def _method_of(body: bytes) -> str:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    method = request.get("method") if isinstance(request, dict) else None
    return method if isinstance(method, str) else ""
