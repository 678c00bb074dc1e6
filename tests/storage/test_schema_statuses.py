"""New statuses on a database that has mail already: nothing is lost, and what referred to a message still has to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import Database
from storage.errors import Conflict
from storage.migrate import migrate
from tests.fakes.old_database import database_before

BEFORE = 14

MAIL = """
INSERT INTO thread (id, mailbox_id, subject, last_at, created_at) VALUES ('thr_1', 'mbx_1', 'Hi', 1, 1);
INSERT INTO message (id, account_id, mailbox_id, thread_id, direction, status, revision, rfc_message_id, in_reply_to,
    reference_ids, from_email, from_name, people, subject, markdown, body_text, body_html, new_text, quoted,
    attachments, findings, size, created_at)
    VALUES ('msg_1', 'acc_1', 'mbx_1', 'thr_1', 'inbound', 'unread', 1, '', '', '', 'a@example.com', '', '{}', 'Hi', '',
    'Hello', '', 'Hello', '', '[]', '{}', 5, 1);
INSERT INTO introduced (mailbox_id, address, message_id) VALUES ('mbx_1', 'b@example.com', 'msg_1');
"""


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[Database]:
    """A database as it was before, with one mail."""
    async with database_before(BEFORE, "sqlite", tmp_path, MAIL) as database:
        yield database


async def test_mail_that_was_there_stays_and_may_get_the_new_statuses(old: Database) -> None:
    with pytest.raises(Conflict):
        await old.script("UPDATE message SET status = 'spam_flagged';")
    await migrate(old)
    for status in ("spam_flagged", "spam_quarantined", "unread"):
        await old.script(f"UPDATE message SET status = '{status}';")
    [row] = await old.rows("any_message", id="msg_1")
    assert (row["status"], row["body_text"]) == ("unread", "Hello")
    for damage in (
        "UPDATE message SET status = 'spam';",
        "DELETE FROM message;",
        "INSERT INTO introduced (mailbox_id, address, message_id) VALUES ('mbx_1', 'c@example.com', 'msg_9');",
    ):
        with pytest.raises(Conflict):
            await old.script(damage)
