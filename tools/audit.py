"""The life of one message as the event log has it: what happened, who did it, and to which exact form of the mail."""

import json
from dataclasses import dataclass
from typing import Any

from storage.database import many, one
from storage.records import Attempt, Delivery, Event, Message
from tools.context import NOBODY, Context
from tools.errors import Refusal


@dataclass(frozen=True, slots=True)
class Entry:
    """One event."""

    at: int
    """Microseconds since the epoch."""
    seq: int
    """Its number in the account's log."""
    type: str
    by: str
    """A key, a person's address, or the system itself."""
    revision: int | None
    """The revision it is about, if it says."""
    digest: str
    """SHA-256 over envelope and bytes of that revision; empty without one."""
    details: dict[str, Any]
    """What else the event says."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt to hand the message over, and to whom."""

    recipient: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Life:
    """A message with everything that happened to it, in order."""

    message: Message
    digests: dict[int, str]
    """The digest of each revision there was."""
    entries: tuple[Entry, ...]
    tried: tuple[Tried, ...]
    """With every recipient's server, copies to the overseer among them."""


async def life_of(context: Context, account_id: str, message_id: str) -> Life:
    """The life of a message of this account. Raises Refusal message_not_found."""
    message = await one(context.db, Message, "message_of_account", id=message_id, account_id=account_id)
    if message is None:
        raise Refusal("message_not_found", message_id=message_id)
    rows = await context.db.rows("wire_digests", message_id=message_id)
    digests = {row["revision"]: row["digest"] for row in rows}
    found = await many(context.db, Event, "events_of_message", account_id=account_id, message_id=message_id)
    return Life(
        message,
        digests,
        tuple(_entry(event, digests) for event in found),
        await attempts_of(context, message_id),
    )


async def attempts_of(context: Context, message_id: str) -> tuple[Tried, ...]:
    """The attempts to hand a message over, in order."""
    deliveries = await many(context.db, Delivery, "deliveries", message_id=message_id)
    recipients = {delivery.id: delivery.recipient for delivery in deliveries}
    attempts = await many(context.db, Attempt, "attempts", message_id=message_id)
    return tuple(Tried(recipients[attempt.delivery_id], attempt) for attempt in attempts)


def _entry(event: Event, digests: dict[int, str]) -> Entry:
    data = json.loads(event.data)
    by, revision = data.pop("by", NOBODY.name), data.pop("revision", None)
    digest = data.pop("digest", None) or digests.get(revision, "")
    return Entry(event.created_at, event.seq, event.type, by, revision, digest, data)
