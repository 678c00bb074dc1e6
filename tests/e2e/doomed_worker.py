"""A delivery process that dies by SIGKILL at a named point: the real worker, with what kills it put around it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from server.delivery.courier import Courier, Timeouts
from server.delivery.outcome import Outcome
from server.delivery.routes import Host
from server.delivery.signers import Signers
from server.delivery.worker import Worker
from server.domains import passphrase
from storage.blobs import Blobs
from storage.database import Database, Result, Row, Transaction, Value, Work
from storage.migrate import migrate
from storage.postgres import open_postgres
from storage.sqlite import open_sqlite
from tools import deliver
from tools.context import Context, Secret, Site, system_clock

CLAIM, SETTLE = "claim_deliveries", "settle_delivery"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the data is: a folder, and a PostgreSQL database unless it is SQLite in that folder."""

    folder: Path
    database_url: str | None


@dataclass(frozen=True, slots=True)
class Death:
    """Where in the process a life ends: when a statement touched a row, before or after its commit; or connecting."""

    query: str = ""
    committed: bool = False
    connecting: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the process. `port`: of the remote. `later`: microseconds by which its clock is ahead."""

    place: Place
    port: int
    later: int
    death: Death


@asynccontextmanager
async def opened(place: Place, later: int = 0) -> AsyncIterator[Context]:
    """A context on the migrated database, for the test and for the process."""
    url = place.database_url
    database = await (open_sqlite(place.folder / "gatepost.db") if url is None else open_postgres(url))
    try:
        await migrate(database)
        yield Context(
            db=database,
            blobs=Blobs(place.folder / "blobs"),
            secret=Secret(b"a secret that only the tests know"),
            site=Site(base_url="http://127.0.0.1:8025"),
            clock=lambda: system_clock() + later,
        )
    finally:
        await database.close()


def live(life: Life) -> None:
    """What the process runs, until it is killed."""
    asyncio.run(_work(life))


async def _work(life: Life) -> None:
    async with opened(life.place, life.later) as context:
        if life.place.database_url is None:
            await deliver.recover(context)
        doomed = replace(context, db=_Database(context.db, life.death))
        signers = Signers(doomed, passphrase(doomed.secret))
        await Worker(doomed, _Carrier(life, context), signers).run()


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


class _Database:
    """The database, until the unit of work of the death is about to commit, or has."""

    def __init__(self, database: Database, death: Death) -> None:
        self._database = database
        self._death = death
        self.wakeups = database.wakeups

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        return await self._database.rows(query, **values)

    async def write(self, work: Work[Result]) -> Result:
        watched: list[_Transaction] = []

        async def unit(transaction: Transaction) -> Result:
            watched.append(_Transaction(transaction, self._death.query))
            result = await work(watched[-1])
            if watched[-1].touched and not self._death.committed:
                _die()
            return result

        result = await self._database.write(unit)
        if watched[-1].touched:
            _die()
        return result

    async def script(self, text: str) -> None:
        await self._database.script(text)

    async def close(self) -> None:
        await self._database.close()


class _Transaction:
    """A transaction that knows whether a statement touched a row."""

    def __init__(self, transaction: Transaction, query: str) -> None:
        self._transaction = transaction
        self._query = query
        self.touched = False

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        rows = await self._transaction.rows(query, **values)
        self.touched |= query == self._query and bool(rows)
        return rows

    async def run(self, query: str, /, **values: Value) -> int:
        touched = await self._transaction.run(query, **values)
        self.touched |= query == self._query and bool(touched)
        return touched

    async def run_each(self, query: str, each: Sequence[Mapping[str, Value]], /) -> None:
        await self._transaction.run_each(query, each)

    def wake(self, topic: str) -> None:
        self._transaction.wake(topic)


class _Carrier:
    """The courier to the remote, for everybody's mail."""

    def __init__(self, life: Life, context: Context) -> None:
        self._host = Host("localhost", life.port, ("127.0.0.1",))
        self._connecting = life.death.connecting
        timeouts = Timeouts(connect=20, total=30)
        self._courier = Courier(
            self, "gatepost.test", timeouts=timeouts, tls="opportunistic", credentials=None, clock=context.clock
        )

    async def hosts(self, domain: str) -> tuple[Host, ...]:
        """The courier's route."""
        return (self._host,)

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        if self._connecting:
            _die()
        return await self._courier.deliver(sender, recipient, raw)

    async def close(self) -> None:
        await self._courier.close()
