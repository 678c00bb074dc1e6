"""The closed list of what is added to a mail after its digest was checked, in one place; the signatures come next.

For now: `Date`, and for bulk mail `List-Unsubscribe` with `List-Unsubscribe-Post`.
"""

from datetime import UTC, datetime
from email.utils import format_datetime


def stamp(raw: bytes, at: int, unsubscribe_url: str | None = None) -> bytes:
    """Add what is missing. `at` is when the mail was allowed, in microseconds since the epoch."""
    header = b"\r\n" + raw.partition(b"\r\n\r\n")[0].lower()
    added = b""
    if b"\r\ndate:" not in header:
        date = format_datetime(datetime.fromtimestamp(at // 1_000_000, UTC))
        added += b"Date: " + date.encode() + b"\r\n"
    if unsubscribe_url is not None and b"\r\nlist-unsubscribe:" not in header:
        added += _unsubscribing(unsubscribe_url)
    return added + raw


def _unsubscribing(url: str) -> bytes:
    """The pair of RFC 8058 section 3.1, which asks for an HTTPS URI; else the one field of RFC 2369 section 3.2."""
    fields = f"List-Unsubscribe: <{url}>\r\n"
    if url.startswith("https://"):
        fields += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return fields.encode()
