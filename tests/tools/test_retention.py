"""Retention: what is over goes with everything made from it, and nothing that still waits or is still needed."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from policies.modes import Mode
from storage.blobs import Blobs
from storage.database import many
from storage.errors import Missing, Unavailable
from storage.migrate import FOLDER
from storage.queries import queries
from storage.records import Event
from tests.conftest import World
from tests.tools.test_move_message import MAIL, arrived, listed
from tools import deliver
from tools.accounts import create_mailbox
from tools.context import DAY, HOUR
from tools.housekeeping import tidy
from tools.indexing import index_all
from tools.move_message import MoveRequest, move_message
from tools.receive import Arrival, receive
from tools.retention import _PURGES, AT_ONCE, purge, retention_of, set_retention
from tools.search import SearchRequest, search
from tools.send import SendRequest, send
from tools.tags import TagRequest, tag

ROOT = Path(__file__).resolve().parents[2]
LARGE = MAIL + b"All the words of a large mail.\r\n" * 10_000
"""Too large for a row."""


async def keep(world: World, days: int) -> None:
    await set_retention(world.system, world.mailbox, days, "boss@example.org")


async def logged(world: World, type_: str) -> list[Event]:
    events = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=10_000)
    return [event for event in events if event.type == type_]


def blobs(world: World) -> list[Path]:
    return [path for path in world.system.blobs._folder.rglob("*") if path.is_file()]


async def test_mail_goes_after_its_days_and_an_event_says_how_much(world: World) -> None:
    await keep(world, 7)
    for _ in range(AT_ONCE + 5):
        message_id = await arrived(world)
    await tag(world.context, TagRequest(message_id=message_id, tags={"a": ""}))
    await index_all(world.system)
    world.clock.at += 6 * DAY
    young = await arrived(world)
    await tidy(world.system)
    assert len(await listed(world, limit="100")) == AT_ONCE + 6
    world.clock.at += 2 * DAY
    await tidy(world.system)
    assert await listed(world) == [young]
    await index_all(world.system)
    found = await search(world.context, SearchRequest(query="text"))
    assert [hit.message_id for hit in found.messages] == [young]
    purged = await logged(world, "mailbox.purged")
    assert [re.sub(r"\D", "", event.data) for event in purged] == [str(AT_ONCE), "5"]
    assert await purge(world.system) == 0


async def test_only_mailboxes_with_a_retention_lose_mail(world: World) -> None:
    second = await create_mailbox(world.system, world.account.id, "bob", "agents.example")
    message_id = await arrived(world)
    await set_retention(world.system, second, 1, "boss@example.org")
    await keep(world, 5)
    await keep(world, 0)
    assert await retention_of(world.system, world.mailbox) == 0 and await retention_of(world.system, second) == 1
    world.clock.at += 1000 * DAY
    await tidy(world.system)
    assert await listed(world) == [message_id]


async def test_sent_mail_goes_with_its_approval_and_deliveries(world: World) -> None:
    """The database refuses to let a row go that another still names: so none is left."""
    await keep(world, 1)
    held = await send(world.context, SendRequest(to=["a@example.com"], subject="Held", markdown="b@example.net"))
    await receive(world.system, Arrival("x@example.com", (world.mailbox.address,), MAIL + b"Ask c@example.net\r\n"))
    await world.in_mode(Mode.AUTONOMOUS)
    sent = await send(world.context, SendRequest(to=["a@example.com"], subject="Sent", markdown="x"))
    (delivery,) = await deliver.claim(world.system, "worker", 10)
    waiting = await send(world.context, SendRequest(to=["d@example.com"], subject="Waiting", markdown="x"))
    await world.system.db.script(
        f"UPDATE delivery SET state = 'sent' WHERE id = '{delivery.id}';\n"
        f"UPDATE message SET status = 'sent' WHERE id = '{sent.message_id}';\n"
        f"INSERT INTO attempt VALUES ('{delivery.id}', 1, 'sent', 250, '', '', '', '', 1, '');\n"
        f"INSERT INTO complaint VALUES ('{delivery.id}', 'abuse', 1);"
    )
    world.clock.at += 10 * DAY
    await purge(world.system)
    left = await listed(world, direction="any")
    assert sorted(left) == sorted([held.message_id, waiting.message_id]), "what waits stays"
    await tidy(world.system)
    assert await listed(world, direction="any") == [waiting.message_id], "its approval has expired"


def test_every_table_that_names_a_message_is_emptied_of_it() -> None:
    """A new table must be named here, or mail that has rows in it is kept for ever."""
    schema = (FOLDER.parent / "schema.sql").read_text(encoding="utf-8")
    tables = dict(re.findall(r"^CREATE TABLE (\w+) \((.*?)^\);", schema, re.MULTILINE | re.DOTALL))
    wanted, grown = {"message"}, True
    while grown:
        names = "|".join(wanted)
        more = {name for name, text in tables.items() if re.search(rf"REFERENCES ({names}) \(", text)}
        wanted, grown = wanted | more, not more <= wanted
    emptied = {re.findall(r"DELETE FROM (\w+)", queries()[query].lite)[0] for query in _PURGES}
    assert wanted == emptied and "attempt" in wanted


async def test_a_large_mail_goes_when_the_last_that_needs_it_has_gone(world: World) -> None:
    second = await create_mailbox(world.system, world.account.id, "bob", "agents.example")
    await receive(world.system, Arrival("x@example.com", (world.mailbox.address, second.address), LARGE))
    (blob,) = blobs(world)
    os.utime(blob, (0, 0))
    await keep(world, 1)
    await purged_at(world, 2 * DAY)
    assert blobs(world) == [blob], "the second mailbox still needs it"
    await set_retention(world.system, second, 1, "boss@example.org")
    await purged_at(world, HOUR)
    assert blobs(world) == []


async def purged_at(world: World, later: int) -> None:
    """Purge, wait for as long as a blob stays, and purge again."""
    world.clock.at += later
    await purge(world.system)
    world.clock.at += 2 * HOUR
    await purge(world.system)


async def test_a_large_mail_that_comes_again_in_between_stays(world: World) -> None:
    await receive(world.system, Arrival("x@example.com", (world.mailbox.address,), LARGE))
    (blob,) = blobs(world)
    os.utime(blob, (0, 0))
    await keep(world, 1)
    world.clock.at += 2 * DAY
    await purge(world.system)
    # it is on its way into the database: stored, and no row names it yet
    await world.system.blobs.put(LARGE)
    world.clock.at += 2 * HOUR
    await purge(world.system)
    assert blobs(world) == [blob]
    os.utime(blob, (0, 0))
    await purge(world.system)
    assert blobs(world) == [], "and it never came"


async def test_a_blob_put_aside_by_a_crash_is_brought_back_or_finished(tmp_path: Path) -> None:
    store = Blobs(tmp_path)
    name = await store.put(b"x" * 10)
    path = tmp_path / name[:2] / name
    aside = path.replace(path.with_suffix(".gone"))
    assert not await store.drop(name, 60) and await store.get(name) == b"x" * 10
    path.replace(aside)
    os.utime(aside, (time.time() - 100,) * 2)
    assert await store.drop(name, 60) and await store.drop(name, 60)
    with pytest.raises(Missing):
        await store.get(name)


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from storage.blobs import Blobs
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(Blobs(Path(sys.argv[1])).put(b"x" * 300_000))
"""


