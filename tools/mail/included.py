"""The mail that a report carries: its header, to know which of ours it speaks of."""

import re

from tools.mail import limits
from tools.mail.charset import text_of
from tools.mail.headers import Header, read_header
from tools.mail.mime import Mail

_TYPES = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
_ID = re.compile(rf"<([^<>\s]{{1,{limits.MESSAGE_ID_BYTES}}})>")


def included_header(mail: Mail) -> Header:
    """The header of the mail, or of the header part, that is included; no fields where there is none."""
    part = next((part for part in mail.parts if part.content_type in _TYPES), None)
    if part is None:
        return Header(())
    body, _ = part.decoded(limits.HEADER_BYTES)
    return read_header(body.lstrip(b"\r\n"), 0)[0]


def id_in(text: str) -> str:
    """The message id in a field's value, without its angle brackets; '' for none."""
    found = _ID.search(text)
    return found.group(1) if found else ""


def message_id_of(header: Header) -> str:
    """The Message-ID of a header; '' for none."""
    return id_in(text_of(header.first("message-id")))
