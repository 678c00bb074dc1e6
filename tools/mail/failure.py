"""Notifications of our own that a mail could not be delivered: RFC 3464, in the report of RFC 6522."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

_LINE = 998
"""RFC 5322 section 2.1.1."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient, and why the mail will not arrive there. Times are microseconds since the epoch."""

    recipient: str
    status: str
    """Enhanced code (RFC 3463); empty where nobody gave one."""
    code: int
    """Of the last reply; 0 when no server replied."""
    words: str
    """What the other server said, or why it was not asked."""
    host: str
    """Which server; empty where none was reached."""
    submitted_at: int
    failed_at: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What the notification has of its own: who writes to whom, and on which machine."""

    sender: str
    recipient: str
    message_id: str
    """Its own Message-ID, without brackets; also what its parts are told apart by, so nobody may guess it."""
    reporter: str
    """The host name of the server that gave up."""


def notification(frame: Frame, failure: Failure, original_id: str, header: bytes) -> bytes:
    """The notification as RFC 5322 bytes without Date; `header` is the failed mail's, `original_id` its Message-ID."""
    local = failure.recipient.isascii()
    boundary = f"=_{frame.message_id}"
    head = (
        f"From: Gatepost <{frame.sender}>\r\nTo: <{frame.recipient}>\r\n"
        f"Subject: Undeliverable mail\r\nMessage-ID: <{frame.message_id}>\r\n"
        f"In-Reply-To: <{original_id}>\r\nReferences: <{original_id}>\r\n"
        # RFC 3834 section 5: no machine shall answer it
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"\r\n\r\n'
    )
    parts = (
        _part("text/plain; charset=utf-8", _for_people(frame, failure, original_id).encode()),
        # RFC 6533 section 3: an address that is not ASCII needs the international form
        _part(f"message/{'' if local else 'global-'}delivery-status", _for_machines(frame, failure).encode()),
        _part("text/rfc822-headers" if header.isascii() else "message/global-headers", header),
    )
    opening = f"--{boundary}\r\n".encode()
    return head.encode() + b"".join(opening + part for part in parts) + f"--{boundary}--\r\n".encode()


def _for_people(frame: Frame, failure: Failure, original_id: str) -> str:
    said = f"{failure.host} said: " if failure.host else ""
    return (
        f"This is the mail server {frame.reporter}.\r\n\r\n"
        "A mail could not be delivered to the recipient below. It will not be tried again.\r\n\r\n"
        f"<{failure.recipient}>\r\n    {said}{_diagnosis(failure)}\r\n\r\n"
        f"It was handed in at {_date(failure.submitted_at)} as <{original_id}>.\r\n"
    )


def _for_machines(frame: Frame, failure: Failure) -> str:
    kind = "rfc822" if failure.recipient.isascii() else "utf-8"
    lines = [
        f"Reporting-MTA: dns; {frame.reporter}",
        f"Arrival-Date: {_date(failure.submitted_at)}",
        "",
        f"Final-Recipient: {kind}; {failure.recipient}",
        "Action: failed",
        f"Status: {failure.status or ('4.0.0' if 400 <= failure.code < 500 else '5.0.0')}",
    ]
    if failure.host:
        lines.append(f"Remote-MTA: dns; {failure.host}")
    # RFC 3464 section 2.3.6: the type says whose words these are
    spoken = _diagnosis(failure).encode("ascii", "replace").decode()
    lines.append(f"Diagnostic-Code: {'smtp' if failure.code else 'x-gatepost'}; {spoken}")
    lines.append(f"Last-Attempt-Date: {_date(failure.failed_at)}")
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
