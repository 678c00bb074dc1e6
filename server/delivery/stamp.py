"""The closed list of what is added to a mail after its digest was checked, in one place; the signatures come next.

`Date`, for bulk mail `List-Unsubscribe` with `List-Unsubscribe-Post`, and for agents' mail `Feedback-ID` and the
identity claim; to mail that is passed on, `Received` and `Delivered-To` alone.
"""

from datetime import UTC, datetime
from email.utils import format_datetime

from server.delivery.site_key import SiteKey
from tools.mail.identity import Claim, make
from tools.outgoing import Outgoing

SENDER_ID = "gatepost"
"""The last part of a Feedback-ID, which Gmail wants to be the same on all mail of one sending system."""


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


def stamp_mail(outgoing: Outgoing, key: SiteKey, issuer: str) -> bytes:
    """An agent's mail with all that is added; the claim comes last, as it binds the rest. `issuer`: the site's URL."""
    if outgoing.handed_on:
        return _trace(outgoing) + outgoing.raw
    # account and mailbox by their ids, no personal data: what a feedback loop counts by; and what names the delivery
    # where a complaint has the envelope sender redacted
    identifiers = f"{outgoing.mailbox_id}:{outgoing.account_id}:{outgoing.feedback_token}"
    feedback = f"Feedback-ID: {identifiers}:{SENDER_ID}\r\n"
    raw = feedback.encode() + stamp(outgoing.raw, outgoing.allowed_at, outgoing.unsubscribe_url)
    claim = Claim(
        key=key.id,
        issuer=issuer,
        at=outgoing.allowed_at // 1_000_000,
        message_id=outgoing.message_id,
        sender=outgoing.author,
        mode=outgoing.mode,
        verdict="allow",
        approval=outgoing.approval_id or "none",
    )
    return make(raw, claim, key.sign) + raw


def _unsubscribing(url: str) -> bytes:
    """The pair of RFC 8058 section 3.1, which asks for an HTTPS URI; else the one field of RFC 2369 section 3.2."""
    fields = f"List-Unsubscribe: <{url}>\r\n"
    if url.startswith("https://"):
        fields += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return fields.encode()


def _trace(outgoing: Outgoing) -> bytes:
    """Who had the mail before (RFC 5321 section 4.4); a circle ends where a mailbox finds itself in Delivered-To."""
    date = format_datetime(datetime.fromtimestamp(outgoing.allowed_at // 1_000_000, UTC))
    return f"Received: by {outgoing.domain} (Gatepost); {date}\r\nDelivered-To: {outgoing.author}\r\n".encode()
