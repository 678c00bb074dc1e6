"""`gatepost serve` told to stop while a remote stalls: it ends in time, and nothing waits for a lease (DESIGN 12)."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx2
import pytest

from tests.conftest import eventually
from tests.e2e.gatepost_process import MAILBOX, Gatepost, installed, run
from tests.e2e.smtp_talk import talking
from tests.fakes.smtp_server import Act, FakeSMTPServer

STOP_SECONDS = 15.0
MAIL = {"to": ["bea@example.com", "cyd@example.net"], "subject": "Offer", "markdown": "Here it is."}


async def test_what_a_stalling_remote_has_not_taken_is_handed_back(tmp_path: Path) -> None:
    # one recipient's mail is there whole and gets no reply, the other's is never begun
    async with (
        FakeSMTPServer({"RCPT": ["250 2.1.5 ok", Act.STALL], "CONTENT": Act.STALL}) as remote,
        installed(
            tmp_path / "data", route="relay", relay_host="127.0.0.1", relay_port=remote.port, relay_tls="never"
        ) as gatepost,
    ):
        await run("mailbox", "mode", MAILBOX, "autonomous", env=gatepost.environment)
        await gatepost.start()
        await _hand_in(gatepost)
        await eventually(lambda: remote.messages and _heard(remote).count("RCPT") == 2)
        async with asyncio.timeout(STOP_SECONDS):
            assert await gatepost.stop() == 0
        found = gatepost.rows("SELECT state, attempts, lease, lease_until FROM delivery ORDER BY state")
    assert [(row["state"], row["attempts"]) for row in found] == [("queued", 0), ("uncertain", 1)]
    assert all((row["lease"], row["lease_until"]) == ("", 0) for row in found)


def _heard(remote: FakeSMTPServer) -> list[str]:
    return [verb for session in remote.sessions for verb in session.verbs]


async def _hand_in(gatepost: Gatepost) -> None:
    headers = {"Authorization": f"Bearer {gatepost.key}"}
    async with httpx2.AsyncClient(base_url=gatepost.url, headers=headers) as http:
        answer = await http.post(f"/v1/mailboxes/{gatepost.mailbox_id}/send", json=MAIL)
    assert answer.json()["status"] == "queued"


async def test_idle_peers_are_told_to_go_and_a_mail_in_flight_is_taken(tmp_path: Path) -> None:
    mail = b"From: bea@example.net\r\nSubject: Hello\r\n\r\nGood morning\r\n"
    async with installed(tmp_path / "data") as gatepost:
        await gatepost.start()
        async with talking(gatepost.smtp_port) as idle, talking(gatepost.smtp_port) as busy:
            await idle.greet()
            await busy.greet()
            await busy.begin(MAILBOX)
            await busy.send(mail)
            stopping = asyncio.create_task(gatepost.stop())
            assert (await idle.reply()).startswith("421 4.3.2 ")
            assert await idle.closed()
            await busy.send(b".\r\n")
            assert (await busy.reply()).startswith("250 ")
            assert (await busy.reply()).startswith("421 4.3.2 ")
            async with asyncio.timeout(STOP_SECONDS):
                assert await stopping == 0
        assert len(gatepost.rows("SELECT id FROM message WHERE direction = 'inbound'")) == 1


@pytest.mark.parametrize("action", ["SIG_DFL", "SIG_IGN"])
async def test_a_terminal_that_closes_stops_it_in_good_order(tmp_path: Path, action: str) -> None:
    """And not what nohup keeps running."""
    code = f"import os, signal, sys; signal.signal(signal.SIGHUP, signal.{action}); os.execv(sys.argv[1], sys.argv[1:])"
    async with installed(tmp_path / "data") as gatepost:
        gatepost.before = (sys.executable, "-c", code)
        await gatepost.start()
        os.kill(gatepost.pid, signal.SIGHUP)
        if action == "SIG_IGN":
            async with talking(gatepost.smtp_port) as talk:
                await talk.greet()
            assert await gatepost.stop() == 0
        else:
            await eventually(lambda: any(line["event"] == "stopping" for line in gatepost.lines))
            assert await gatepost.stop() == 0
