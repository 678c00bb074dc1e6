"""What the listener does when things go wrong on our side: temporary refusals, and no more memory than it should."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from server.smtp import inbound
from storage.migrate import migrate
from storage.sqlite import open_sqlite
from tests.conftest import Clock, World, make_world
from tests.e2e.gatepost_process import MAILBOX, served
from tests.e2e.listener import greeted, stored
from tests.e2e.smtp_talk import talking
from tools.context import Context

LOCAL_FAULT = inbound.LOCAL_FAULT.decode()
MIB = 1024 * 1024
SMALL = b"From: bea@example.net\r\nTo: ada@agents.example\r\nSubject: faults\r\n\r\nGood morning\r\n"


async def test_a_line_that_never_ends_costs_no_memory(tmp_path: Path) -> None:
    async with served(tmp_path / "data", max_message_bytes=MIB) as gatepost, talking(gatepost.smtp_port) as talk:
        await talk.greet()
        await talk.begin(MAILBOX)
        # forget the peak of the start
        Path(f"/proc/{gatepost.pid}/clear_refs").write_text("5")
        before = _memory(gatepost.pid, "VmRSS")
        block = b"x" * MIB
        for _ in range(200):
            await talk.send(block)
        await talk.send(b"\r\n.\r\n")
        assert (await talk.reply()).startswith("552 5.3.4 ")
        grown = _memory(gatepost.pid, "VmHWM") - before
        assert grown <= 64 * MIB, f"{grown / MIB:.0f} MiB"
        assert (await talk.mail(SMALL, MAILBOX)).startswith("250 ")


async def test_a_closed_database_is_a_temporary_fault(world: World) -> None:
    async with greeted(world) as talk:
        await talk.begin(world.mailbox.address)
        await world.system.db.close()
        await talk.send(SMALL + b".\r\n")
        assert await talk.reply() == LOCAL_FAULT
        assert (await talk.command("MAIL FROM:<bea@example.net>")).startswith("250 ")
        assert await talk.command(f"RCPT TO:<{world.mailbox.address}>") == LOCAL_FAULT


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
async def test_a_locked_database_is_a_temporary_fault_until_it_is_free(
    context: Context, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sqlite.BUSY_SECONDS", 0.2)
    database = await open_sqlite(tmp_path / "locked.db")
    await migrate(database)
    world = await make_world(replace(context, db=database), clock, "agents.example")
    try:
        async with greeted(world) as talk:
            with closing(sqlite3.connect(tmp_path / "locked.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                assert await talk.mail(SMALL, world.mailbox.address) == LOCAL_FAULT
            assert (await talk.mail(SMALL, world.mailbox.address)).startswith("250 ")
        assert await stored(world) == [SMALL]
    finally:
        await database.close()


def _memory(pid: int, name: str) -> int:
    """A figure of /proc/<pid>/status, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)
