"""The text of an attached file: plain text, HTML, mail, PDF and office documents. To be run in a worker process.

A file that is a container of other files (ZIP, TAR, gzip) is not opened; what is signed within a file (.p7m) is read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from tools.mail.charset import charset_of_page, decode, storable
from tools.mail.cms import TYPES as SIGNED_TYPES
from tools.mail.cms import Malformed, read_content
from tools.mail.documents.archive import Archive, Unreadable
from tools.mail.documents.opendocument import read_open_document
from tools.mail.documents.pdf import read_pdf
from tools.mail.documents.reader import Full, Writer
from tools.mail.documents.sheets import read_workbook
from tools.mail.documents.slides import read_slides
from tools.mail.documents.word import read_word
from tools.mail.invisible import cleaned
from tools.mail.sniff import HEAD_BYTES, seen_type

if TYPE_CHECKING:
    from tools.mail.parse import Parsed

Kind = Literal["pdf", "office", "signed", "mail", "page", "text", "none"]

CHARS = 1_000_000
"""Characters of text at most."""
_TEXT_BYTES = 4 * CHARS

_BLANK_LINES = re.compile(r"\n{3,}")
_TEXT_TYPES = ("text/", "application/json", "application/xml", "application/x-yaml", "message/")
_TEXT_NAMES = frozenset({"txt", "text", "csv", "tsv", "md", "json", "xml", "yaml", "yml", "log", "ics", "vcf", "ini"})
_SIGNED = "p7m"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_TEXT_SEEN = frozenset({"application/xml", "text/x-script", "image/svg+xml"})
_PAGES = frozenset({"html", "htm", "xhtml"})
_OFFICE: dict[str, Callable[[Archive, Writer], None]] = {
    "word/document.xml": read_word,
    "xl/workbook.xml": read_workbook,
    "ppt/presentation.xml": read_slides,
    "content.xml": read_open_document,
}
"""The member that tells the kind of an office document, and how it is read."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a file, and why there is not all of it.

    `reason` is '' when nothing is missing but what `truncated` says; else: unsupported, encrypted, malformed,
    too_much (it unfolds to more than is read), no_text (such as a page that is a picture), hidden_left_out (it has text
    that it does not show), needs_documents_extra, timed_out. `unseen` is the beginning of what was left out, which is
    not for showing.
    """

    text: str
    truncated: bool = False
    reason: str = ""
    unseen: str = ""


def kind_of(content: bytes, content_type: str, name: str) -> Kind:
    """How a file is read. Its bytes count before its declared type and its name. Cheap, and opens nothing."""
    seen = seen_type(content[:HEAD_BYTES])
    extension = PurePosixPath(name.lower()).suffix.lstrip(".")
    if seen == "application/pdf":
        return "pdf"
    if seen == "application/zip":
        return "office"
    if extension == _SIGNED or content_type in SIGNED_TYPES:
        return "signed"
    if b"\0" in content[:HEAD_BYTES] and not content.startswith(_UTF16):
        return "none"
    if content_type == "message/rfc822" or extension == "eml":
        return "mail"
    if seen == "text/html" or content_type == "text/html" or extension in _PAGES:
        return "page"
    is_text = content_type.startswith(_TEXT_TYPES) or extension in _TEXT_NAMES or seen in _TEXT_SEEN
    return "text" if is_text else "none"


def text_of(content: bytes, content_type: str, name: str) -> Extracted:
    """What the file says. Raises nothing but MemoryError."""
    writer = Writer(CHARS)
    reason, full = "", False
    try:
        kind = kind_of(content, content_type, name)
        content, kind = _within(content, name) if kind == "signed" else (content, kind)
        _READERS[kind](content, writer)
    except Full:
        full = True
    except Unreadable as error:
        reason = error.reason
    shown, taken_out = cleaned(storable(writer.text()))
    for _, spelled in taken_out.values():
        writer.hide(spelled)
    text = _BLANK_LINES.sub("\n\n", shown).strip()
    if not reason:
        reason = "hidden_left_out" if writer.hidden else "" if text else "no_text"
    return Extracted(text, full, reason, storable(writer.unseen()).strip())


def _within(content: bytes, name: str) -> tuple[bytes, Kind]:
    """What a signed file holds, as an invoice, and how that is read. Raises Unreadable."""
    try:
        found = read_content(content)
    except Malformed as error:
        raise Unreadable("malformed") from error
    if found.signed is None:
        raise Unreadable("encrypted" if found.kind == "encrypted" else "no_text")
    kind = kind_of(found.signed, "", name.lower().removesuffix(f".{_SIGNED}"))
    # one signature is around a file; what has more is for programs that verify them
    return found.signed, "none" if kind == "signed" else kind


def _read_office(content: bytes, writer: Writer) -> None:
    archive = Archive(content)
    for member, read in _OFFICE.items():
        if member in archive.names:
            return read(archive, writer)
    raise Unreadable("unsupported")


def _read_mail(content: bytes, writer: Writer) -> None:
    # where it is needed: a worker that reads a document would spend most of its time on this import
    from tools.mail.parse import parse

    parsed = parse(content, split=False)
    head = [("Subject", parsed.subject), ("From", str(parsed.sender or "")), ("To", ", ".join(map(str, parsed.to)))]
    _hide(parsed, writer)
    writer.write("\n".join([f"{field}: {value}" for field, value in head if value]) + f"\n\n{parsed.text}")


def _read_page(content: bytes, writer: Writer) -> None:
    """As the mail which is this page: hidden text is left out by the same rules."""
    from tools.mail.parse import parse

    page = _decoded(content, charset_of_page(content[:_TEXT_BYTES])).encode("utf-8", "replace")
    parsed = parse(b"Content-Type: text/html; charset=utf-8\n\n" + page, split=False)
    _hide(parsed, writer)
    writer.write(parsed.text)
    _end(content)


def _hide(parsed: "Parsed", writer: Writer) -> None:
    """What no person would see of a mail, but for what ordinary ones have too."""
    for piece in parsed.hidden:
        if piece.suspicious:
            writer.hide(f"{piece.text}\n")


def _read_text(content: bytes, writer: Writer) -> None:
    writer.write(_decoded(content))
    _end(content)


def _read_nothing(content: bytes, writer: Writer) -> None:
    # an office document behind a password is one stream in an older container (MS-OFFCRYPTO section 2.3)
    raise Unreadable("encrypted" if "EncryptedPackage".encode("utf-16-le") in content else "unsupported")


def _decoded(content: bytes, charset: str = "") -> str:
    return decode(content[:_TEXT_BYTES], "utf-16" if content.startswith(_UTF16) else charset)[0]


def _end(content: bytes) -> None:
    """Say that there was more, where there was."""
    if len(content) > _TEXT_BYTES:
        raise Full


_READERS: dict[Kind, Callable[[bytes, Writer], None]] = {
    "pdf": read_pdf,
    "office": _read_office,
    "mail": _read_mail,
    "page": _read_page,
    "text": _read_text,
    "none": _read_nothing,
}
