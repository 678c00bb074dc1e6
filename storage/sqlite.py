"""SQLite: one writer thread that groups the waiting units of work into one commit, and readers apart.

A read by key takes microseconds, and the way to a thread and back takes a hundred of them: so reads are begun on the
event loop, and one that is not done after so many steps is left to aiosqlite's threads.

A unit of work is a coroutine that awaits nothing but its transaction, and on SQLite a statement never suspends; so
the writer's thread drives the whole unit itself, with no hop between threads for each statement. Each unit has a
savepoint: one that fails takes back its own rows and leaves the rest of the group alone.
"""

import asyncio
import sqlite3
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, cast

import aiosqlite

from storage.database import Database, Result, Row, Transaction, Value, Work
from storage.dialect import spoken
from storage.errors import Conflict, Unavailable
from storage.queries import queries
from storage.wakeups import Wakeups

READERS = 2
GROUP = 256
BUSY_SECONDS = 5.0
CHECKPOINT_PAGES = 4000
"""Of 4 KB. Pages that many mails touch are written to the database once for all of them; with twice as many, the commit
that writes them holds all others for 14 ms and not for 8. The WAL stays under 32 MB."""
STATEMENTS = 512
"""Prepared ones that are kept."""
STEPS = 20_000
"""Instructions of SQLite's machine that a read may take on the event loop: a millisecond, or two."""
_NEVER_NEAR = frozenset({"search"})
"""Between two instructions FTS5 works for as long as its words are common."""


async def open_sqlite(path: Path) -> Database:
    """Open (or make) the database file. Raises Unavailable when it cannot be opened."""
    await asyncio.to_thread(_make, path)
    database = SQLite(path)
    await database.start()
    return database


