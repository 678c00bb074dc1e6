"""A server whose tools are those of a Gatepost that runs elsewhere, reached by URL and key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ElicitRequestParams,
    ErrorData,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
)
from mcp.types.version import LATEST_MODERN_VERSION
from pydantic import TypeAdapter

from server.mcp import consent
from server.mcp.agent import NAME
from server.mcp.tools import refused
from tools.errors import Refusal

TIMEOUT = httpx2.Timeout(15.0, read=330.0)
"""Seconds. Reading is long because a call may wait for mail; the server says something every 15 s meanwhile."""

FAILURES = (MCPError, httpx2.HTTPError, ExceptionGroup)
"""How the client says that it got no answer; its own tasks raise in groups."""

_Answer: TypeAdapter[InputRequiredResult | CallToolResult] = TypeAdapter(InputRequiredResult | CallToolResult)


class BridgeError(Exception):
    """The server cannot be used; the sentence says why and what to do."""


@asynccontextmanager
async def upstream(url: str, key: str) -> AsyncIterator[Server[Any]]:
    """A server that hands everything on. Raises BridgeError when there is nobody, or the key is refused."""
    if not (key.isascii() and key.isprintable() and key) or " " in key:
        raise BridgeError("That is not a key. Check GATEPOST_KEY.")
    address = f"{url.rstrip('/').removesuffix('/mcp')}/mcp"
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=TIMEOUT) as http:
        await _check(http, address)
        relay = Relay(http, address)
        yield Server(
            NAME,
            version=version("gatepost"),
            title="Gatepost",
            instructions=await relay.instructions(),
            on_list_tools=relay.list_tools,
            on_call_tool=relay.call_tool,
        )


class Relay:
    """Asks the server for each request anew: a connection that broke once would stay broken."""

    def __init__(self, http: httpx2.AsyncClient, address: str) -> None:
        self._http = http
        self._address = address

    async def instructions(self) -> str | None:
        """What the server tells a model. Raises BridgeError when it does not speak the protocol."""
        try:
            async with self._connected("auto") as client:
                return client.instructions
        except FAILURES as error:
            raise BridgeError(f"{self._address} does not speak MCP. Is GATEPOST_URL a Gatepost's?") from error

    async def list_tools(
        self, _: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        try:
            async with self._connected() as client:
                return await client.list_tools()
        except FAILURES as error:
            raise MCPError(INTERNAL_ERROR, "The Gatepost server did not answer.") from error

    async def call_tool(
        self, request: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """The server's answer, or its question: then the client asks its user and calls again with what was said."""
        forwarded = CallToolRequest(params=params.model_copy(update={"meta": None}))
        try:
            async with self._connected(asking=consent.opens_pages(request)) as client:
                # as it came: checking it against the schema would list the tools first, for each call
                return await client.session.send_request(forwarded, _Answer)
        except FAILURES:
            return refused(Refusal("unreachable"), "")

    def _connected(self, mode: str = LATEST_MODERN_VERSION, *, asking: bool = False) -> Client:
        """`asking`: say that questions to the user can be answered, because our own client says so."""
        transport = streamable_http_client(self._address, http_client=self._http)
        return Client(transport, mode=mode, elicitation_callback=_never_here if asking else None)


async def _never_here(context: ClientRequestContext, params: ElicitRequestParams) -> ErrorData:
    """A question is a result, and handed on as one: none is answered on the way."""
    return ErrorData(code=INVALID_REQUEST, message="Questions come as results.")


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
