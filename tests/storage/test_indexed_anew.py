"""Words are folded in another way than before migration 25: what was indexed then is found by the new ones."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.blobs import Blobs
from storage.database import Database
from storage.migrate import migrate
from tests.fakes.old_database import database_before
from tools.context import Context, Principal, Secret, Site
from tools.indexing import index_all
from tools.search import SearchRequest, search

MAIL = """
UPDATE account SET last_seq = 1;
INSERT INTO thread (id, mailbox_id, subject, last_at, created_at) VALUES ('thr_1', 'mbx_1', 'Łódź', 1, 1);
INSERT INTO message (id, account_id, mailbox_id, thread_id, direction, status, revision, rfc_message_id, in_reply_to,
    reference_ids, from_email, from_name, people, subject, attachments, findings, size, created_at)
    VALUES ('msg_1', 'acc_1', 'mbx_1', 'thr_1', 'inbound', 'unread', 1, '', '', '', 'a@example.com', '',
    '{"to": [], "cc": [], "bcc": []}', 'Łódź', '[]', '{}', 5, 1);
INSERT INTO message_text (message_id, markdown, body_text, body_html, new_text, quoted)
    VALUES ('msg_1', '', 'body', '', 'body', '');
INSERT INTO event (account_id, seq, type, mailbox_id, message_id, data, created_at)
    VALUES ('acc_1', 1, 'message.received', 'mbx_1', 'msg_1', '{}', 1);
INSERT INTO search_entry (message_id, revision, files_wait, words) VALUES ('msg_1', 1, 0, 'mailbox·mbx1 łodz body');
INSERT INTO search_mark (account_id, seq) VALUES ('acc_1', 1);
"""


@pytest.fixture(params=["sqlite", "postgres"])
async def old(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database as it was before, with one mail that is indexed."""
    async with database_before(25, request.param, tmp_path, MAIL) as database:
        yield database


@pytest.mark.parametrize("query", ["lodz", "Łódź", "body"])
async def test_what_was_indexed_is_found_by_its_new_words(old: Database, tmp_path: Path, query: str) -> None:
    await migrate(old)
    site = Site(base_url="http://127.0.0.1:8025")
    context = Context(db=old, blobs=Blobs(tmp_path / "blobs"), secret=Secret(b"of the tests"), site=site)
    await index_all(context)
    agent = context.acting_as(Principal("acc_1", frozenset({"read"}), "agent", "mbx_1"))
    assert len((await search(agent, SearchRequest(query=query))).messages) == 1