class SQLite:
    """A SQLite file: WAL, synchronous=FULL, foreign keys on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wakeups = Wakeups()
        self._units: SimpleQueue[_Unit | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._near: sqlite3.Connection | None = None
        """Reads on the event loop."""
        self._readers: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()
        """Read in threads of their own."""
        self._open_readers: list[aiosqlite.Connection] = []
        self._long = set(_NEVER_NEAR)
        """Queries that were too long for the event loop once."""

    async def start(self) -> None:
        connection = await asyncio.to_thread(_connect, self.path)
        loop = asyncio.get_running_loop()
        writer = _Writer(connection, self._units, self.wakeups, loop)
        self._thread = Thread(target=writer.serve, name="sqlite-writer", daemon=True)
        self._thread.start()
        self._near = await asyncio.to_thread(_connect, self.path)
        self._near.execute("PRAGMA query_only = ON")
        self._near.execute("PRAGMA busy_timeout = 0")
        self._near.set_progress_handler(lambda: True, STEPS)
        for _ in range(READERS):
            reader = await aiosqlite.connect(self.path, isolation_level=None)
            await reader.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
            await reader.execute("PRAGMA query_only = ON")
            reader.row_factory = sqlite3.Row
            self._open_readers.append(reader)
            self._readers.put_nowait(reader)

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        # who reads in a loop lets others run
        await asyncio.sleep(0)
        if self._near is None:
            raise Unavailable("the database is closed")
        here = None if query in self._long else self._read_here(self._near, query, values)
        return await self._read_apart(query, values) if here is None else here

    def _read_here(self, near: sqlite3.Connection, query: str, values: dict[str, Value]) -> list[Row] | None:
        """The rows, read on the event loop; None where that cannot be, or takes too long."""
        known = queries()[query]
        for _ in range(2):
            try:
                return _fetched(near.execute(known.lite, known.arguments(values)))
            except sqlite3.Error as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    return None
                if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise _translated(error) from error
        # SQLite counts a prepared statement's steps over all its runs: a first stop says nothing, a second one does
        self._long.add(query)
        return None

    async def _read_apart(self, query: str, values: dict[str, Value]) -> list[Row]:
        known = queries()[query]
        reader = await self._readers.get()
        try:
            # one hop to aiosqlite's thread; execute, fetch and close one by one would be three
            return [dict(row) for row in await reader.execute_fetchall(known.lite, known.arguments(values))]
        except sqlite3.Error as error:
            raise _translated(error) from error
        finally:
            self._readers.put_nowait(reader)

    async def write(self, work: Work[Result]) -> Result:
        return cast(Result, await self._hand_over(_Unit(work, asyncio.get_running_loop().create_future())))

    async def script(self, text: str) -> None:
        async def work(transaction: Transaction) -> None:
            cast(_SQLiteTransaction, transaction).script(text)

        await self.write(work)

    async def close(self) -> None:
        """Finish what waits, then close."""
        if self._thread is not None:
            self._units.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        near, self._near = self._near, None
        if near is not None:
            near.close()
        while self._open_readers:
            await self._open_readers.pop().close()

    async def _hand_over(self, unit: "_Unit") -> Any:
        if self._thread is None:
            raise Unavailable("the database is closed")
        self._units.put(unit)
        # a caller that is cancelled does not take its unit back
        return await unit.done


@dataclass(slots=True)
class _Unit:
    work: Work[Any]
    done: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    topics: set[str] = field(default_factory=set)


class _Writer:
    """The writer's thread: takes what waits, one transaction a group."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        units: "SimpleQueue[_Unit | None]",
        wakeups: Wakeups,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._connection = connection
        self._units = units
        self._wakeups = wakeups
        self._loop = loop

    def serve(self) -> None:
        open_ = True
        while open_:
            group, open_ = self._take()
            if group:
                self._commit(group)
                self._loop.call_soon_threadsafe(self._answer, group)
        self._connection.close()

    def _take(self) -> tuple[list[_Unit], bool]:
        """Wait for a unit, then take all that wait beside it, up to GROUP; False when closing."""
        unit = self._units.get()
        group: list[_Unit] = []
        while unit is not None:
            group.append(unit)
            if len(group) == GROUP:
                return group, True
            try:
                unit = self._units.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _commit(self, group: list[_Unit]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            if len(group) == 1:
                # what it did goes with the transaction: a savepoint would copy each page first
                group[0].result = _drive(group[0].work(_SQLiteTransaction(self._connection, group[0].topics)))
            else:
                for unit in group:
                    self._run(unit)
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for unit in group:
                unit.error = unit.error or _translated(error)

    def _run(self, unit: _Unit) -> None:
        self._connection.execute("SAVEPOINT unit")
        try:
            unit.result = _drive(unit.work(_SQLiteTransaction(self._connection, unit.topics)))
        except BaseException as error:
            unit.error = error
            if not self._connection.in_transaction:
                # a full disk or an I/O error makes SQLite roll the whole group back by itself
                raise
            self._connection.execute("ROLLBACK TO unit")
        self._connection.execute("RELEASE unit")

    def _answer(self, group: list[_Unit]) -> None:
        topics: set[str] = set()
        for unit in group:
            if unit.error is None:
                topics |= unit.topics
            if unit.done.done():
                continue
            if unit.error is None:
                unit.done.set_result(unit.result)
            else:
                unit.done.set_exception(unit.error)
        for topic in topics:
            self._wakeups.fire(topic)


class _SQLiteTransaction:
    def __init__(self, connection: sqlite3.Connection, topics: set[str]) -> None:
        self._connection = connection
        self._topics = topics

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        return _fetched(self._execute(query, values))

    async def run(self, query: str, /, **values: Value) -> int:
        return self._execute(query, values).rowcount

    async def run_each(self, query: str, each: Sequence[Mapping[str, Value]], /) -> None:
        for values in each:
            self._execute(query, values)

    def wake(self, topic: str) -> None:
        self._topics.add(topic)

    def script(self, text: str) -> None:
        """Run several statements inside the transaction that is open (executescript would commit it)."""
        statement = ""
        for line in spoken(text, "sqlite").splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                self._connection.execute(statement)
                statement = ""

    def _execute(self, query: str, values: Mapping[str, Value]) -> sqlite3.Cursor:
        known = queries()[query]
        try:
            return self._connection.execute(known.lite, known.arguments(values))
        except sqlite3.Error as error:
            raise _translated(error) from error


def _fetched(cursor: sqlite3.Cursor) -> list[Row]:
    found = cursor.fetchall()
    names = [column[0] for column in cursor.description] if found else []
    return [dict(zip(names, row, strict=True)) for row in found]


def _drive(unit: Any) -> Any:
    """Run a unit of work to its end in this thread."""
    coroutine = cast(Coroutine[Any, Any, Any], unit)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise RuntimeError("a unit of work awaited something other than its transaction")


def _make(path: Path) -> None:
    """Make the file where there is none, for its owner alone: SQLite would let everybody read it and its WAL."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise Unavailable(f"cannot make {path}: {error.strerror}") from error


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS
        )
        try:
            _tune(connection)
        except sqlite3.Error:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise Unavailable(f"cannot open {path}: {error}") from error
    return connection


def _tune(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # what a savepoint would take back is kept in memory, not in a file beside the database
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(str(error))
    if isinstance(error, sqlite3.Error):
        return Unavailable(str(error))
    return error
