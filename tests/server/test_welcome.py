"""The link by which the overseer signs in first: on the console of a set-up being tried, in no production log."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from server import app
from server.domains import new_signing_keys
from server.opening import opened
from server.settings import Settings
from tests.conftest import World
from tools.accounts import create_account

START_SECONDS = 60
RELAY = {"GATEPOST_ROUTE": "relay", "GATEPOST_RELAY_HOST": "smtp.example.com"}


@pytest.mark.parametrize(("route", "links"), [({}, 1), (RELAY, 0)], ids=["capture", "relay"])
async def test_the_log_holds_a_way_in_only_while_no_mail_leaves(
    tmp_path: Path, route: dict[str, str], links: int
) -> None:
    async with opened(Settings.load(data=tmp_path)) as context:
        await create_account(context, "agents.example", "boss@example.org", new_signing_keys(context))
    own = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
    ours = {"GATEPOST_DATA": str(tmp_path), "GATEPOST_HTTP_PORT": "0", "GATEPOST_SMTP_PORT": "0"}
    command = (sys.executable, "-m", "gatepost", "serve")
    server = await asyncio.create_subprocess_exec(*command, env=own | ours | route, stderr=asyncio.subprocess.PIPE)
    assert server.stderr is not None
    async with asyncio.timeout(START_SECONDS):
        await server.stderr.readuntil(b'"serving"')
        server.send_signal(signal.SIGTERM)
        log = (await server.stderr.read()).decode()
        assert await server.wait() == 0
    assert log.count("/sign-in/") == links


async def test_a_disk_that_is_full_at_the_start_ends_nothing(world: World) -> None:
    """The server goes on: what is there can be read, and the rest comes once there is room."""
    await world.system.db.close()
    with capture_logs() as logged:
        await app._welcome(world.system)
    (line,) = logged
    assert line["event"] == "no link to sign in could be made" and "closed" in line["error"]
