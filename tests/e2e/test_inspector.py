"""The MCP Inspector, a client of other people's making: over HTTP, on stdio, and through the bridge."""

import asyncio
import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing
from tests.e2e.gatepost_process import command, installed, served

INSPECTOR = os.environ.get("GATEPOST_TEST_INSPECTOR", "")
"""The command of the Inspector's CLI, 2.12 or newer, such as `npx @modelcontextprotocol/inspector`."""

SECONDS = 90.0
MAIL = json.dumps({"to": ["bea@example.com"], "subject": "Offer", "markdown": "Dear Bea, here it is."})

both_eras = pytest.mark.parametrize("era", ["legacy", "modern"])


@pytest.fixture(autouse=True)
def inspector() -> None:
    if not INSPECTOR:
        missing("the MCP Inspector (GATEPOST_TEST_INSPECTOR)")


async def inspect(era: str, server: list[str], *arguments: str) -> Any:
    """What the Inspector got from the server; it must have nothing to complain of."""
    process = await asyncio.create_subprocess_exec(
        *shlex.split(INSPECTOR),
        "--cli",
        *server,
        *("--protocol-era", era, "--format", "json", *arguments),
        env=os.environ | {"MCP_INSPECTOR_SECRET_STORE": "memory"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS):
        printed, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert b"portability" not in said
    return json.loads(printed)["result"]


async def look(era: str, server: list[str]) -> None:
    """List the tools with the strictest look at their schemas, and hand in a mail that is held."""
    listed = await inspect(era, server, "--method", "tools/list", "--strict")
    assert {"send", "check_inbox", "wait_for_message"} <= {tool["name"] for tool in listed["tools"]}
    call = ("--method", "tools/call", "--tool-name", "send", "--tool-args-json", MAIL)
    sent = await inspect(era, server, *call)
    assert sent["structuredContent"]["status"] == "pending_send_approval"
    assert json.loads(sent["content"][0]["text"]) == sent["structuredContent"]


def on_stdio(**settings: str) -> list[str]:
    """How the Inspector starts `gatepost mcp`."""
    said = [f"GATEPOST_{name.upper()}={value}" for name, value in settings.items()]
    return [*(part for each in said for part in ("-e", each)), *command("mcp")]


@both_eras
async def test_over_http(tmp_path: Path, era: str) -> None:
    async with served(tmp_path) as gatepost:
        key = f"Authorization: Bearer {gatepost.key}"
        await look(era, [f"{gatepost.url}/mcp", "--transport", "http", "--header", key])


@both_eras
async def test_on_stdio_with_a_server_inside(tmp_path: Path, era: str) -> None:
    async with installed(tmp_path) as gatepost:
        ports = {"http_port": "0", "smtp_port": "0"}
        await look(era, on_stdio(data=str(gatepost.data), key=gatepost.key, **ports))


async def test_on_stdio_through_the_bridge(tmp_path: Path) -> None:
    async with served(tmp_path) as gatepost:
        await look("modern", on_stdio(url=gatepost.url, key=gatepost.key))
