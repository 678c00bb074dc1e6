"""A backup as docs/operating.md has it, taken while mail comes in, and put back into an empty folder."""

import asyncio
import contextlib
import shutil
import socket
import sqlite3
from pathlib import Path

import httpx2

from storage.blobs import INLINE, UNFINISHED
from tests.conftest import eventually
from tests.e2e.gatepost_process import MAILBOX, Gatepost, installed, run
from tests.e2e.smtp_talk import talking

SMALL = b"From: bea@example.net\r\nSubject: small\r\n\r\n" + b"All the words of it.\r\n"
LARGE = SMALL + (b"y" * 70 + b"\r\n") * (INLINE // 70)


async def bring_until(gatepost: Gatepost, enough: asyncio.Event) -> int:
    """Mail, large and small in turn; how many were acknowledged."""
    taken = 0
    async with talking(gatepost.smtp_port) as talk:
        await talk.greet()
        while not enough.is_set():
            raw = b"X-Number: %d\r\n" % taken + (LARGE if taken % 2 else SMALL)
            assert (await talk.mail(raw, MAILBOX)).startswith("250 ")
            taken += 1
    return taken


def back_up(data: Path, backup: Path) -> None:
    """The database first and the large mail after it."""
    with contextlib.closing(sqlite3.connect(data / "gatepost.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(backup / "gatepost.db"),))
    # what is being written is gone a moment later
    shutil.copytree(data / "blobs", backup / "blobs", ignore=shutil.ignore_patterns(f"{UNFINISHED}*"))


async def all_are_read(gatepost: Gatepost) -> None:
    """Each mail that came in is there, with its text."""
    messages = gatepost.rows("SELECT id FROM message WHERE direction = 'inbound'")
    assert messages
    headers = {"Authorization": f"Bearer {gatepost.key}"}
    async with httpx2.AsyncClient(base_url=gatepost.url, headers=headers) as http:
        for message in messages:
            read = await http.get(f"/v1/mailboxes/{gatepost.mailbox_id}/emails/{message['id']}")
            assert "All the words of it." in read.text


async def test_what_a_backup_holds_can_be_read_and_nothing_leaves_before_it_may(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    backup.mkdir(mode=0o700)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()[1]
    relay = {"route": "relay", "relay_host": "127.0.0.1", "relay_port": closed, "relay_tls": "never"}
    async with installed(tmp_path / "data", **relay) as gatepost:
        await run("mailbox", "mode", MAILBOX, "autonomous", env=gatepost.environment)
        await gatepost.start()
        headers = {"Authorization": f"Bearer {gatepost.key}"}
        async with httpx2.AsyncClient(base_url=gatepost.url, headers=headers) as http:
            body = {"to": ["office@example.org"], "subject": "Hi", "markdown": "Hi"}
            sent = (await http.post(f"/v1/mailboxes/{gatepost.mailbox_id}/send", json=body)).json()
            enough = asyncio.Event()
            bringing = asyncio.create_task(bring_until(gatepost, enough))
            await gatepost.logged("mail stored", recipients=[MAILBOX])
            await asyncio.to_thread(back_up, gatepost.data, backup)
            enough.set()
            assert await bringing > 0
        await gatepost.stop()
        (backup / "gatepost.db").chmod(0o600)
        shutil.copy2(gatepost.data / "secret", backup)
    environment = gatepost.environment | {"GATEPOST_DATA": str(backup)}
    restored = Gatepost(backup, gatepost.key, gatepost.mailbox_id, environment)
    assert b"stopped" in await run("stop", env=restored.environment)
    restored.alter("UPDATE delivery SET due_at = 0")
    attempts = "SELECT attempts FROM delivery WHERE message_id = ?"
    before = restored.rows(attempts, sent["message_id"])
    await restored.start()
    try:
        await all_are_read(restored)
        assert restored.rows(attempts, sent["message_id"]) == before, "what was due waits"
        await run("start", env=restored.environment)
        await eventually(lambda: restored.rows(attempts, sent["message_id"]) != before)
    finally:
        await restored.kill()
