"""PostgreSQL through asyncpg: a pool for the work, one connection that listens for wake-ups."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import asyncpg
from asyncpg import exceptions

from storage.database import Database, Result, Row, Transaction, Value, Work
from storage.dialect import spoken
from storage.errors import Conflict, Unavailable
from storage.queries import queries
from storage.wakeups import Wakeups

CHANNEL = "gatepost"
POOL = 10
STATEMENT_SECONDS = 30.0
TRIES = 3
AGAIN_SECONDS = 1.0
"""Between two attempts to listen again."""

_RIVALRY = (exceptions.DeadlockDetectedError, exceptions.SerializationError)
_THERE_ALREADY = (
    exceptions.IntegrityConstraintViolationError,
    # a table that another process makes at the same time, by the step at which the two meet
    exceptions.DuplicateObjectError,
    exceptions.DuplicateTableError,
)


async def open_postgres(url: str) -> Database:
    """Connect. Raises Unavailable when the server does not answer."""
    database = Postgres(url)
    try:
        await database.start()
    except Unavailable as error:
        # the driver's sentence names no database, and may be the one line that is left of a start
        raise Unavailable(f"cannot open the PostgreSQL of database_url: {error}") from error
    return database


class Postgres:
    """A PostgreSQL database, version 15 or later."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.wakeups = Wakeups()
        self._pool: Any = None
        self._listener: Any = None
        self._listening_again: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        with _translated():
            self._pool = await asyncpg.create_pool(
                self._url, min_size=1, max_size=POOL, command_timeout=STATEMENT_SECONDS
            )
            await self._listen()

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        with _translated():
            async with self._pool.acquire() as connection:
                return await _PostgresTransaction(connection).rows(query, **values)

    async def write(self, work: Work[Result]) -> Result:
        # shielded: a caller that is cancelled does not cancel the commit
        task = asyncio.create_task(self._write(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def script(self, text: str) -> None:
        # on a connection of its own, which has no limit of time: a migration takes as long as its tables are large
        with _translated():
            connection = await asyncpg.connect(self._url)
            try:
                async with connection.transaction():
                    await connection.execute(spoken(text, "postgres"))
            finally:
                await connection.close()

    async def close(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._listening_again is not None:
            self._listening_again.cancel()
        if self._listener is not None:
            self._listener.remove_termination_listener(self._cut_off)
            await self._listener.close()
        if self._pool is not None:
            await self._pool.close()

    async def _write(self, work: Work[Result]) -> Result:
        for _ in range(TRIES):
            try:
                return await self._unit(work)
            except _RIVALRY as error:
                rivalry = error
        raise Unavailable("rivals for the same rows, again and again") from rivalry

    async def _unit(self, work: Work[Result]) -> Result:
        with _translated():
            async with self._pool.acquire() as connection, connection.transaction():
                transaction = _PostgresTransaction(connection)
                result = await work(cast(Transaction, transaction))
                for topic in sorted(transaction.topics):
                    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, topic)
                return result

    async def _listen(self) -> None:
        listener = await asyncpg.connect(self._url)
        await listener.add_listener(CHANNEL, self._heard)
        listener.add_termination_listener(self._cut_off)
        self._listener = listener

    def _cut_off(self, _connection: Any) -> None:
        """The database was started anew, perhaps: without ears this process would never be woken again."""
        self._listening_again = asyncio.create_task(self._listen_again())

    async def _listen_again(self) -> None:
        while True:
            try:
                with _translated():
                    await self._listen()
            except Unavailable:
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                # nobody knows what was said meanwhile
                self.wakeups.fire_all()
                return

    def _heard(self, _connection: Any, _pid: int, _channel: str, topic: object) -> None:
        self.wakeups.fire(str(topic))


class _PostgresTransaction:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.topics: set[str] = set()

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        known = queries()[query]
        found = await self._connection.fetch(known.full, *known.arguments(values))
        return [dict(row) for row in found]

    async def run(self, query: str, /, **values: Value) -> int:
        known = queries()[query]
        status = await self._connection.execute(known.full, *known.arguments(values))
        # 'INSERT 0 1', 'UPDATE 3', 'DELETE 0'
        return int(status.rsplit(" ", 1)[-1])

    async def run_each(self, query: str, each: Sequence[Mapping[str, Value]], /) -> None:
        known = queries()[query]
        await self._connection.executemany(known.full, [known.arguments(values) for values in each])

    def wake(self, topic: str) -> None:
        self.topics.add(topic)


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors as storage's own, but for rivalry, which is worth another try."""
    try:
        yield
    except _RIVALRY:
        raise
    except _THERE_ALREADY as error:
        raise Conflict(str(error)) from error
    except (OSError, TimeoutError, exceptions.InterfaceError, exceptions.PostgresError) as error:
        raise Unavailable(str(error)) from error
