"""A server whose tools are those of a Gatepost that runs elsewhere, reached by URL and key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from server.mcp.agent import NAME
from server.mcp.tools import refused
from tools.errors import Refusal

TIMEOUT = httpx2.Timeout(15.0, read=330.0)
"""Seconds. Reading is long because a call may wait for mail; the server says something every 15 s meanwhile."""


class BridgeError(Exception):
    """The server cannot be used; the sentence says why and what to do."""


@asynccontextmanager
async def upstream(url: str, key: str) -> AsyncIterator[Server[Any]]:
    """A server that hands everything on. Raises BridgeError when there is nobody, or the key is refused."""
    address = f"{url.rstrip('/').removesuffix('/mcp')}/mcp"
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=TIMEOUT) as http:
        await _check(http, address)
        async with Client(streamable_http_client(address, http_client=http)) as client:
            yield _relaying(client)


async def _check(http: httpx2.AsyncClient, address: str) -> None:
    """Ask once by hand: the client would tell a wrong key and a missing server in the words of the protocol."""
    try:
        answer = await http.post(address, json={})
    except httpx2.HTTPError as error:
        raise BridgeError(
            f"There is no server at {address} ({type(error).__name__}). Is 'gatepost serve' up?"
        ) from None
    if answer.status_code == 401:
        raise BridgeError(f"The server at {address} refuses the key. Check GATEPOST_KEY.")
    if answer.status_code in (404, 405, 421) or answer.status_code >= 500:
        raise BridgeError(f"{address} answers {answer.status_code}. Is GATEPOST_URL the address of a Gatepost?")


def _relaying(client: Client) -> Server[Any]:
    async def list_tools(_: ServerRequestContext[Any, Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return await client.list_tools()

    async def call_tool(_: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> CallToolResult:
        try:
            return await client.call_tool(params.name, params.arguments)
        except (MCPError, httpx2.HTTPError):
            return refused(Refusal("try_again", "The server cannot be reached."), "")

    return Server(
        NAME,
        version=version("gatepost"),
        title="Gatepost",
        instructions=client.instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
