"""Wake-ups over PostgreSQL go on when the connection that hears of them was cut."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from storage.database import Database, Transaction
from storage.postgres import open_postgres
from tests.conftest import fresh_postgres

CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'LISTEN%';
"""


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    """An empty database, opened."""
    async with fresh_postgres(f"gatepost_listening_{os.getpid()}") as url:
        database = await open_postgres(url)
        try:
            yield database
        finally:
            await database.close()


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
