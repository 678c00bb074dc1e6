"""What was passed on before anybody was asked goes on, and what is written of it is whole, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import Database, Transaction, columns, many
from storage.errors import Conflict
from storage.migrate import migrate
from storage.records import Forwarding, Notice
from tests.fakes.old_database import database_before

BEFORE = 20

ROWS = """
INSERT INTO mailbox (id, account_id, address, display_name, mode, created_at)
    VALUES ('mbx_2', 'acc_1', 'eve@agents.example', 'Eve', 'gated_send', 1);
INSERT INTO forwarding (mailbox_id, target, set_by, created_at)
    VALUES ('mbx_1', 'r@example.net', 'boss@example.org', 7), ('mbx_2', 's@example.net', 'boss@example.org', 8);
"""


@pytest.fixture(params=["sqlite", "postgres"])
async def old(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database as it was before, with mailboxes whose mail is passed on."""
    async with database_before(BEFORE, request.param, tmp_path, ROWS) as database:
        await notify(database, "failure")
        yield database


async def notify(database: Database, kind: str) -> None:
    notice = Notice(f"ntc_{kind}", "acc_1", kind, "r@example.net", "x", "queued", 0, 1, 0, "", 1)

    async def work(transaction: Transaction) -> None:
        await transaction.run("insert_notice", **columns(notice))

    await database.write(work)


async def test_what_is_passed_on_already_stays_so(old: Database) -> None:
    with pytest.raises(Conflict):
        await notify(old, "forwarding")
    assert BEFORE in await migrate(old)
    for mailbox_id, target, at in (("mbx_1", "r@example.net", 7), ("mbx_2", "s@example.net", 8)):
        expected = Forwarding(mailbox_id, target, "boss@example.org", at, "", asked_at=at, confirmed_at=at)
        assert await many(old, Forwarding, "forwarding", mailbox_id=mailbox_id) == [expected]
    await notify(old, "forwarding")
    with pytest.raises(Conflict):
        await notify(old, "anything")
    assert [row["kind"] for row in await old.rows("notice", id="ntc_failure")] == ["failure"]
