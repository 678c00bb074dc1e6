"""The append-only log: one function writes it, inside the transaction of what happened."""

import json
from typing import Any

from storage.database import Transaction, columns
from storage.records import Event, Message


def topic(account_id: str) -> str:
    """The wake-up topic of an account's events."""
    return f"events {account_id}"


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