async def test_what_a_killed_process_was_writing_is_swept_when_it_is_old(world: World) -> None:
    folder = world.system.blobs._folder
    kept = await world.system.blobs.put(LARGE)
    others = [folder / "NOTES", folder / kept[:2] / "new-and-not-ours", folder / "new-folder"]
    others[0].touch()
    others[1].touch()
    others[2].mkdir()
    ended = subprocess.run([sys.executable, "-c", KILLED, folder], cwd=ROOT, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    (left,) = [path for path in folder.glob("new-*") if path.is_file()]
    await purge(world.system)
    assert left.exists(), "another process may be writing it"
    for path in (left, *others, folder / kept[:2] / kept):
        os.utime(path, (time.time() - 3601,) * 2)
    await purge(world.system)
    assert not left.exists()
    assert all(path.exists() for path in others) and await world.system.blobs.get(kept) == LARGE


async def test_two_processes_sweep_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other one swept is gone, and what it swept from under a writer is told as a fault that mends."""
    stores = [Blobs(tmp_path), Blobs(tmp_path)]
    for number in range(50):
        (tmp_path / f"new-{number}").touch()
    assert sum(await asyncio.gather(*(store.sweep(0) for store in stores))) == 50
    assert list(tmp_path.iterdir()) == []

    def swept(_: int) -> None:
        for path in tmp_path.glob("new-*"):
            path.unlink()

    monkeypatch.setattr(os, "fsync", swept)
    with pytest.raises(Unavailable, match="cannot store a large mail"):
        await stores[0].put(LARGE)


async def test_the_trash_and_retention_together_purge_once(world: World) -> None:
    await keep(world, 1)
    message_id = await arrived(world)
    await move_message(world.context, MoveRequest(message_id=message_id, to="trash"))
    world.clock.at += 100 * DAY
    assert await purge(world.system) == 1
