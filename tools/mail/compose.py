"""A draft to the bytes of its mail (RFC 5322, MIME), written directly: the email package takes fifty times as long.

There is no Date in the bytes, because the delivery core adds it, and no Bcc, because the envelope alone knows it.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tools.mail.address import ADDRESS_LIMIT, CONTROLS, ENCODED_WORD, Address
from tools.mail.encode import LINE, ascii_file_name, file_name_tokens, fold, list_tokens, text_tokens
from tools.mail.markdown import Bodies, MarkdownError, render
from tools.mail.references import is_forward

VALUE_LIMIT = 998  # characters of a subject or of an extra header's value
FILE_NAME_LIMIT = 255  # octets of UTF-8, what file systems take

_LONGEST_TOKEN = 900  # below the 998 octets of a line (RFC 5322 section 2.1.1)
# It begins with a header field, without which nothing is a message, and needs no encoding (RFC 2046 section 5.2.1).
_SEVEN_BIT_MAIL = re.compile(rb"(?=[!-9;-~]+:)(?:[\x01-\x09\x0b\x0c\x0e-\x7f]{0,998}\r\n)+")
_UNKNOWN_TYPE = "application/octet-stream"
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,980}")  # fits a line behind "In-Reply-To: "
_EMAIL = re.compile(r'[^ <>()\[\],;:"\\@]+@[a-z0-9.-]+')
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,40}")
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_OWN_HEADERS = frozenset(
    {"from", "sender", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references", "mime-version"}
    | {"content-type", "content-transfer-encoding", "content-disposition", "content-id"}
)
_REPLY_PREFIX = re.compile(
    r"(?:(?:re|aw|antw|antwort|sv|vs|odp|ynt|res|rif|回复|答复|回覆|返信)(?:\[\d{1,3}\]|\(\d{1,3}\))? ?[:：] ?)+",
    re.IGNORECASE,
)


class ComposeError(ValueError):
    """What in a draft cannot become a mail, as one sentence for people."""


class AttachmentError(ComposeError):
    """The same of an attached file."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file. `content_type` is type/subtype without parameters; empty means application/octet-stream."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """One mail before it is written. Message ids carry no angle brackets; `references` runs oldest first."""

    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    markdown: str
    attachments: tuple[Attachment, ...]
    message_id: str
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """The RFC 5322 bytes with CRLF line ends, and the two bodies in them as text."""

    raw: bytes
    text: str
    html: str


def compose(draft: Draft) -> Rendered:
    """Writes the mail; raises ComposeError for anything that would not read back as it was given."""
    _check(draft)
    try:
        bodies = render(draft.markdown)
    except MarkdownError as error:
        raise ComposeError(str(error)) from error
    # No other line of a mail can begin like this: = is always =3D in quoted-printable, base64 has no underscore, and
    # an attached mail is older than this message id.
    boundary = "=_" + hashlib.sha256(draft.message_id.encode()).hexdigest()[:32]
    part = _alternative(f"{boundary}a", bodies)
    if draft.attachments:
        part = _multipart("mixed", f"{boundary}m", [part, *map(_attached, draft.attachments)])
    return Rendered(_head(draft).encode() + part, bodies.text, bodies.html)


def reply_subject(subject: str) -> str:
    """'Re: ' and the subject without the reply prefixes it has; what a header cannot hold becomes a space."""
    words = " ".join(CONTROLS.sub(" ", subject).split())
    prefix = _REPLY_PREFIX.match(words)
    bare = words[prefix.end() :] if prefix else words
    return f"Re: {bare}"[:VALUE_LIMIT].strip()


def forward_subject(subject: str) -> str:
    """'Fwd: ' and the subject; what a header cannot hold becomes a space."""
    words = " ".join(CONTROLS.sub(" ", subject).split())
    return words[:VALUE_LIMIT] if is_forward(words) else f"Fwd: {words}"[:VALUE_LIMIT].strip()


def valid_message_id(text: str) -> bool:
    """Whether the text, without its angle brackets, can stand in Message-ID, In-Reply-To and References."""
    return _MESSAGE_ID.fullmatch(text) is not None


def _check(draft: Draft) -> None:
    for address in (draft.sender, *draft.to, *draft.cc, *draft.bcc):
        _check_address(address)
    _check_text("The subject", draft.subject)
    for identifier in (draft.message_id, draft.in_reply_to, *draft.references):
        if identifier is not None and not valid_message_id(identifier):
            raise ComposeError(f"{identifier!r} is not a message id.")
    for name, value in draft.headers:
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise ComposeError(f"{name!r} cannot be an extra header.")
        _check_text(f"The header {name}", value)
    for attachment in draft.attachments:
        _check_attachment(attachment)


def _check_address(address: Address) -> None:
    email = address.email
    unsafe = CONTROLS.search(email) or ENCODED_WORD.search(email)
    if unsafe or not _EMAIL.fullmatch(email) or len(email.encode()) > ADDRESS_LIMIT:
        raise ComposeError(f"{email!r} is not an address.")
    _check_text("A display name", address.name)


