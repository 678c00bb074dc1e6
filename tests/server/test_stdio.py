"""MCP over stdin and stdout: a server of its own, and a bridge to one that runs elsewhere."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import ElicitResult
from starlette.responses import JSONResponse, PlainTextResponse, Response

from server.mcp.bridge import BridgeError, upstream
from tests.conftest import World
from tests.fakes.edges import ERAS, MAIL, Heard, application, facts, on_sqlite, refusal, subscribe
from tests.fakes.serving import serving
from tests.fakes.web import approval_of
from tools.decide import approve

pytestmark = on_sqlite

ROOT = Path(__file__).parents[2]
OWN = """
import asyncio, sys
from pathlib import Path
from storage.blobs import Blobs
from storage.sqlite import open_sqlite
from server.mcp.stdio import serve_stdio
from tools.context import Context, Secret, Site
from tools.identity import principal_of

async def main(folder, key):
    db = await open_sqlite(folder / "gatepost.db")
    secret = Secret(b"a secret that only the tests know")
    context = Context(db=db, blobs=Blobs(folder / "blobs"), secret=secret, site=Site("http://127.0.0.1:8025"))
    await serve_stdio(context.acting_as(await principal_of(context, key)))
    await db.close()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""
BRIDGE = """
import asyncio, sys
from server.mcp.stdio import bridge_stdio

asyncio.run(bridge_stdio(sys.argv[1], sys.argv[2]))
"""


def process(program: str, *arguments: str) -> StdioServerParameters:
    return StdioServerParameters(command=sys.executable, args=["-c", program, *arguments], cwd=ROOT)


@pytest.mark.parametrize("era", ERAS)
async def test_a_server_of_its_own(world: World, tmp_path: Path, era: str) -> None:
    async with Client(process(OWN, str(tmp_path), world.key), mode=era) as client:
        sent = facts(await client.call_tool("send", MAIL))
        wrong = await client.call_tool("send", MAIL | {"subjct": "x"})
    assert sent["status"] == "pending_send_approval"
    assert refusal(wrong) == "unknown_argument"


async def test_a_server_of_its_own_tells_of_changes(world: World, tmp_path: Path) -> None:
    """As an older client asks for it, over stdin and stdout."""
    heard, mine = Heard(), {"to": [world.mailbox.address], "subject": "Note", "markdown": "To myself"}
    async with Client(process(OWN, str(tmp_path), world.key), mode="legacy", message_handler=heard) as client:
        await subscribe(client, f"gatepost://mailboxes/{world.mailbox.id}")
        await client.call_tool("send", mine)
        await heard.until(f"gatepost://mailboxes/{world.mailbox.id}")


@pytest.mark.parametrize("era", ERAS)
async def test_a_bridge_in_a_process_of_its_own(world: World, era: str) -> None:
    async with serving(application(world)) as url, Client(process(BRIDGE, url, world.key), mode=era) as client:
        tools = (await client.list_tools()).tools
        sent = facts(await client.call_tool("send", MAIL))
        wrong = await client.call_tool("send", MAIL | {"subjct": "x"})
        told = client.instructions or ""
    assert "send" in {tool.name for tool in tools}
    assert all(tool.output_schema for tool in tools)
    assert sent["status"] == "pending_send_approval"
    assert refusal(wrong) == "unknown_argument"
    assert "Do not resend" in told


async def test_nothing_but_the_protocol_is_written(tmp_path: Path, world: World) -> None:
    arguments = ["-c", OWN, str(tmp_path), world.key]
    program = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    written, _ = await asyncio.wait_for(program.communicate(b"this is not JSON\n"), 20)
    assert program.returncode == 0
    assert all(line.startswith(b'{"jsonrpc":"2.0"') for line in written.splitlines())


@pytest.mark.parametrize("era", ERAS)
async def test_the_bridge_outlives_a_restart_of_the_server(world: World, era: str) -> None:
    async with AsyncExitStack() as stack:
        async with serving(application(world)) as url:
            server = await stack.enter_async_context(upstream(url, world.key))
            client = await stack.enter_async_context(Client(server, mode=era))
            assert not (await client.call_tool("check_inbox", {})).is_error
        assert refusal(await client.call_tool("check_inbox", {})) == "unreachable"
        async with serving(application(world), port=urlsplit(url).port or 0):
            assert not (await client.call_tool("check_inbox", {})).is_error


async def test_the_bridge_hands_on_the_offer_to_open_the_approval_page(world: World) -> None:
    pages: list[str] = []

    async def decide(context: Any, params: Any) -> ElicitResult:
        pages.append(params.url)
        (row,) = await world.system.db.rows("waiting", account_id=world.account.id, mailbox_id=None, now=0, limit=10)
        approval = await approval_of(world, row["message_id"])
        await approve(world.system, approval, approval.revision, world.overseer)
        return ElicitResult(action="accept")

    async with serving(application(world)) as url, upstream(url, world.key) as server:
        async with Client(server, mode="auto", elicitation_callback=decide) as client:
            sent = facts(await client.call_tool("send", MAIL))
        async with Client(server, mode="auto") as client:
            unasked = facts(await client.call_tool("send", MAIL | {"subject": "Another"}))
    (page,) = pages
    assert page.startswith(f"{world.system.site.base_url}/approvals/")
    assert (sent["status"], unasked["status"]) == ("queued", "pending_send_approval")


@pytest.mark.parametrize("key", ["gp_wrong", "", "gp_a b", "gp_a\nX: y", "gp_\u00e9"])
async def test_a_wrong_key_is_said_plainly(world: World, key: str) -> None:
    async with serving(application(world)) as url:
        with pytest.raises(BridgeError, match="GATEPOST_KEY"):
            async with upstream(url, key):
                pass


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nowhere.invalid", "not a url", "ftp://127.0.0.1"])
async def test_a_server_that_is_not_there_is_said_plainly(world: World, url: str) -> None:
    with pytest.raises(BridgeError, match="no server"):
        async with upstream(url, world.key):
            pass


@pytest.mark.parametrize(
    "answer", [PlainTextResponse("hello"), JSONResponse({}), Response(status_code=204), Response(status_code=404)]
)
async def test_a_server_that_is_no_gatepost_is_said_plainly(world: World, answer: Response) -> None:
    async with serving(answer) as url:
        with pytest.raises(BridgeError, match="Gatepost"):
            async with upstream(url, world.key):
                pass
