"""Indexing behind the commit: whoever receives or sends never waits for it, and no crash leaves a message out.

An account's events say what there is to index; how far they were looked at is written together with the entries.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from storage.database import Transaction, Value, many
from storage.records import Message
from tools.context import Context
from tools.mail.targets import unicode_host
from tools.mail.words import MARK, entry, section
from tools.query import HAS_ATTACHMENT

BATCH = 50
"""Events that are looked at together, and so at most messages."""
UNIT_CHARS = 32 * 1024
"""Of words in one unit of work, which holds SQLite's writer for some 5 ms; a longer entry is a unit by itself."""
ACCOUNTS = 20
"""Accounts that have a turn before anything else is looked at."""
MOST_ACCOUNTS = 1000
"""Accounts that one look at all of them finds."""

Due = dict[str, None]
"""Ids of accounts that may have news, in the order in which they have their turns."""
BODY_CHARS = 64 * 1024
"""So much of a text is indexed."""


@dataclass(frozen=True, slots=True)
class _Behind:
    """An account with events up to `last_seq`, of which those up to `seq` have been looked at."""

    id: str
    last_seq: int
    seq: int


@dataclass(frozen=True, slots=True)
class _Unit:
    """Entries that are written together, and the last event that has been looked at with them."""

    upto: int
    entries: list[dict[str, Value]]


@dataclass(frozen=True, slots=True)
class Indexable:
    """What is indexed of a message."""

    id: str
    seq: int
    """Of the first event that is about it, among those looked at."""
    mailbox_id: str
    revision: int
    from_email: str
    from_name: str
    people: str
    subject: str
    body_text: str
    attachments: str


async def accounts_behind(context: Context) -> Due:
    """Accounts that have news. It takes 3 ms where there are 10,000. Raises Unavailable."""
    rows = await context.db.rows("accounts_to_index", limit=MOST_ACCOUNTS)
    return {str(row["id"]): None for row in rows}


async def index_new(context: Context, due: Due) -> bool:
    """Index one batch of each account whose turn it is; whether there is more. Raises Unavailable.

    They are taken out first, so that what happens meanwhile makes them due again; who has more comes behind the others.
    """
    turn = list(due)[:ACCOUNTS]
    for account_id in turn:
        del due[account_id]
    if not turn:
        return False
    again = []
    for account in await many(context.db, _Behind, "events_to_index", account_ids=json.dumps(turn)):
        if not await _index_account(context, account):
            again.append(account.id)
    due.update(dict.fromkeys(again))
    return bool(again) or len(turn) == ACCOUNTS


async def index_all(context: Context) -> None:
    """Index until nothing is left. Raises Unavailable."""
    while due := await accounts_behind(context):
        while due:
            await index_new(context, due)


def scope_of(mailbox_id: str) -> str:
    """The word that every entry of a mailbox holds, and no entry of another."""
    return f"mailbox{MARK}{mailbox_id.replace('_', '')}"


def words_of(message: Indexable | Message, files_say: Sequence[str] = ()) -> str:
    """All that a message is found by, as `entry` writes it."""
    people, files = json.loads(message.people), json.loads(message.attachments)
    sections = [
        [scope_of(message.mailbox_id)],
        [HAS_ATTACHMENT] if files else [],
        _person(message.from_name, message.from_email, "from"),
        section(message.subject, "subject"),
        *(_person(each["name"], each["email"], "to") for each in people["to"]),
        *(_person(each["name"], each["email"], "cc") for each in (*people["cc"], *people["bcc"])),
        *(section(file["name"], "filename") for file in files),
        section(message.body_text[:BODY_CHARS]),
        *(section(text) for text in files_say),
    ]
    return entry(sections)


def _person(name: str, email: str, field: str) -> list[str]:
    """A person's words; a domain of another alphabet is found as it is written and as it is read."""
    local, _, domain = email.rpartition("@")
    read = unicode_host(domain)
    return section(f"{name} {email} {local}@{read}" if read else f"{name} {email}", field)


async def _index_account(context: Context, account: _Behind) -> bool:
    """Index one batch; whether that was all."""
    upto = min(account.last_seq, account.seq + BATCH)
    messages = await many(
        context.db,
        Indexable,
        "messages_to_index",
        account_id=account.id,
        after=account.seq,
        upto=upto,
        characters=BODY_CHARS,
    )
    units = await asyncio.to_thread(_units, messages, upto) if messages else [_Unit(upto, [])]
    mark = account.seq
    for unit in units:
        if not await context.db.write(partial(_write, account.id, mark, unit)):
            # another process indexes the same, but may know of less
            return False
        mark = unit.upto
    return upto == account.last_seq


def _units(messages: Sequence[Indexable], upto: int) -> list[_Unit]:
    units: list[_Unit] = []
    entries: list[dict[str, Value]] = []
    chars = 0
    for message in messages:
        words = words_of(message)
        chars += len(words)
        if entries and chars > UNIT_CHARS:
            units.append(_Unit(message.seq - 1, entries))
            entries, chars = [], len(words)
        waits = int(_readable(message))
        entries.append({"message_id": message.id, "revision": message.revision, "files_wait": waits, "words": words})
    return [*units, _Unit(upto, entries)]


async def _write(account_id: str, mark: int, unit: _Unit, transaction: Transaction) -> bool:
    """Write a unit if the mark is still where it was."""
    if not mark:
        await transaction.run("begin_search_mark", account_id=account_id)
    if not await transaction.run("move_search_mark", account_id=account_id, after=mark, upto=unit.upto):
        return False
    await transaction.run_each("index_message", unit.entries)
    return True


def _readable(message: Indexable) -> bool:
    """Whether a file of the message may hold text."""
    types = (file["content_type"].partition("/")[0] for file in json.loads(message.attachments))
    return any(each not in ("image", "audio", "video", "font") for each in types)
