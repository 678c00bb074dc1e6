"""What few messages have: looked up first, it saves a walk through the whole mailbox for them."""

import json
from collections.abc import Iterable

from storage.database import Reader

FEW = 2_000
"""So many messages cost less to look at one by one than a walk; what more have is met soon on a walk."""


async def few_tagged(reader: Reader, mailbox_id: str, wanted: str) -> list[str] | None:
    """Ids of the messages with a tag, given as a name or as name=value; None where they are many."""
    name, equals, value = wanted.partition("=")
    tag = {"name": name, "value": value if equals else None}
    rows = await reader.rows("few_tagged", mailbox_id=mailbox_id, **tag, limit=FEW + 1)
    return [row["message_id"] for row in rows] if len(rows) <= FEW else None


async def few_within(
    reader: Reader, mailbox_id: str, statuses: Iterable[str], since: int, until: int
) -> list[str] | None:
    """Ids of the messages with one of these statuses and of that time; None where they are many."""
    wanted = json.dumps(sorted(statuses))
    rows = await reader.rows(
        "few_within", mailbox_id=mailbox_id, statuses=wanted, since=since, until=until, limit=FEW + 1
    )
    return [row["id"] for row in rows] if len(rows) <= FEW else None
