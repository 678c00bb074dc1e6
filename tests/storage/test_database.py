"""Both databases: units of work, their failures, wake-ups, events in order, migrations."""

import asyncio
import re
import resource
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.blobs import Blobs
from storage.database import Database, Transaction, columns, many
from storage.dialect import spoken
from storage.errors import Conflict, Unavailable, Unfit
from storage.migrate import FOLDER, available, migrate, version
from storage.postgres import Postgres
from storage.queries import queries
from storage.records import Account, Event
from storage.sqlite import SQLite, _SQLiteTransaction
from tests.conftest import World, eventually
from tools import events


def account(number: int) -> Account:
    return Account(f"acc_{number}", f"slug-{number}", "boss@example.org", number)


async def add(database: Database, number: int) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.run("insert_account", **columns(account(number)))

    await database.write(work)


async def test_a_unit_is_whole_or_nothing_and_leaves_the_others_alone(db: Database) -> None:
    async def spoiled(transaction: Transaction) -> None:
        await transaction.run("insert_account", **columns(account(1000)))
        raise ValueError("no")

    good = [add(db, number) for number in range(20)]
    outcomes = await asyncio.gather(*good, db.write(spoiled), add(db, 3), return_exceptions=True)
    kinds = [type(outcome).__name__ for outcome in outcomes if outcome is not None]
    assert sorted(kinds) == ["Conflict", "ValueError"]
    assert len(await many(db, Account, "accounts")) == 20


async def test_a_result_comes_back_after_the_commit(db: Database) -> None:
    async def work(transaction: Transaction) -> str:
        await transaction.run("insert_account", **columns(account(1)))
        return "done"

    assert await db.write(work) == "done"
    assert [each.id for each in await many(db, Account, "accounts")] == ["acc_1"]


async def test_a_caller_that_is_cancelled_does_not_cancel_the_commit(db: Database) -> None:
    task = asyncio.create_task(add(db, 1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(30):
        while not await many(db, Account, "accounts"):
            await asyncio.sleep(0.01)


async def test_listeners_wake_after_a_commit_and_not_after_a_failure(db: Database) -> None:
    async def work(transaction: Transaction, number: int, *, fail: bool) -> None:
        await transaction.run("insert_account", **columns(account(number)))
        transaction.wake("news")
        if fail:
            raise ValueError("no")

    with db.wakeups.listen("news") as woken:
        with pytest.raises(ValueError, match="no"):
            await db.write(lambda transaction: work(transaction, 1, fail=True))
        await db.write(lambda transaction: transaction.run("end_leases"))
        assert not woken.is_set()
        await db.write(lambda transaction: work(transaction, 2, fail=False))
        async with asyncio.timeout(30):
            await woken.wait()


async def test_topics_are_gathered_by_how_they_begin(db: Database) -> None:
    async def work(transaction: Transaction, *topics: str, fail: bool = False) -> None:
        for topic in topics:
            transaction.wake(topic)
        if fail:
            raise ValueError("no")

    with db.wakeups.gather("news ") as others, db.wakeups.gather("news ") as gathered:
        with pytest.raises(ValueError, match="no"):
            await db.write(lambda transaction: work(transaction, "news of nothing", fail=True))
        await db.write(lambda transaction: work(transaction, "news b"))
        await db.write(lambda transaction: work(transaction, "new c", "other news d"))
        await db.write(lambda transaction: work(transaction, "news a"))
        await db.write(lambda transaction: work(transaction, "news b"))
        await eventually(lambda: list(gathered) == ["b", "a"])
        del gathered["b"]
        await db.write(lambda transaction: work(transaction, "news b"))
        await eventually(lambda: list(gathered) == ["a", "b"])
        assert list(others) == ["b", "a"], "each has its own"
    db.wakeups.fire("news e")
    assert "e" not in gathered


async def test_a_reader_with_a_cursor_never_misses_an_event(world: World) -> None:
    """Numbers become visible in their order, however many write at once (promises: A16)."""
    database, account_id = world.system.db, world.account.id
    before = len(await many(database, Event, "events", account_id=account_id, after=0, limit=1000))

    async def note(number: int) -> None:
        async def work(transaction: Transaction) -> None:
            await events.record(transaction, number, account_id, "test", number=number)

        await database.write(work)

    writing = asyncio.gather(*(note(number) for number in range(200)))
    seen: list[int] = []
    async with asyncio.timeout(20):
        while len(seen) < before + 200:
            found = await many(database, Event, "events", account_id=account_id, after=max(seen, default=0), limit=50)
            seen += [event.seq for event in found]
    await writing
    assert seen == list(range(1, before + 201))


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[SQLite]:
    """SQLite alone; closed whatever happens, or its threads would keep the tests from ending."""
    database = SQLite(tmp_path / "x.db")
    await database.start()
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


async def test_a_unit_may_await_nothing_but_its_transaction(lite: SQLite) -> None:
    with pytest.raises(RuntimeError, match="awaited something other"):
        await lite.write(lambda transaction: asyncio.sleep(0))
    await add(lite, 1)
    await lite.close()
    with pytest.raises(Unavailable):
        await add(lite, 2)


async def test_waiting_units_share_one_commit(lite: SQLite) -> None:
    commits: list[str] = []

    async def first(transaction: Transaction) -> None:
        # the writer's own connection, traced from its own thread
        assert isinstance(transaction, _SQLiteTransaction)
        transaction._connection.set_trace_callback(commits.append)

    await lite.write(first)
    commits.clear()
    await asyncio.gather(*(add(lite, number) for number in range(100)))
    counted = commits.count("COMMIT")
    assert counted < 50, f"100 units took {counted} commits"


async def test_what_is_no_database_is_left_closed(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"no database" * 500)
    # who holds the error holds what was at work, so nothing closes it by chance
    with pytest.raises(Unavailable) as refused:
        await SQLite(path).start()
    assert "cannot open" in str(refused.value)
    assert path not in [entry.readlink() for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]


async def test_a_locked_database_is_unavailable_and_not_a_lost_unit(lite: SQLite) -> None:
    rival = sqlite3.connect(lite.path, isolation_level=None)
    rival.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await add(lite, 1)
    rival.execute("ROLLBACK")
    rival.close()
    await add(lite, 1)
    assert len(await many(lite, Account, "accounts")) == 1


async def test_migrations_and_schema_lead_to_the_same_tables(db: Database) -> None:
    """`schema.sql` is the truth; what the migrations made must be it, to the last column and constraint."""
    text = (FOLDER.parent / "schema.sql").read_text(encoding="utf-8")
    if isinstance(db, SQLite):
        with closing(sqlite3.connect(":memory:")) as fresh, closing(sqlite3.connect(db.path)) as migrated:
            fresh.executescript(spoken(text, "sqlite"))
            expected, found = _schema(fresh), _schema(migrated)
    else:
        await db.script(f"CREATE SCHEMA fresh; SET LOCAL search_path TO fresh; {text}")
        expected, found = await _catalogue(db, "fresh"), await _catalogue(db, "public")
    assert {row for row in found if "schema_version" not in row} == expected


async def _catalogue(db: Database, schema: str) -> set[str]:
    """Columns, constraints and indexes of a PostgreSQL schema, as text."""
    import asyncpg

    assert isinstance(db, Postgres)
    connection = await asyncpg.connect(db._url)
    rows = await connection.fetch(
        """SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable
                || coalesce(column_default, '')
               FROM information_schema.columns WHERE table_schema = $1
           UNION ALL SELECT conrelid::regclass::text || ' ' || pg_get_constraintdef(oid)
               FROM pg_constraint WHERE connamespace = $1::regnamespace
           UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = $1""",
        schema,
    )
    await connection.close()
    return {row[0].replace(f"{schema}.", "") for row in rows}


def _schema(connection: sqlite3.Connection) -> set[str]:
    """Tables and indexes of a SQLite database, as text without comments and layout."""
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", sql)).replace(" ,", ",").replace(" )", ")") for (sql,) in rows}


