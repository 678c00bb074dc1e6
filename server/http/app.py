"""The HTTP application: MCP, REST, health, and the pages for people."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from server.http.auth import Authentication
from server.http.downloads import download_routes
from server.http.failures import refusal_response
from server.http.guard import Guard
from server.http.hosts import HostCheck
from server.http.openapi import document
from server.http.rates import DEFAULT, PerMinute, Rates
from server.http.rest import rest_routes
from server.mcp.http import Endpoint, endpoint
from server.streams import Streams
from storage.errors import StorageError
from tools.context import Context
from tools.errors import Refusal
from tools.registry import OPERATIONS

Ready = Callable[[], Awaitable[Mapping[str, object]]]
"""The state of each part, by name; False is a part that cannot serve. May raise StorageError."""


def build_app(
    context: Context,
    *,
    web_routes: Sequence[BaseRoute],
    ready: Ready,
    json_response: bool = False,
    per_minute: PerMinute = DEFAULT,
    streams: Streams | None = None,
) -> Starlette:
    """A fresh application; each can be started once. `context` is the system's, without a principal.

    `streams` are closed by whoever stops the server.
    """
    streams = streams or Streams()
    mcp = endpoint(context.secret, context.site.base_url, streams, json_response=json_response)
    rates = Rates(per_minute, context.clock)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with mcp.run():
            yield

    return Starlette(
        routes=[
            *_mcp_routes(context, rates, mcp),
            *_public_routes(context.site.base_url, ready),
            *rest_routes(context, rates, streams),
            *download_routes(context, rates),
            *web_routes,
        ],
        middleware=[
            Middleware(Guard, context=context),
            Middleware(HostCheck, base_url=context.site.base_url),
        ],
        exception_handlers={HTTPException: _routing_failure},
        lifespan=lifespan,
    )


def _mcp_routes(context: Context, rates: Rates, mcp: Endpoint) -> list[Route]:
    authentication = [Middleware(Authentication, context=context, rates=rates)]
    return [
        Route("/mcp", mcp.app, methods=["POST"], middleware=authentication),
        Route("/mcp", mcp.updates.stream, methods=["GET"], middleware=authentication),
        Route("/mcp", mcp.updates.end, methods=["DELETE"], middleware=authentication),
    ]


def _public_routes(base_url: str, ready: Ready) -> list[Route]:
    description = document(OPERATIONS, base_url)

    async def openapi(_: Request) -> Response:
        return JSONResponse(description)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        try:
            state = dict(await ready())
        except StorageError:
            state = {"database": False}
        return JSONResponse(state, 503 if False in state.values() else 200)

    return [
        Route("/openapi.json", openapi),
        Route("/v1/openapi.json", openapi),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
    ]


async def _routing_failure(request: Request, error: Exception) -> Response:
    """Starlette's own refusals (no such route, wrong method) in our words; others keep theirs."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}.get(error.status_code)
    if code is None:
        return Response(error.detail, error.status_code, error.headers, media_type="text/plain")
    response = refusal_response(request.scope, Refusal(code))
    response.headers.update(error.headers or {})
    return response
