"""A message's texts have a table of their own: mail that was there keeps them, and lists do not touch them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import Database, one
from storage.migrate import migrate
from storage.queries import queries
from storage.records import BEGINNING, Message
from tests.fakes.old_database import database_before

BEFORE = 24
NEW = "What is new. " * 100

MAIL = f"""
INSERT INTO thread (id, mailbox_id, subject, last_at, created_at) VALUES ('thr_1', 'mbx_1', 'Hi', 1, 1);
INSERT INTO message (id, account_id, mailbox_id, thread_id, direction, status, revision, rfc_message_id, in_reply_to,
    reference_ids, from_email, from_name, people, subject, markdown, body_text, body_html, new_text, quoted,
    attachments, findings, size, created_at)
    VALUES ('msg_1', 'acc_1', 'mbx_1', 'thr_1', 'inbound', 'unread', 1, '', '', '', 'a@example.com', '', '{{}}', 'Hi',
    'written', 'body', '<p>', '{NEW}', 'quoted', '[]', '{{}}', 5, 1);
INSERT INTO introduced (mailbox_id, address, message_id) VALUES ('mbx_1', 'b@example.com', 'msg_1');
"""


@pytest.fixture(params=["sqlite", "postgres"])
async def old(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database as it was before, with one mail."""
    async with database_before(BEFORE, request.param, tmp_path, MAIL) as database:
        yield database


async def test_mail_that_was_there_keeps_its_texts(old: Database) -> None:
    assert BEFORE in await migrate(old)
    found = await one(old, Message, "any_message", id="msg_1")
    assert found is not None
    texts = found.markdown, found.body_text, found.body_html, found.new_text, found.quoted
    assert texts == ("written", "body", "<p>", NEW, "quoted")
    assert found.beginning == NEW[:BEGINNING]
    [known] = await old.rows("introduced_by", mailbox_id="mbx_1", what="b@example.com", since=0)
    assert known["id"] == "msg_1"


@pytest.mark.parametrize(
    "name",
    ["inbox", "arrivals", "arrivals_since", "mail_of_account", "spam_of_account", "unanswered", "introduced_by"],
)
async def test_a_list_of_messages_reads_no_texts(name: str) -> None:
    """Of 100 mails with long texts it would be a hundred megabytes."""
    query = queries()[name]
    assert "message_text" not in query.lite + query.full
