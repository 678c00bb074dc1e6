"""Numbered migrations, one transaction each, and the check at start."""

from contextlib import suppress
from pathlib import Path

from storage.database import Database
from storage.errors import Conflict, StorageError, Unfit

FOLDER = Path(__file__).parent / "sql" / "migrations"
_VERSION = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY);"


def available() -> dict[int, str]:
    """The migrations of this program by number. Each begins by writing its number into schema_version."""
    paths = sorted(FOLDER.glob("*.sql"))
    return {int(path.name.split("_", 1)[0]): path.read_text(encoding="utf-8") for path in paths}


async def version(database: Database) -> int:
    """The newest migration the database has; 0 for an empty one."""
    with suppress(Conflict):
        # PostgreSQL's IF NOT EXISTS does not see the table that another process is making
        await database.script(_VERSION)
    rows = await database.rows("schema_version")
    return int(rows[0]["version"] or 0)


async def migrate(database: Database) -> list[int]:
    """Bring the database to this program's schema; the numbers applied.

    Raises Unfit when the database is newer than the program.
    """
    at = await version(database)
    newest = max(available())
    if at > newest:
        raise Unfit(f"The database has schema {at} and this Gatepost knows {newest}. Install the newer Gatepost.")
    applied = []
    for number, text in available().items():
        if number > at and await _apply(database, number, text):
            applied.append(number)
    return applied


async def _apply(database: Database, number: int, text: str) -> bool:
    """False when another process applied it between the look and the write: its version row refused ours."""
    try:
        await database.script(text)
    except StorageError:
        if await version(database) < number:
            raise
        return False
    return True
