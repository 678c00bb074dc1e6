"""Lists that come in pages: what is asked for is one more than a page holds, which tells whether another follows."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import Field

from storage.records import Mailbox, MessageHead
from tools.errors import Refusal

Entry = TypeVar("Entry")

NextCursor = Annotated[str | None, Field(description="Pass it as cursor for the next page; null at the end.")]


def paged(found: list[Entry], limit: int, cursor: Callable[[Entry], str]) -> tuple[list[Entry], str | None]:
    """A page of what was found, and the cursor behind its last entry; None where no more was found."""
    page = found[:limit]
    return page, cursor(page[-1]) if len(found) > limit else None


def cursor_after(entry: MessageHead | Mailbox) -> str:
    """An opaque cursor: where the next page of a newest-first list begins."""
    return cursor_of(entry.created_at, entry.id)


def cursor_of(at: int, key: str) -> str:
    """The cursor behind an entry of that time and key."""
    return base64.urlsafe_b64encode(f"{at} {key}".encode()).decode().rstrip("=")


def position(cursor: str | None) -> tuple[int, str]:
    """Time and id that the next page lies before. Raises Refusal invalid_cursor."""
    if cursor is None:
        return 2**62, ""
    try:
        at, _, message_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        time = int(at)
    except (binascii.Error, ValueError) as error:
        raise Refusal("invalid_cursor") from error
    # what no column holds would be an error of the database
    if not 0 <= time <= 2**62 or "\0" in message_id:
        raise Refusal("invalid_cursor")
    return time, message_id
