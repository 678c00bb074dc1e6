"""MCP over HTTP: one address, both protocol eras, no sessions."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mcp.server.context import ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.types import ASGIApp

from server.http.hosts import LOCAL, host_names
from server.http.limits import MAX_BODY
from server.mcp.agent import build_mcp
from server.mcp.labelling import Labelling
from server.mcp.subscribers import Subscribers
from server.mcp.updates import Updates
from server.streams import Streams
from tools.context import Context, Secret


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Mount `app` for POST and `updates` for GET and DELETE; enter `run()` once, for as long as it is served."""

    app: ASGIApp
    updates: Updates
    run: Callable[[], AbstractAsyncContextManager[None]]


def endpoint(secret: Secret, base_url: str, streams: Streams, *, json_response: bool = False) -> Endpoint:
    """The endpoint. It finds the acting context in `request.state.context`, where authentication puts it."""
    subscribers, security = Subscribers(), _security(base_url)
    manager = StreamableHTTPSessionManager(
        build_mcp(secret, _acting, streams, subscribers),
        json_response=json_response,
        # sessions would tie a client to one process and would have to be guarded and counted
        stateless=True,
        security_settings=security,
        max_request_body_size=MAX_BODY,
    )
    updates = Updates(streams, subscribers, TransportSecurityMiddleware(security))
    return Endpoint(Labelling(StreamableHTTPASGIApp(manager), subscribers), updates, manager.run)


def _acting(request: ServerRequestContext[Any, Any]) -> Context:
    assert request.request is not None
    context: Context = request.request.state.context
    return context


def _security(base_url: str) -> TransportSecuritySettings:
    parts = urlsplit(base_url)
    names = host_names(base_url)
    return TransportSecuritySettings(
        allowed_hosts=[form for name in names for form in (name, f"{name}:*")],
        allowed_origins=[
            f"{parts.scheme}://{parts.netloc}",
            *(form for name in LOCAL for form in (f"http://{name}", f"http://{name}:*")),
        ],
    )
