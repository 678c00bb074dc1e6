"""MCP over standard input and output, for runtimes that start their servers themselves.

Nothing but the protocol goes to stdout; the SDK moves prints to stderr while it serves.
"""

from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from server.mcp.agent import build_mcp
from server.mcp.bridge import upstream
from server.streams import Streams
from tools.context import Context


async def serve_stdio(context: Context) -> None:
    """Serve the tools over a context that has a principal, until stdin ends."""
    await _serve(build_mcp(context.secret, lambda _: context, Streams()))


async def bridge_stdio(url: str, key: str) -> None:
    """Serve the tools of a running Gatepost at `url`, until stdin ends. Raises BridgeError, before it serves."""
    async with upstream(url, key) as server:
        await _serve(server)


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
