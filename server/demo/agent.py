"""The agent of the demo: a real MCP client over Streamable HTTP."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from server.demo.outside import OFFICE

MARKDOWN = """Good morning,

here are the figures for the first two months.

| Month    | Orders | Revenue |
|:---------|-------:|--------:|
| January  |     42 | 1.260 € |
| February |     57 | 1.710 € |

The list is attached. Does anything look wrong?

Best regards
"""
ATTACHMENT = "month;orders;revenue\nJanuary;42;1260\nFebruary;57;1710\n"


class Failed(Exception):
    """A step of the demo did not come out right; the sentence says how."""


@asynccontextmanager
async def connected(url: str, key: str) -> AsyncIterator["Agent"]:
    """An agent connected to a Gatepost by URL and key."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=150) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        yield Agent(client)


class Agent:
    """Calls tools and reads their structured results."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """A tool's structured result. Raises Failed with the server's sentence."""
        result = await self._client.call_tool(tool, arguments)
        content: dict[str, Any] = result.structured_content or {}
        if result.is_error:
            raise Failed(f"{tool}: {content.get('error', 'the call failed')}")
        return content

    async def send_figures(self) -> dict[str, Any]:
        """Send the demo's mail."""
        attachment = {
            "name": "Übersicht.csv",
            "content_type": "text/csv",
            "content_base64": base64.b64encode(ATTACHMENT.encode()).decode(),
        }
        return await self.call(
            "send",
            to=[f"{OFFICE.display_name} <{OFFICE.addr_spec}>"],
            subject="Figures for January and February – Übersicht",
            markdown=MARKDOWN,
            attachments=[attachment],
        )
