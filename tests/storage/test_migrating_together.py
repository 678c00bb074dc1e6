"""Migrating PostgreSQL: by several processes at once, and for longer than a statement may take."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from storage.migrate import available, migrate
from storage.postgres import open_postgres
from tests.conftest import fresh_postgres


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """An empty database."""
    async with fresh_postgres(f"gatepost_together_{os.getpid()}") as url:
        yield url


async def test_processes_that_start_together_migrate_once(url: str) -> None:
    processes = [await open_postgres(url) for _ in range(4)]
    try:
        applied = await asyncio.gather(*map(migrate, processes))
    finally:
        await asyncio.gather(*(process.close() for process in processes))
    assert sorted(number for numbers in applied for number in numbers) == sorted(available())


async def test_a_migration_may_take_longer_than_a_statement(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.postgres.STATEMENT_SECONDS", 0.2)
    database = await open_postgres(url)
    try:
        await database.script("SELECT pg_sleep(0.5);")
    finally:
        await database.close()