def _check_text(what: str, text: str) -> None:
    if CONTROLS.search(text):
        raise ComposeError(f"{what} cannot hold control characters or line breaks.")
    if len(text) > VALUE_LIMIT:
        raise ComposeError(f"{what} can have at most {VALUE_LIMIT} characters.")


def _check_attachment(attachment: Attachment) -> None:
    name = attachment.name
    if not name.strip() or CONTROLS.search(name) or "/" in name or "\\" in name or len(name.encode()) > FILE_NAME_LIMIT:
        raise AttachmentError(f"{name!r} is not a file name of 1 to {FILE_NAME_LIMIT} octets without slashes.")
    if attachment.content_type and not _CONTENT_TYPE.fullmatch(attachment.content_type):
        raise AttachmentError(f"{attachment.content_type!r} is not a content type such as application/pdf.")


def _head(draft: Draft) -> str:
    """The header fields of the message up to MIME-Version; those of its body follow with the part."""
    fields = [_mailboxes("From", [draft.sender])]
    if draft.to or not draft.cc:
        # RFC 5322 section 3.6.3 allows no To at all, but filters count that against a mail.
        fields.append(_mailboxes("To", draft.to) if draft.to else fold("To", ["undisclosed-recipients:;"]))
    if draft.cc:
        fields.append(_mailboxes("Cc", draft.cc))
    fields.append(_text("Subject", draft.subject, _room("Subject")))
    fields.append(_identifiers("Message-ID", [draft.message_id]))
    if draft.in_reply_to is not None:
        fields.append(_identifiers("In-Reply-To", [draft.in_reply_to]))
    if draft.references:
        fields.append(_identifiers("References", draft.references))
    # Other values may be structured, so that a long word such as a URL stays as it is.
    fields += [_text(name, value, _LONGEST_TOKEN) for name, value in draft.headers]
    return "".join(fields) + "MIME-Version: 1.0\r\n"


def _room(name: str) -> int:
    return LINE - len(f"{name}: ")


def _text(name: str, value: str, longest: int) -> str:
    return fold(name, text_tokens(value, _room(name), longest))


def _mailboxes(name: str, addresses: Sequence[Address]) -> str:
    return fold(name, list_tokens(addresses, _room(name)))


def _identifiers(name: str, identifiers: Sequence[str]) -> str:
    first, *others = [f"<{identifier}>" for identifier in identifiers]
    return fold(name, [first, *(f" {other}" for other in others)])


def _alternative(boundary: str, bodies: Bodies) -> bytes:
    # RFC 2046 section 5.1.4: the plainest first.
    return _multipart("alternative", boundary, [_body("plain", bodies.text), _body("html", bodies.html)])


def _multipart(kind: str, boundary: str, parts: Sequence[bytes]) -> bytes:
    """A multipart with its own header fields; every part begins with its own and ends with a line end."""
    head = fold("Content-Type", [f"multipart/{kind};", f' boundary="{boundary}"'])
    delimiter = f"--{boundary}".encode()
    return (
        head.encode()
        + b"\r\n"
        + b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts)
        + delimiter
        + b"--\r\n"
    )


def _body(kind: str, text: str) -> bytes:
    """A text part: 7bit when the text can stand as it is, else quoted-printable."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    octets = "\r\n".join(lines).encode()
    plain = "=_" not in text and all(line.isascii() and line.isprintable() for line in lines)
    if plain and all(len(line) <= LINE and not line.endswith(" ") for line in lines):
        charset, encoding = "us-ascii", "7bit"
    else:
        charset, encoding = "utf-8", "quoted-printable"
        octets = binascii.b2a_qp(octets)
    head = f"Content-Type: text/{kind}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + octets


def _attached(attachment: Attachment) -> bytes:
    content_type = attachment.content_type.lower() or _UNKNOWN_TYPE
    if content_type == "message/rfc822" and _SEVEN_BIT_MAIL.fullmatch(attachment.content):
        return _whole_mail(attachment)
    # These two may not be sent as base64 (RFC 2045 section 6.4, RFC 2046 section 5.2.1).
    if content_type.startswith(("multipart/", "message/")):
        content_type = _UNKNOWN_TYPE
    head = (
        fold("Content-Type", [f"{content_type};", f' name="{ascii_file_name(attachment.name)}"'])
        + fold("Content-Disposition", ["attachment;", *file_name_tokens(attachment.name)])
        + "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(attachment.content).rstrip(b"\n").replace(b"\n", b"\r\n")


def _whole_mail(attachment: Attachment) -> bytes:
    """A mail as it is, which needs no encoding (RFC 2046 section 5.2.1)."""
    head = fold("Content-Type", ["message/rfc822;", f' name="{ascii_file_name(attachment.name)}"']) + fold(
        "Content-Disposition", ["attachment;", *file_name_tokens(attachment.name)]
    )
    return head.encode() + b"Content-Transfer-Encoding: 7bit\r\n\r\n" + attachment.content
