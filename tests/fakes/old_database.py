"""A database as it was before a migration, with a mailbox that was there already."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from storage.database import Database
from storage.migrate import available
from tests.conftest import fresh_database

ROWS = """
INSERT INTO account (id, slug, overseer, created_at) VALUES ('acc_1', 'one', 'boss@example.org', 1);
INSERT INTO mailbox (id, account_id, address, display_name, mode, created_at)
    VALUES ('mbx_1', 'acc_1', 'ada@agents.example', 'Ada', 'gated_send', 1);
"""


@asynccontextmanager
async def database_before(migration: int, kind: str, folder: Path, rows: str) -> AsyncIterator[Database]:
    """`kind` is sqlite or postgres; `rows` is SQL for what else was there. Closed at the end."""
    async with fresh_database(kind, folder) as database:
        await database.script("CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY);")
        for number, text in available().items():
            if number < migration:
                await database.script(text)
        await database.script(ROWS + rows)
        yield database
