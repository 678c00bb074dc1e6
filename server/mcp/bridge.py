"""A server whose tools and resources are those of a Gatepost that runs elsewhere, reached by URL and key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import httpx2
from mcp.server.lowlevel import Server

from server.mcp.agent import NAME
from server.mcp.relay import AGAIN_SECONDS, FAILURES, Relay
from server.mcp.subscribers import Line, line

TIMEOUT = httpx2.Timeout(15.0, read=330.0)
"""Seconds. Reading is long because a call may wait for mail; the server says something every 15 s meanwhile."""


class BridgeError(Exception):
    """The server cannot be used; the sentence says why and what to do."""


@asynccontextmanager
async def upstream(url: str, key: str, again_seconds: float = AGAIN_SECONDS) -> AsyncIterator[Server[Line]]:
    """A server that hands everything on. Raises BridgeError when there is nobody, or the key is refused."""
    if not (key.isascii() and key.isprintable() and key) or " " in key:
        raise BridgeError("That is not a key. Check GATEPOST_KEY.")
    address = f"{url.rstrip('/').removesuffix('/mcp')}/mcp"
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=TIMEOUT) as http:
        await _check(http, address)
        relay = Relay(http, address, again_seconds)
        try:
            instructions = await relay.instructions()
        except FAILURES as error:
            raise BridgeError(f"{address} does not speak MCP. Is GATEPOST_URL a Gatepost's?") from error
        yield Server(
            NAME,
            version=version("gatepost"),
            title="Gatepost",
            instructions=instructions,
            lifespan=line,
            on_list_tools=relay.list_tools,
            on_call_tool=relay.call_tool,
            on_list_resources=relay.list_resources,
            on_list_resource_templates=relay.list_templates,
            on_read_resource=relay.read,
            on_subscriptions_listen=relay.listen,
            on_subscribe_resource=relay.subscribe,
            on_unsubscribe_resource=relay.unsubscribe,
        )


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
