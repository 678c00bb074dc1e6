"""Queries on every mail's way stay with a few rows, however full the mailbox is."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage.migrate import migrate
from storage.queries import queries
from storage.sqlite import SQLite

GATE = ("answered", "answered_in_thread", "unanswered", "turns", "handed_in_since", "opened")
SETTLEMENT = ("message_head", "delivery_states")
ARRIVAL = ("thread_of_reference", "message_by_rfc_id", "people_of_thread", "people_by_subject")
READING = ("thread_messages", "thread_size", "earlier_in_thread")


@pytest.mark.parametrize("name", [*GATE, *SETTLEMENT, *ARRIVAL, *READING])
async def test_no_query_on_the_way_of_a_mail_walks_through_a_mailbox(tmp_path: Path, name: str) -> None:
    """One that did made a mail of a mailbox with 10,000 cost a hundred times the CPU of one with none."""
    database = SQLite(tmp_path / "x.db")
    await database.start()
    try:
        await migrate(database)
    finally:
        await database.close()
    query = queries()[name]
    with closing(sqlite3.connect(database.path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {query.lite}", [""] * len(query.parameters)).fetchall()
    plan = " ".join(row[3] for row in rows)
    assert not re.search(r"SCAN (message|delivery)\b", plan), plan
    assert "message_by_mailbox" not in plan and "message_by_account" not in plan, plan
