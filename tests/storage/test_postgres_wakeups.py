"""Wake-ups over PostgreSQL go on when the connection that hears of them was cut."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import Database, Transaction
from tests.conftest import fresh_database

CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'LISTEN%';
"""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database, opened."""
    async with fresh_database("postgres", tmp_path) as database:
        yield database


async def test_whoever_waits_is_woken_when_it_listens_again_and_hears_from_then_on(database: Database) -> None:
    async def news(transaction: Transaction) -> None:
        transaction.wake("news")

    for _ in range(2):
        with database.wakeups.listen("news") as woken:
            await database.script(CUT)
            # of what was said meanwhile nobody knows
            async with asyncio.timeout(20):
                await woken.wait()
            woken.clear()
            await database.write(news)
            async with asyncio.timeout(20):
                await woken.wait()
