"""swaks as a plain client of a Gatepost that runs."""

import asyncio
import subprocess
from pathlib import Path

from tests.conftest import program
from tests.e2e.gatepost_process import MAILBOX, Gatepost, served

MAIL = f"From: bea@example.net\nTo: {MAILBOX}\nSubject: swaks\nMessage-ID: <swaks@example.net>\n\n.dot\n..two\n\nend"


async def test_swaks_delivers_and_is_told_no(tmp_path: Path) -> None:
    async with served(tmp_path / "data") as gatepost:
        status, said = await _swaks(gatepost, MAILBOX)
        assert status == 0, said
        assert "250 2.0.0 OK, stored" in said
        (stored,) = gatepost.rows("SELECT data FROM wire")
        assert stored["data"] == f"{MAIL}\n".replace("\n", "\r\n").encode()
        status, said = await _swaks(gatepost, "nobody@agents.example")
        assert status != 0
        assert "550 5.1.1" in said


async def _swaks(gatepost: Gatepost, recipient: str) -> tuple[int | None, str]:
    """Exit status and transcript."""
    process = await asyncio.create_subprocess_exec(
        *(program("swaks"), "--server", f"127.0.0.1:{gatepost.smtp_port}", "--timeout", "20"),
        *("--helo", "client.example.net", "--from", "bea@example.net", "--to", recipient, "--data", "-"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        said, _ = await process.communicate(MAIL.encode())
    return process.returncode, said.decode()
