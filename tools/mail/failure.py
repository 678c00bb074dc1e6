"""Notifications of our own that a mail could not be delivered: RFC 3464, in the report of RFC 6522."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

_LINE = 998
"""RFC 5322 section 2.1.1."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient, and why the mail will not arrive there."""

    recipient: str
    status: str
    """Enhanced code (RFC 3463); empty where nobody gave one."""
    code: int
    """Of the last reply; 0 when no server replied."""
    words: str
    """What the other server said, or why it was not asked."""
    host: str
    """Which server; empty where none was reached."""
    at: int
    """When that was known, in microseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Original:
    """The mail that failed."""

    message_id: str
    """Without brackets."""
    submitted_at: int
    header: bytes
    """Its fields, each with its CRLF."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the notification has of its own: who writes to whom, and on which machine."""

    sender: str
    recipient: str
    message_id: str
    """Its own Message-ID, without brackets; also what its parts are told apart by, so nobody may guess it."""
    reporter: str
    """The host name of the server that gave up."""


def notification(frame: Frame, original: Original, failures: Sequence[Failure]) -> bytes:
    """The notification as RFC 5322 bytes without Date."""
    kind = "delivery-status" if all(each.recipient.isascii() for each in failures) else "global-delivery-status"
    boundary = f"=_{frame.message_id}"
    head = (
        f"From: Gatepost <{frame.sender}>\r\nTo: <{frame.recipient}>\r\n"
        f"Subject: Undeliverable mail\r\nMessage-ID: <{frame.message_id}>\r\n"
        f"In-Reply-To: <{original.message_id}>\r\nReferences: <{original.message_id}>\r\n"
        # RFC 3834 section 5: no machine shall answer it
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"\r\n\r\n'
    )
    parts = (
        _part("text/plain; charset=utf-8", _for_people(frame, original, failures).encode()),
        # RFC 6533 section 3: what is not ASCII needs the international form
        _part(f"message/{kind}", _for_machines(frame, original, failures).encode()),
        _part("text/rfc822-headers" if original.header.isascii() else "message/global-headers", original.header),
    )
    opening = f"--{boundary}\r\n".encode()
    return head.encode() + b"".join(opening + part for part in parts) + f"--{boundary}--\r\n".encode()


def _for_people(frame: Frame, original: Original, failures: Sequence[Failure]) -> str:
    told = "".join(
        f"<{each.recipient}>\r\n    {f'{each.host} said: ' if each.host else ''}{_diagnosis(each)}\r\n\r\n"
        for each in failures
    )
    return (
        f"This is the mail server {frame.reporter}.\r\n\r\n"
        f"A mail was not delivered to those below, and will not be tried again.\r\n\r\n{told}"
        f"It was handed in at {_date(original.submitted_at)} as <{original.message_id}>.\r\n"
    )


def _for_machines(frame: Frame, original: Original, failures: Sequence[Failure]) -> str:
    lines = [f"Reporting-MTA: dns; {frame.reporter}", f"Arrival-Date: {_date(original.submitted_at)}"]
    for each in failures:
        lines += ["", f"Final-Recipient: {'rfc822' if each.recipient.isascii() else 'utf-8'}; {each.recipient}"]
        lines += ["Action: failed", f"Status: {each.status or ('4.0.0' if 400 <= each.code < 500 else '5.0.0')}"]
        if each.host:
            lines.append(f"Remote-MTA: dns; {each.host}")
        # RFC 3464 section 2.3.6: the type says whose words these are
        spoken = _diagnosis(each).encode("ascii", "replace").decode()
        lines.append(f"Diagnostic-Code: {'smtp' if each.code else 'x-gatepost'}; {spoken}")
        lines.append(f"Last-Attempt-Date: {_date(each.at)}")
    return "".join(f"{line}\r\n" for line in lines)


def _diagnosis(failure: Failure) -> str:
    """The reply as it was: code, enhanced code and words on one line."""
    words = " ".join("".join(char if char.isprintable() else " " for char in failure.words).split())
    if not failure.code or words.startswith(str(failure.code)):
        return words
    return " ".join(filter(None, (str(failure.code), failure.status, words)))


def _part(content_type: str, content: bytes) -> bytes:
    plain = content.isascii() and all(len(line) <= _LINE for line in content.split(b"\r\n"))
    head = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {'7bit' if plain else 'base64'}\r\n\r\n"
    body = content if plain else base64.encodebytes(content).replace(b"\n", b"\r\n")
    return head.encode() + body + b"\r\n"


def _date(at: int) -> str:
    return format_datetime(datetime.fromtimestamp(at // 1_000_000, UTC))
