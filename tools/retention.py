"""How long mail is kept: what is over goes with all that was made from it, in small batches, and leaves an event."""

from collections import Counter
from dataclasses import dataclass
from functools import partial

from storage.database import Transaction, many
from storage.records import Mailbox
from tools import events
from tools.context import DAY, HOUR, Context
from tools.move_message import TRASH_DAYS

AT_ONCE = 50
"""Messages of one unit of work."""
MOST = 2_000
"""Messages of one round; what is left waits for the next."""
BLOB_HOURS = 1
"""So long a blob that lost its message stays, as a mail that needs it may be on its way into the database; and so long
a file that is not finished."""

_PURGES = (
    "purge_search_entry",
    "purge_tags",
    "purge_trash",
    "purge_introduced",
    "purge_attachment_texts",
    "purge_wire",
    "purge_approval_links",
    "purge_approval_votes",
    "purge_approvals",
    "purge_complaints",
    "purge_attempts",
    "purge_deliveries",
    "purge_schedule",
    "purge_decisions",
    "purge_text",
    "purge_message",
)
"""What has to be done with a message's id for nothing of it to be left, each before what it refers to."""


@dataclass(frozen=True, slots=True)
class _Over:
    id: str
    account_id: str
    mailbox_id: str
    thread_id: str


async def set_retention(context: Context, mailbox: Mailbox, days: int, by: str) -> None:
    """Keep the mailbox's mail for so many days; 0 is for ever."""

    async def work(transaction: Transaction) -> None:
        if days:
            await transaction.run("set_retention", mailbox_id=mailbox.id, days=days)
        else:
            await transaction.run("keep_for_ever", mailbox_id=mailbox.id)
        now, account_id = context.now(), mailbox.account_id
        await events.record(transaction, now, account_id, "mailbox.retention", mailbox_id=mailbox.id, days=days, by=by)

    await context.db.write(work)


async def retention_of(context: Context, mailbox: Mailbox) -> int:
    """Days that the mailbox's mail is kept; 0 is for ever."""
    rows = await context.db.rows("retention", mailbox_id=mailbox.id)
    return int(rows[0]["days"]) if rows else 0


async def purge(context: Context) -> int:
    """Delete the mail whose time is over, and the files that nothing needs; how many messages. Raises Unavailable."""
    purged = 0
    while purged < MOST:
        now = context.now()
        found = await many(
            context.db,
            _Over,
            "messages_to_purge",
            now=now,
            day=DAY,
            deleted_before=now - TRASH_DAYS * DAY,
            quarantined_before=now - context.site.quarantine_days * DAY,
            limit=AT_ONCE,
        )
        if not found:
            break
        # a mail may be over in two ways
        over = list({each.id: each for each in found}.values())
        await context.db.write(partial(_delete, context, over))
        purged += len(over)
    await _drop_blobs(context)
    await context.blobs.sweep(BLOB_HOURS * 3600)
    return purged


async def _delete(context: Context, over: list[_Over], transaction: Transaction) -> None:
    now = context.now()
    for message in over:
        await transaction.run("forsake_blobs", message_id=message.id, now=now)
        for query in _PURGES:
            await transaction.run(query, message_id=message.id)
        await transaction.run("purge_thread", thread_id=message.thread_id)
    for (account_id, mailbox_id), count in Counter((each.account_id, each.mailbox_id) for each in over).items():
        await events.record(transaction, now, account_id, "mailbox.purged", mailbox_id=mailbox_id, messages=count)


async def _drop_blobs(context: Context) -> None:
    before = context.now() - BLOB_HOURS * HOUR
    for row in await context.db.rows("forsaken_blobs", before=before, limit=AT_ONCE):
        if row["needed"] or await context.blobs.drop(row["name"], BLOB_HOURS * 3600):
            await context.db.write(partial(_settle, row["name"], before))


async def _settle(name: str, before: int, transaction: Transaction) -> None:
    await transaction.run("blob_settled", name=name, before=before)
