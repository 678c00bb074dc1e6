"""`kill -9` under load, again and again: what was acknowledged is there, whole, and nothing is sent twice.

GATEPOST_TEST_KILLS says how often; the default is for every day.
"""

import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import eventually
from tests.e2e.crash_load import Fingerprint, Ledger, Load
from tests.e2e.gatepost_process import OVERSEER, Gatepost, installed
from tests.e2e.sink import Sink, Taken

KILLS = int(os.environ.get("GATEPOST_TEST_KILLS", "4"))
SEED = int(os.environ.get("GATEPOST_TEST_SEED", "1"))
CLIENTS = 8
AGENTS = 6
LONGEST_LIFE = 1.5
"""Seconds of load before a kill."""


async def test_kill_nine_under_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with (
        Sink(lambda taken: load.hear(taken)) as sink,
        installed(
            tmp_path / "data", route="relay", relay_host="127.0.0.1", relay_port=sink.port, relay_tls="never"
        ) as gatepost,
    ):
        load = Load(gatepost, SEED)
        tasks = [asyncio.create_task(load.deliver_in(client)) for client in range(CLIENTS)]
        tasks += [asyncio.create_task(load.send_out(agent)) for agent in range(AGENTS)]
        unsettled = await _kill_again_and_again(gatepost, load, sink, tmp_path)
        load.stopping.set()
        failures = [failed for failed in await asyncio.gather(*tasks, return_exceptions=True) if failed]
        assert await gatepost.stop() == 0
        inbound = _inbound(gatepost, load.ledger)
        outbound = _outbound(sink.taken, load.ledger, unsettled)
        with capsys.disabled():
            print(f"\n{KILLS} kills; inbound: {inbound}; outbound: {outbound}")
    assert not failures, failures
    assert inbound.lost == inbound.torn == inbound.phantom == inbound.twice == 0
    assert inbound.found >= inbound.acknowledged > 10 * KILLS
    assert outbound.lost == outbound.twice == 0
    assert outbound.approved > KILLS


@dataclass(frozen=True, slots=True)
class Inbound:
    """What the database holds of the mails that were sent in."""

    acknowledged: int
    found: int
    lost: int
    torn: int
    phantom: int
    twice: int

    def __str__(self) -> str:
        return (
            f"acknowledged {self.acknowledged}, found {self.found}, lost {self.lost}, torn {self.torn}, "
            f"phantom {self.phantom}, stored twice {self.twice}"
        )


@dataclass(frozen=True, slots=True)
class Outbound:
    """What the sink took of the mails that were approved."""

    approved: int
    lost: int
    twice: int
    """Though the first delivery had been settled."""
    in_window: int
    """Sent again because the kill came between the sink's 250 and our commit."""

    def __str__(self) -> str:
        return (
            f"approved {self.approved}, lost {self.lost}, sent twice {self.twice} "
            f"(and {self.in_window} between the remote's 250 and our commit)"
        )


async def _kill_again_and_again(gatepost: Gatepost, load: Load, sink: Sink, folder: Path) -> list[set[str]]:
    """For each life, the recipients whose delivery was not settled when it ended."""
    moments = random.Random(SEED)
    unsettled = []
    await _revive(gatepost, load)
    for _ in range(KILLS):
        # nothing to wait for: the moment of a kill is chance itself
        await asyncio.sleep(moments.uniform(0.05, LONGEST_LIFE))
        load.up.clear()
        await gatepost.kill()
        await eventually(lambda: sink.open == 0)
        unsettled.append(_unsettled(gatepost.database, folder))
        sink.life += 1
        await _revive(gatepost, load)
    return unsettled


async def _revive(gatepost: Gatepost, load: Load) -> None:
    await gatepost.start()
    load.up.set()


def _unsettled(database: Path, folder: Path) -> set[str]:
    """Read from a copy: opening the file itself would tidy up what the kill has left."""
    for name in (database.name, f"{database.name}-wal"):
        shutil.copyfile(database.parent / name, folder / name)
    with contextlib.closing(sqlite3.connect(folder / database.name)) as connection:
        rows = connection.execute("SELECT recipient FROM delivery WHERE state IN ('queued', 'deferred')").fetchall()
    return {recipient for (recipient,) in rows}


def _inbound(gatepost: Gatepost, ledger: Ledger) -> Inbound:
    assert gatepost.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert gatepost.rows("PRAGMA foreign_key_check") == []
    (events,) = gatepost.rows("SELECT count(*) AS number, max(seq) AS last FROM event")
    assert events["number"] == events["last"]
    found: Counter[str] = Counter()
    torn = 0
    for row in gatepost.rows(
        "SELECT rfc_message_id AS id, data, blob FROM message JOIN wire ON wire.message_id = message.id"
        " WHERE direction = 'inbound'"
    ):
        found[row["id"]] += 1
        stored = row["data"] or (gatepost.data / "blobs" / row["blob"][:2] / row["blob"]).read_bytes()
        sent = ledger.sent.get(row["id"])
        # the server may put trace fields on top (RFC 5321 section 4.4), and nothing else
        torn += sent is not None and Fingerprint.of(stored[-sent.size :]) != sent
    return Inbound(
        acknowledged=len(ledger.acknowledged),
        found=len(found),
        lost=len(ledger.acknowledged - found.keys()),
        torn=torn,
        phantom=len(found.keys() - ledger.sent.keys()),
        twice=sum(number > 1 for number in found.values()),
    )


def _outbound(taken: list[Taken], ledger: Ledger, unsettled: list[set[str]]) -> Outbound:
    lives: defaultdict[str, list[Taken]] = defaultdict(list)
    for mail in taken:
        if mail.recipient != OVERSEER:
            lives[mail.recipient].append(mail)
    again = [pair for mails in lives.values() for pair in pairwise(mails)]
    assert all(first.message_id == second.message_id for first, second in again)
    excused = [first.life < second.life and first.recipient in unsettled[first.life] for first, second in again]
    return Outbound(
        approved=len(ledger.approved),
        lost=len(ledger.handed_in - lives.keys()),
        twice=excused.count(False),
        in_window=excused.count(True),
    )
