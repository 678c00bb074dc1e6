"""Which conversation an arrived mail belongs to, and whether its sender was part of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from storage.database import Row, Transaction, columns
from storage.records import Mailbox, Thread
from tools.context import DAY, Context
from tools.mail.address import canonical
from tools.mail.parse import Parsed
from tools.mail.references import base_subject, is_answer, reference_ids

WINDOW = 30 * DAY
"""So long after its last mail a conversation is found again by its subject."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A mail's thread, how it was found ('' began it), and whether its sender was nowhere in it before."""

    thread_id: str
    by: Literal["", "reference", "subject"] = ""
    new_participant: bool = False
    repeats: bool = False
    """A mail of this sender with this Message-ID is there already."""

    @property
    def answered_thread(self) -> str:
        """The thread, for who took part in it: a stranger's answer speaks for nobody."""
        return "" if self.new_participant else self.thread_id

    def as_findings(self) -> dict[str, Any]:
        found: dict[str, Any] = {"joined_by": self.by, "new_participant": self.new_participant} if self.by else {}
        return found | {"repeats": True} if self.repeats else found


async def join(
    context: Context, transaction: Transaction, mailbox: Mailbox, parsed: Parsed, *, believed: bool
) -> Joined:
    """The thread in this mailbox that the mail goes on with, or one that it begins.

    What it refers to decides (RFC 5322 section 3.6.4). Where that is not here, an answer goes on with what its sender
    takes part in under the same subject; not if it comes from a machine, nor if its author is not `believed`.
    """
    now = context.now()
    repeats = await _repeats(transaction, mailbox, parsed)
    found = await _by_reference(transaction, mailbox, parsed)
    if found is None and believed and not parsed.automatic and is_answer(parsed.subject):
        found = await _by_subject(transaction, mailbox, parsed, now - WINDOW)
    if found is not None:
        await transaction.run("touch_thread", id=found.thread_id, last_at=now)
        return replace(found, repeats=repeats)
    new = Thread(context.new_id("thr"), mailbox.id, parsed.subject, now, now, base_subject(parsed.subject))
    await transaction.run("insert_thread", **columns(new))
    return Joined(new.id, repeats=repeats)


async def _repeats(transaction: Transaction, mailbox: Mailbox, parsed: Parsed) -> bool:
    """Whether the sender's server brought the mail before: it has not read our 250, perhaps (RFC 1047)."""
    if not parsed.message_id or parsed.sender is None:
        return False
    rows = await transaction.rows("thread_of_reference", mailbox_id=mailbox.id, rfc_message_id=parsed.message_id)
    return bool(rows) and rows[0]["from_email"] == parsed.sender.email


async def _by_reference(transaction: Transaction, mailbox: Mailbox, parsed: Parsed) -> Joined | None:
    """The thread of the newest message here that the mail refers to."""
    for rfc_id in reversed(reference_ids(parsed.references, parsed.in_reply_to)):
        rows = await transaction.rows("thread_of_reference", mailbox_id=mailbox.id, rfc_message_id=rfc_id)
        if rows:
            thread_id = rows[0]["thread_id"]
            known = _takes_part(parsed, rows) or _takes_part(
                parsed, await transaction.rows("people_of_thread", thread_id=thread_id)
            )
            return Joined(thread_id, "reference", new_participant=not known)
    return None


async def _by_subject(transaction: Transaction, mailbox: Mailbox, parsed: Parsed, since: int) -> Joined | None:
    """The newest thread of that subject in which the sender takes part."""
    base = base_subject(parsed.subject)
    rows = await transaction.rows("people_by_subject", mailbox_id=mailbox.id, base_subject=base, since=since)
    thread_id = next((row["thread_id"] for row in rows if base and _takes_part(parsed, [row])), None)
    return Joined(thread_id, "subject") if thread_id is not None else None


def _takes_part(parsed: Parsed, rows: list[Row]) -> bool:
    """Whether the sender wrote one of these messages, or one was for them."""
    sender = canonical(parsed.sender.email) if parsed.sender else ""
    return bool(sender) and any(sender in _people(row) for row in rows)


def _people(row: Row) -> Iterator[str]:
    yield canonical(row["from_email"])
    for group in json.loads(row["people"]).values():
        yield from (canonical(person["email"]) for person in group)
