"""PostgreSQL through asyncpg: a pool for the work, one connection that listens for wake-ups."""

import asyncio
from typing import Any, cast

import asyncpg
from asyncpg import exceptions

from storage.database import Database, Result, Row, Transaction, Value, Work
from storage.errors import Conflict, Unavailable
from storage.queries import queries
from storage.wakeups import Wakeups

CHANNEL = "gatepost"
POOL = 10
STATEMENT_SECONDS = 30.0
TRIES = 3


async def open_postgres(url: str) -> Database:
    """Connect. Raises Unavailable when the server does not answer."""
    database = Postgres(url)
    await database.start()
    return database


class Postgres:
    """A PostgreSQL database, version 15 or later."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.wakeups = Wakeups()
        self._pool: Any = None
        self._listener: Any = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        try:
            self._pool = await asyncpg.create_pool(
                self._url, min_size=1, max_size=POOL, command_timeout=STATEMENT_SECONDS
            )
            self._listener = await asyncpg.connect(self._url)
            await self._listener.add_listener(CHANNEL, self._heard)
        except (OSError, exceptions.PostgresError) as error:
            raise Unavailable(f"cannot open the PostgreSQL database: {error}") from error

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        try:
            async with self._pool.acquire() as connection:
                return await _PostgresTransaction(connection).rows(query, **values)
        except (OSError, exceptions.InterfaceError) as error:
            raise Unavailable(str(error)) from error

    async def write(self, work: Work[Result]) -> Result:
        # shielded: a caller that is cancelled does not cancel the commit
        task = asyncio.create_task(self._write(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def script(self, text: str) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(text)

    async def close(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._listener is not None:
            await self._listener.close()
        if self._pool is not None:
            await self._pool.close()

    async def _write(self, work: Work[Result]) -> Result:
        for _ in range(TRIES - 1):
            try:
                return await self._unit(work)
            except (exceptions.DeadlockDetectedError, exceptions.SerializationError):
                continue
        return await self._unit(work)

    async def _unit(self, work: Work[Result]) -> Result:
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                transaction = _PostgresTransaction(connection)
                result = await work(cast(Transaction, transaction))
                for topic in sorted(transaction.topics):
                    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, topic)
                return result
        except (OSError, exceptions.InterfaceError, exceptions.PostgresConnectionError) as error:
            raise Unavailable(str(error)) from error

    def _heard(self, _connection: Any, _pid: int, _channel: str, topic: object) -> None:
        self.wakeups.fire(str(topic))


class _PostgresTransaction:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.topics: set[str] = set()

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        known = queries()[query]
        try:
            found = await self._connection.fetch(known.numbered, *(values[name] for name in known.parameters))
        except exceptions.IntegrityConstraintViolationError as error:
            raise Conflict(str(error)) from error
        return [dict(row) for row in found]

    async def run(self, query: str, /, **values: Value) -> int:
        known = queries()[query]
        try:
            status = await self._connection.execute(known.numbered, *(values[name] for name in known.parameters))
        except exceptions.IntegrityConstraintViolationError as error:
            raise Conflict(str(error)) from error
        # 'INSERT 0 1', 'UPDATE 3', 'DELETE 0'
        return int(status.rsplit(" ", 1)[-1])

    def wake(self, topic: str) -> None:
        self.topics.add(topic)