async def test_migrating_twice_does_nothing_and_a_newer_database_is_refused(db: Database) -> None:
    assert await migrate(db) == []
    newest = max(available())
    assert await version(db) == newest
    await db.script(f"INSERT INTO schema_version (version) VALUES ({newest + 1});")
    with pytest.raises(Unfit, match="Install the newer"):
        await migrate(db)


def test_each_migration_writes_its_own_number() -> None:
    for number, text in available().items():
        assert f"INSERT INTO schema_version (version) VALUES ({number});" in text


def test_parameters_become_numbers_of_each_driver() -> None:
    query = queries()["claim_deliveries"]
    assert "FOR UPDATE SKIP LOCKED" in query.full and "SKIP LOCKED" not in query.lite
    for form, sign in ((query.full, "$"), (query.lite, "?")):
        used = re.findall(rf"{re.escape(sign)}(\d+)", form)
        assert {*map(int, used)} == {*range(1, len(query.parameters) + 1)} and len(used) > len(query.parameters)


async def test_blobs_are_kept_by_their_hash_and_damage_is_noticed(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    name = await blobs.put(b"x" * 300_000)
    assert await blobs.put(b"x" * 300_000) == name and await blobs.get(name) == b"x" * 300_000
    (tmp_path / name[:2] / name).write_bytes(b"y")
    with pytest.raises(Unavailable, match="damaged"):
        await blobs.get(name)
    with pytest.raises(Unavailable, match="missing"):
        await blobs.get("0" * 64)


async def test_a_large_mail_that_the_disk_cut_off_leaves_nothing(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(Unavailable, match="cannot store"):
            await Blobs(tmp_path).put(b"x" * 300_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_conflict_is_told_apart(db: Database) -> None:
    await add(db, 1)
    with pytest.raises(Conflict):
        await add(db, 1)


async def test_a_long_read_is_left_to_a_thread(lite: SQLite) -> None:
    await add(lite, 1)
    assert lite._near is not None
    lite._near.set_progress_handler(lambda: True, 1)
    assert [each.id for each in await many(lite, Account, "accounts")] == ["acc_1"]
    assert "accounts" in lite._long


async def test_a_short_read_stays_on_the_loop_however_often_it_is_made(lite: SQLite) -> None:
    """SQLite counts a statement's steps over all its runs, and once they were taken for those of one."""
    assert lite._near is not None
    await lite.rows("account", id="acc_1")  # the schema is read once, and takes many steps
    lite._near.set_progress_handler(lambda: True, 100)
    for _ in range(500):
        await lite.rows("account", id="acc_1")
    assert "account" not in lite._long
