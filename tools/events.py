"""The append-only log: one function writes it, inside the transaction of what happened."""

import json
from typing import Any

from storage.database import Reader, Transaction, columns
from storage.records import Event, Message

ARRIVALS = frozenset({"message.received", "message.tagged", "reply.overdue"})
"""What those who wait for a mailbox's mail are woken for."""
TOPICS = "events "
"""What the wake-up topics of all accounts' events begin with."""


def topic(account_id: str) -> str:
    """The wake-up topic of an account's events."""
    return f"{TOPICS}{account_id}"


def arrivals_topic(mailbox_id: str) -> str:
    """The wake-up topic of those who wait for a mailbox's mail."""
    return f"arrivals {mailbox_id}"


async def last_seq(reader: Reader, account_id: str) -> int:
    """The number of an account's newest event; what is committed later has a higher one."""
    rows = await reader.rows("last_seq", account_id=account_id)
    return int(rows[0]["last_seq"]) if rows else 0


async def record(
    transaction: Transaction,
    now: int,
    account_id: str,
    type_: str,
    *,
    mailbox_id: str | None = None,
    message_id: str | None = None,
    **data: Any,
) -> None:
    """Append an event with the account's next number and wake who listens."""
    rows = await transaction.rows("next_seq", account_id=account_id)
    event = Event(account_id, rows[0]["last_seq"], type_, mailbox_id, message_id, json.dumps(data), now)
    await transaction.run("insert_event", **columns(event))
    transaction.wake(topic(account_id))
    if mailbox_id is not None and type_ in ARRIVALS:
        transaction.wake(arrivals_topic(mailbox_id))


async def about(transaction: Transaction, now: int, message: Message, type_: str, **data: Any) -> None:
    """Append an event about a message."""
    await record(
        transaction,
        now,
        message.account_id,
        type_,
        mailbox_id=message.mailbox_id,
        message_id=message.id,
        **data,
    )
