"""Delivery status notifications: the per-recipient blocks of a report (RFC 3464, RFC 6533)."""

import re
from dataclasses import dataclass

from tools.mail import limits
from tools.mail.charset import one_line, text_of
from tools.mail.headers import Header, decode_words, read_header
from tools.mail.mime import Mail, Part

_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\d|\.\d)")
_MOST_PARTS = 10
_BLANK_LINES = re.compile(rb"\n(?:[ \t]*\r?\n)+")


@dataclass(frozen=True, slots=True)
class Block:
    """What the report says about one recipient; each field is '' where it has none or a malformed one.

    `action` is 'failed', 'delayed', 'delivered', 'relayed' or 'expanded', in lower case; `status` an enhanced code
    ('5.1.1'); `diagnostic` the remote's words; `original` the address as the sender gave it, where that is another.
    """

    action: str
    status: str
    diagnostic: str
    recipient: str
    original: str


def read_blocks(mail: Mail) -> tuple[Block, ...]:
    """The recipients of the first delivery-status part that names any, in its order; () for none. Never raises."""
    parts = [part for part in mail.parts if part.content_type in _STATUS_TYPES][:_MOST_PARTS]
    return next((blocks for part in parts if (blocks := _blocks(part))), ())


def _blocks(part: Part) -> tuple[Block, ...]:
    body, _ = part.decoded(limits.REPORT_BYTES)
    blocks = _BLANK_LINES.split(body, limits.REPORT_RECIPIENTS)[: limits.REPORT_RECIPIENTS]
    headers = (read_header(block, 0)[0] for block in blocks)
    return tuple(_block(header) for header in headers if header.first("final-recipient") or header.first("action"))


def _block(header: Header) -> Block:
    status = _STATUS.search(text_of(header.first("status")))
    action = text_of(header.first("action")).partition("(")[0].strip().lower()
    final, original = _address(header.first("final-recipient")), _address(header.first("original-recipient"))
    return Block(
        action=one_line(action)[: limits.NAME_CHARS],
        status=status.group() if status else "",
        diagnostic=_after_type(header.first("diagnostic-code"))[: limits.DIAGNOSTIC_CHARS],
        recipient=final or original,
        original=original if final and original != final else "",
    )


def _address(value: bytes) -> str:
    return _after_type(value).strip("<>")[: limits.ADDRESS_CHARS]


def _after_type(value: bytes) -> str:
    """A typed value ("rfc822; a@example.com") without its type, its folds made single spaces."""
    text = " ".join(decode_words(text_of(value)).split())
    kind, semicolon, rest = text.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() else text
