"""Delivery reports: the per-recipient blocks of a multipart/report (RFC 3464, RFC 6533)."""

import re
from dataclasses import dataclass

from tools.mail import limits
from tools.mail.charset import one_line, text_of
from tools.mail.headers import Header, decode_words, read_header
from tools.mail.mime import read_mail, transfer_decoded, with_line_ends

_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_BLANK_LINES = re.compile(rb"\n(?:[ \t]*\r?\n)+")


@dataclass(frozen=True, slots=True)
class Report:
    """What one recipient's block says: action ('failed', 'delayed', …) in lower case, enhanced status code
    ('5.1.1'), the remote's words and the address, each '' where the block has none or a malformed one."""

    action: str
    status: str
    diagnostic: str
    recipient: str


def read_report(raw: bytes) -> tuple[Report, ...]:
    """The recipients a delivery report speaks of, in its order; () when the mail is no such report. Never raises."""
    raw = with_line_ends(raw)
    mail = read_mail(raw)
    if mail.content_type != "multipart/report":
        return ()
    part = next((part for part in mail.parts if part.content_type in _STATUS_TYPES), None)
    if part is None:
        return ()
    end = min(part.end, part.start + limits.REPORT_BYTES)
    body, _ = transfer_decoded(raw[part.start : end], part.header.first("content-transfer-encoding"))
    blocks = _BLANK_LINES.split(body, limits.REPORT_RECIPIENTS)[: limits.REPORT_RECIPIENTS]
    headers = (read_header(block, 0)[0] for block in blocks)
    return tuple(_report(header) for header in headers if header.first("final-recipient") or header.first("action"))


def _report(header: Header) -> Report:
    status = _STATUS.search(text_of(header.first("status")))
    action = text_of(header.first("action")).partition("(")[0].strip().lower()
    recipient = _after_type(header.first("final-recipient")) or _after_type(header.first("original-recipient"))
    return Report(
        action=one_line(action)[: limits.NAME_CHARS],
        status=status.group() if status else "",
        diagnostic=_after_type(header.first("diagnostic-code"))[: limits.DIAGNOSTIC_CHARS],
        recipient=recipient.strip("<>")[: limits.ADDRESS_CHARS],
    )


def _after_type(value: bytes) -> str:
    """A typed value ("rfc822; a@example.com") without its type, its folds made single spaces."""
    text = " ".join(decode_words(text_of(value)).split())
    kind, semicolon, rest = text.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() else text
