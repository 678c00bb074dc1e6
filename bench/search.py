"""Search: what indexing costs a mail, and how long queries take among 20,000, on SQLite and PostgreSQL in turn.

PostgreSQL is measured when GATEPOST_TEST_POSTGRES names a server (postgresql://user@127.0.0.1:5432/postgres); the
database that is made there is dropped at the end. The last line of the output is JSON.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from storage.blobs import Blobs
from storage.database import Database, Result, Row, Value, Work
from storage.migrate import migrate
from storage.sqlite import open_sqlite
from tools.accounts import SigningKeys, create_account, create_mailbox
from tools.context import Context, Principal, Secret, Site
from tools.indexing import index_all
from tools.receive import Arrival, receive
from tools.search import SearchRequest, search

DOMAIN = "agents.example"
WORDS = 30_000
TEXT_WORDS = 350
AT_ONCE = 100
ROUNDS = 20

QUERIES = {
    "a rare word": "w29990",
    "a word of every mail": "w0",
    "two words of most mails": "w2 w5",
    "a rare and a common word": "w2 w25000",
    "a phrase": '"w3 w1"',
    "a beginning": "w2999*",
    "a sender": "from:person77",
    "without a word": "w10 -w2",
    "no word, a condition": "is:unread after:2020-01-01",
    "nothing": "w1 nosuchword",
}


class Timed:
    """A database whose units of work are timed, in seconds: for so long SQLite's writer does nothing else."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.wakeups = database.wakeups
        self.units: list[float] = []

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        return await self._database.rows(query, **values)

    async def write(self, work: Work[Result]) -> Result:
        begin = time.perf_counter()
        try:
            return await self._database.write(work)
        finally:
            self.units.append(time.perf_counter() - begin)

    async def script(self, text: str) -> None:
        await self._database.script(text)

    async def close(self) -> None:
        await self._database.close()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One database: indexing, in microseconds a mail; units of work, and queries' medians and worst, in ms."""

    index_us: float
    index_cpu_us: float
    units_ms: tuple[float, float, float]
    """The middle one, the 99th of a hundred, the longest."""
    medians_ms: dict[str, float]
    worst_ms: dict[str, float]


def mails(count: int) -> list[bytes]:
    """Mails of some 2.5 KB, whose words are as common as in a language (Zipf)."""
    chance = random.Random(7)
    names = [f"w{number}" for number in range(WORDS)]
    shares = list(itertools.accumulate(1 / (number + 1) for number in range(WORDS)))
    made = []
    for number in range(count):
        text = chance.choices(names, cum_weights=shares, k=TEXT_WORDS)
        lines = [" ".join(text[at : at + 10]) for at in range(0, TEXT_WORDS, 10)]
        head = [
            f"From: Person {number % 500} <person{number % 500}@example.com>",
            f"To: Ada <ada@{DOMAIN}>",
            f"Subject: {' '.join(text[:6])}",
            f"Message-ID: <{number}@example.com>",
        ]
        made.append("\r\n".join([*head, "", *lines, ""]).encode())
    return made


async def measure(context: Context, made: list[bytes]) -> Outcome:
    """Store the mails, then index them in batches as the server does, then search."""
    account = await create_account(context, DOMAIN, "boss@example.org", SigningKeys("gp", "", ""))
    mailbox = await create_mailbox(context, account.id, "ada", DOMAIN)
    for begin in range(0, len(made), AT_ONCE):
        arrivals = (Arrival("a@example.com", (mailbox.address,), raw) for raw in made[begin : begin + AT_ONCE])
        await asyncio.gather(*(receive(context, arrival) for arrival in arrivals))
    timed = Timed(context.db)
    begin_at, cpu = time.perf_counter(), time.process_time()
    await index_all(replace(context, db=timed))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - begin_at
    units = sorted(timed.units)
    agent = context.acting_as(Principal(account.id, frozenset({"read"}), "bench", mailbox.id))
    times = {name: await _times(agent, query) for name, query in QUERIES.items()}
    return Outcome(
        index_us=wall / len(made) * 1e6,
        index_cpu_us=cpu / len(made) * 1e6,
        units_ms=(units[len(units) // 2] * 1e3, units[len(units) * 99 // 100] * 1e3, units[-1] * 1e3),
        medians_ms={name: statistics.median(each) * 1e3 for name, each in times.items()},
        worst_ms={name: max(each) * 1e3 for name, each in times.items()},
    )


async def _times(context: Context, query: str) -> list[float]:
    found = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        await search(context, SearchRequest(query=query))
        found.append(time.perf_counter() - begin)
    return found


@asynccontextmanager
async def context_on(database: Database, folder: Path) -> AsyncIterator[Context]:
    """A context on a database, which is migrated, and closed in the end."""
    try:
        await migrate(database)
        site = Site(base_url="http://127.0.0.1:8025")
        yield Context(db=database, blobs=Blobs(folder / "blobs"), secret=Secret(b"bench"), site=site)
    finally:
        await database.close()


async def on_postgres(url: str, folder: Path, made: list[bytes]) -> Outcome:
    """The same on a database of its own."""
    import asyncpg

    from storage.postgres import open_postgres

    name = f"gatepost_bench_{os.getpid()}"
    admin = await asyncpg.connect(url)
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        async with context_on(await open_postgres(urlunsplit(urlsplit(url)._replace(path=f"/{name}"))), folder) as on:
            return await measure(on, made)
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


async def main(count: int) -> None:
    """Measure, print a table for each database, and one line of JSON."""
    made, outcomes = mails(count), {}
    with tempfile.TemporaryDirectory() as folder:
        async with context_on(await open_sqlite(Path(folder) / "gatepost.db"), Path(folder)) as context:
            outcomes["sqlite"] = await measure(context, made)
        if url := os.environ.get("GATEPOST_TEST_POSTGRES"):
            outcomes["postgres"] = await on_postgres(url, Path(folder), made)
    for name, outcome in outcomes.items():
        middle, most, longest = outcome.units_ms
        print(f"{name}: {count} mails")
        print(f"  index: {outcome.index_us:.0f} us a mail, of our CPU {outcome.index_cpu_us:.0f}; "
              f"a unit {middle:.1f} ms, p99 {most:.1f}, longest {longest:.1f}")  # fmt: skip
        for query, median in outcome.medians_ms.items():
            print(f"  {query}: {median:.1f} ms, at worst {outcome.worst_ms[query]:.1f}")
    said = {
        name: {
            "index_us": round(outcome.index_us),
            "unit_p99_ms": round(outcome.units_ms[1], 1),
            "longest_unit_ms": round(outcome.units_ms[2], 1),
            "slowest_median_ms": round(max(outcome.medians_ms.values()), 1),
        }
        for name, outcome in outcomes.items()
    }
    print(json.dumps(said))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=20_000)
    asyncio.run(main(parser.parse_args().mails))
