"""The closed list of what is added to a mail after its digest was checked, in one place; the signatures come next.

For now: `Date`.
"""

from datetime import UTC, datetime
from email.utils import format_datetime


def stamp(raw: bytes, at: int) -> bytes:
    """Add what is missing. `at` is when the mail was allowed, in microseconds since the epoch."""
    header = raw.partition(b"\r\n\r\n")[0]
    if b"\r\ndate:" in b"\r\n" + header.lower():
        return raw
    date = format_datetime(datetime.fromtimestamp(at // 1_000_000, UTC))
    return b"Date: " + date.encode() + b"\r\n" + raw
