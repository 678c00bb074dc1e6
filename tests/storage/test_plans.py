"""Queries on every mail's way stay with a few rows, however full the mailbox is."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage.migrate import migrate
from storage.queries import queries
from storage.sqlite import SQLite

GATE = ("answered", "answered_in_thread", "unanswered", "turns", "handed_in_since", "opened", "answered_people")
SETTLEMENT = ("message_head", "delivery_states")
ARRIVAL = ("thread_of_reference", "message_by_rfc_id", "people_of_thread", "people_by_subject")
READING = ("thread_messages", "thread_size", "earlier_in_thread")
WALKING = {
    "inbox": "message_by_mailbox (mailbox_id=? AND direction=? AND (created_at,id)<",
    "messages_to_purge": "message_by_mailbox (mailbox_id=? AND direction=? AND created_at<",
    "mail_of_account": "message_by_account (account_id=? AND (created_at,id)<",
    "spam_of_account": "message_as_spam (account_id=? AND (created_at,id)<",
    "inbox_of_status": "message_by_status (mailbox_id=? AND direction=? AND status=? AND (created_at,id)<",
    "arrivals": "message_by_status (mailbox_id=? AND direction=? AND status=? AND (created_at,id)>",
    "few_within": "message_by_status (mailbox_id=? AND direction=? AND status=? AND created_at>? AND created_at<",
    "inbox_of_sender": "message_by_sender (mailbox_id=? AND direction=? AND <expr>=? AND (created_at,id)<",
}
"""Queries that take messages of a mailbox or an account in their order, and how they find where to begin."""
LISTING = ("inbox_of_status", "inbox_of_sender", "inbox_among", "few_within", "few_tagged", "arrivals", "arrived")


async def plans_of(tmp_path: Path, *names: str) -> dict[str, str]:
    """How SQLite goes about these queries."""
    database = SQLite(tmp_path / "x.db")
    await database.start()
    try:
        await migrate(database)
    finally:
        await database.close()
    found = {}
    with closing(sqlite3.connect(database.path)) as connection:
        for query in (queries()[name] for name in names):
            rows = connection.execute(f"EXPLAIN QUERY PLAN {query.lite}", [""] * len(query.parameters)).fetchall()
            found[query.name] = " ".join(row[3] for row in rows)
    return found


async def plan_of(tmp_path: Path, name: str) -> str:
    return (await plans_of(tmp_path, name))[name]


async def test_no_other_query_goes_by_an_index_of_all_messages(tmp_path: Path) -> None:
    """SQLite knows no numbers, and takes the half of a long index for as good as the whole of a short one."""
    plans = await plans_of(tmp_path, *queries())
    index = re.compile(r"message_(by_mailbox|by_account|by_status|by_sender|as_spam) ")
    assert {name for name, plan in plans.items() if index.search(plan)} == set(WALKING)
    assert {name for name, start in WALKING.items() if start not in plans[name]} == set()


@pytest.mark.parametrize("name", [*GATE, *SETTLEMENT, *ARRIVAL, *READING])
async def test_no_query_on_the_way_of_a_mail_walks_through_a_mailbox(tmp_path: Path, name: str) -> None:
    """One that did made a mail of a mailbox with 10,000 cost a hundred times the CPU of one with none."""
    plan = await plan_of(tmp_path, name)
    assert not re.search(r"SCAN (message|delivery)\b", plan), plan
    assert "message_by_mailbox" not in plan and "message_by_account" not in plan, plan


@pytest.mark.parametrize("name", LISTING)
async def test_what_few_messages_have_is_found_without_a_walk(tmp_path: Path, name: str) -> None:
    """In a mailbox of 200,000 mails it took 100 to 900 ms to find the twenty that were unread, or of one sender."""
    plan = await plan_of(tmp_path, name)
    assert not re.search(r"SCAN (?!json_each)", plan), plan
    assert "message_by_mailbox" not in plan and "message_by_account" not in plan, plan


async def test_a_page_of_contacts_is_read_in_order(tmp_path: Path) -> None:
    """Of 25,000 people all were gathered and put in order for each page: 28 ms."""
    plan = await plan_of(tmp_path, "contacts")
    assert "MERGE (UNION ALL)" in plan and "TEMP B-TREE" not in plan, plan


async def test_what_was_decided_of_late_is_not_looked_for_among_all_decisions(tmp_path: Path) -> None:
    """The overseer's first page took 90 ms where 20,000 were made."""
    plan = await plan_of(tmp_path, "decided")
    assert "USING INDEX approval_decided" in plan and "TEMP B-TREE" not in plan, plan


async def test_domains_of_correspondents_are_told_by_an_index_alone(tmp_path: Path) -> None:
    """Looked at for each mail of a new domain: 10 ms for 20,000 correspondents, and 3 so."""
    assert "COVERING INDEX correspondent_by_domain" in await plan_of(tmp_path, "familiar_domains")


async def test_what_is_to_index_is_asked_without_a_walk_through_all_accounts(tmp_path: Path) -> None:
    """Four times a second, it took 3 ms where there are 10,000."""
    plan = await plan_of(tmp_path, "events_to_index")
    assert "SEARCH a " in plan and "SEARCH k " in plan and not re.search(r"SCAN (?!json_each)", plan), plan
