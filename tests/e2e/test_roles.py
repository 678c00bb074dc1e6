"""The work of a site split between processes that share one PostgreSQL."""

import base64
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from policies.modes import Mode
from server.app import Running, running
from server.delivery import worker
from server.settings import Settings
from storage.database import Transaction
from tests.conftest import eventually, fresh_postgres
from tests.e2e.gatepost_process import Gatepost, installed
from tests.fakes.smtp_server import FakeSMTPServer

MAIL = {"to": ["bea@example.com"], "subject": "Offer", "markdown": "Dear Bea, here it is."}


@pytest.fixture
async def database_url() -> AsyncIterator[str]:
    """A fresh PostgreSQL database."""
    async with fresh_postgres(f"gatepost_roles_{os.getpid()}") as url:
        yield url


@pytest.fixture
def shared(database_url: str, tmp_path: Path) -> dict[str, Any]:
    """The settings that all processes of the site have."""
    secret = base64.b64encode(b"a secret that the processes share").decode()
    return {"data": tmp_path / "data", "database_url": database_url, "secret": secret, "hostname": "agents.example"}


async def let_it_send(server: Running, gatepost: Gatepost) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.run("set_mode", id=gatepost.mailbox_id, mode=Mode.AUTONOMOUS)

    await server.context.db.write(work)


def sent(http: httpx2.AsyncClient, where: str) -> Callable[[], Any]:
    async def look() -> bool:
        status: str = (await http.get(where)).json()["status"]
        return status == "sent"

    return look


async def test_what_one_process_takes_in_another_delivers_at_once(
    shared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # without a wake-up from the other process nothing would be looked at before the test gives up
    monkeypatch.setattr(worker, "LOOK_SECONDS", 600.0)
    async with FakeSMTPServer() as remote, installed(**shared, roles="web") as front:
        relay: dict[str, Any] = {
            "route": "relay",
            "relay_host": "127.0.0.1",
            "relay_port": remote.port,
            "relay_tls": "never",
        }
        back = Settings.load(**shared, **relay, roles="delivery,housekeeping")
        await front.start()
        async with (
            running(back) as server,
            httpx2.AsyncClient(base_url=front.url, headers={"Authorization": f"Bearer {front.key}"}) as http,
        ):
            assert (server.http_port, server.smtp_port, server.submission_port, front.smtp_port) == (0, 0, 0, 0)
            await let_it_send(server, front)
            mails = f"/v1/mailboxes/{front.mailbox_id}"
            answer = await http.post(f"{mails}/send", json=MAIL)
            assert answer.json()["status"] == "queued", answer.text
            await eventually(sent(http, f"{mails}/emails/{answer.json()['message_id']}/status"))
            assert [each.count(b"here it is") > 0 for each in remote.messages] == [True]
