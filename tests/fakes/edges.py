"""A world behind the agent's edges: MCP in this process, and the whole application on a port."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    CallToolResult,
    EmptyResult,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    TextContent,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
)
from starlette.applications import Starlette

from server.http.app import build_app
from server.mcp.agent import build_mcp
from server.streams import Streams
from tests.conftest import World, eventually
from tests.fakes.serving import serving
from tools.context import Context

on_sqlite = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
"""The verbs are tested on every database; what an edge makes of them is the same on each."""

ERAS = ("auto", "legacy")
"""The client's choice of protocol: 2026-07-28 where it is offered, or the handshake of 2025-11-25."""

MAIL: dict[str, Any] = {"to": ["bea@example.com"], "subject": "Offer", "markdown": "Dear Bea, here it is."}


@asynccontextmanager
async def talking(context: Context, era: str, **options: Any) -> AsyncIterator[Client]:
    """A client of the tools, in this process; `context` has the principal."""
    async with Client(build_mcp(context.secret, lambda _: context, Streams()), mode=era, **options) as client:
        yield client


def application(world: World, streams: Streams | None = None) -> Starlette:
    """The application without the pages for people."""

    async def ready() -> dict[str, object]:
        return {"database": True}

    return build_app(world.system, web_routes=[], ready=ready, streams=streams)


@asynccontextmanager
async def served(world: World, streams: Streams | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """The whole application on a port, and an HTTP client that has the agent's key."""

    async with (
        serving(application(world, streams)) as url,
        httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {world.key}"}, timeout=30) as http,
    ):
        yield http


@asynccontextmanager
async def talking_http(http: httpx2.AsyncClient, era: str, **options: Any) -> AsyncIterator[Client]:
    """A client of the tools over HTTP."""
    transport = streamable_http_client(f"{http.base_url}/mcp", http_client=http)
    async with Client(transport, mode=era, **options) as client:
        yield client


@dataclass
class Heard:
    """The resources that a client of the older protocol is told of, in order."""

    uris: list[str] = field(default_factory=list)

    async def __call__(self, message: object) -> None:
        """The client's message handler."""
        if isinstance(message, ResourceUpdatedNotification):
            self.uris.append(str(message.params.uri))

    async def until(self, *uris: str) -> None:
        """Wait until all of these were told of."""
        await eventually(lambda: set(uris) <= set(self.uris))


async def subscribe(client: Client, uri: str) -> None:
    """As a client of the older protocol does; the SDK's own method warns that it is the older one."""
    await client.session.send_request(SubscribeRequest(params=SubscribeRequestParams(uri=uri)), EmptyResult)


async def unsubscribe(client: Client, uri: str) -> None:
    """The same for not being told any longer."""
    await client.session.send_request(UnsubscribeRequest(params=UnsubscribeRequestParams(uri=uri)), EmptyResult)


def facts(result: CallToolResult) -> dict[str, Any]:
    """The data of a result, which its text must say too."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert json.loads(content.text) == result.structured_content
    found: dict[str, Any] = result.structured_content
    return found


def refusal(result: CallToolResult) -> str:
    """The code of an error result."""
    assert result.is_error
    code: str = facts(result)["code"]
    return code
