"""Header blocks: fields, encoded words (RFC 2047) and parameters (RFC 2045, 2231), read tolerantly in linear time."""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tools.mail import limits
from tools.mail.charset import decode, one_line, text_of

# A field name is printable ASCII without the colon (RFC 5322 section 2.2). The hyphen cannot come first: such a line is
# a multipart delimiter in a part whose blank line is missing.
_FIELD = re.compile(rb"([!-,./-9;-~][!-9;-~]{0,199})[ \t]*:")
# A question mark stands in some that should have encoded it; so few of them, that an endless word is not read again.
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*(?:\?(?!=)[^?]*){0,8})\?=")
_LINE_END = re.compile(rb"\n")
_FIELD_END = re.compile(rb"\n(?![ \t])")
_BLOCK_END = re.compile(rb"\n(?=\r?\n|--)")
_BLANK_LINE = re.compile(rb"\r?\n")

_PADDING = re.compile(rb"=[=\s]*")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE64_OR_BLANK = _BASE64 + b" \t\r\n"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of one header block in order, names in lower case, values unfolded but not decoded."""

    fields: tuple[tuple[str, bytes], ...]
    defects: tuple[str, ...] = ()

    def all(self, name: str) -> list[bytes]:
        """Every value of the field, in order."""
        return [value for field, value in self.fields if field == name]

    def first(self, name: str) -> bytes:
        """The first value of the field; empty when there is none."""
        return next((value for field, value in self.fields if field == name), b"")


def read_header(raw: bytes, start: int, most_fields: int = limits.HEADER_FIELDS) -> tuple[Header, int]:
    """The header block at `start` and the offset where its body begins.

    A line that is neither field nor continuation ends the block, as the body begins there for most readers.
    """
    fields: list[tuple[str, bytes]] = []
    defects: dict[str, None] = {}
    position = start
    if has_mbox_line(raw, start):
        position = _search_end(_LINE_END, raw, start)
    while field := _FIELD.match(raw, position):
        if position - start > limits.HEADER_BYTES or len(fields) >= most_fields:
            defects["header_too_long" if len(fields) < most_fields else "too_many_fields"] = None
            position = _search_end(_BLOCK_END, raw, position)
            break
        end = _search_end(_FIELD_END, raw, position)
        value = raw[field.end() : min(end, field.end() + limits.FIELD_BYTES)]
        if end - field.end() > limits.FIELD_BYTES:
            defects["header_too_long"] = None
        # every line end within a field is of a fold
        unfolded = value.replace(b"\r\n", b"").replace(b"\n", b"").strip()
        fields.append((field.group(1).decode("ascii").lower(), unfolded))
        position = end
    blank = _BLANK_LINE.match(raw, position)
    if blank is None and position < len(raw) and not raw.startswith(b"--", position):
        defects["malformed_header"] = None
    return Header(tuple(fields), tuple(defects)), blank.end() if blank else position


def has_mbox_line(raw: bytes, start: int = 0) -> bool:
    """Whether the line above the header is one that an exporter of mailboxes left there.

    `From : ada@example.com` is none, but the field in the older form (RFC 5322 section 4.5.2).
    """
    return raw.startswith((b"From ", b">From "), start) and _FIELD.match(raw, start) is None


def decode_words(text: str) -> str:
    """A header text with its encoded words read (RFC 2047), on one line.

    Neighbouring words of one charset are joined before decoding, as senders cut inside characters.
    """
    if "=?" not in text:
        return one_line(text)
    pieces: list[str] = []
    waiting, charset, position = b"", "", 0
    for word in _ENCODED_WORD.finditer(text):
        between = text[position : word.start()]
        name = word.group(1).partition("*")[0].lower()  # RFC 2231 section 5: charset*language
        if between.strip() or name != charset:
            pieces.append(decode(waiting, charset)[0])
            waiting = b""
            # RFC 2047 section 6.2: white space between two encoded words is not shown.
            pieces.append(between if between.strip() or position == 0 else "")
        waiting += _word_bytes(word.group(2), word.group(3))
        charset, position = name, word.end()
    pieces.append(decode(waiting, charset)[0])
    pieces.append(text[position:])
    return one_line("".join(pieces))


def parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """The lower-cased main value of a Content-* field, and its parameters with continuations joined (RFC 2231)."""
    text = value.decode("latin-1")
    pieces = list(_split_parameters(text)) if '"' in text or "\\" in text else text.split(";")
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for piece in pieces[1 : limits.PARAMETERS + 1]:
        key, equals, content = piece.partition("=")
        if not equals:
            continue
        name, *rest = key.strip().lower().split("*")
        if rest:
            number = int(rest[0]) if rest[0].isascii() and rest[0].isdigit() and len(rest[0]) < 5 else 0
            sections.setdefault(name, {}).setdefault(number, (_unquote(content), rest[-1] == ""))
        else:
            plain.setdefault(name, _unquote(content))
    # RFC 2231 values win over the plain fallback that stands beside them for old readers.
    decoded = {name: decode_words(text_of(content.encode("latin-1"))) for name, content in plain.items()}
    decoded.update((name, one_line(_join_sections(found))) for name, found in sections.items())
    return pieces[0].partition("(")[0].strip().lower(), decoded


def _search_end(pattern: re.Pattern[bytes], raw: bytes, position: int) -> int:
    found = pattern.search(raw, position)
    return found.end() if found else len(raw)


def _word_bytes(encoding: str, content: str) -> bytes:
    data = content.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(data, header=True)
    return from_base64(data)[0]


def from_base64(data: bytes) -> tuple[bytes, bool]:
    """The bytes of base64 text however it is wrapped, and whether it was sound. Foreign characters are skipped.

    Behind padding another piece may begin, where a program joined two; what is no base64 there, as the footer of a
    list, is left out.
    """
    padding = data.find(b"=")
    if padding < 0 or not data[padding:].strip(b"= \t\r\n"):
        return _piece_of_base64(data)
    pieces, sound = [], True
    for place, piece in enumerate(_PADDING.split(data, limits.BASE64_PIECES)):
        if place and piece.translate(None, _BASE64_OR_BLANK):
            sound = False
            break
        decoded, whole = _piece_of_base64(piece)
        pieces.append(decoded)
        sound = sound and whole
    return b"".join(pieces), sound


def _piece_of_base64(data: bytes) -> tuple[bytes, bool]:
    letters = data.translate(None, _NOT_BASE64)
    sound = len(letters) % 4 != 1
    letters = letters[:-1] if not sound else letters
    # by name, so that those without padding are not kept beside those with it: a part may be as large as a mail
    letters += b"=" * (-len(letters) % 4)
    return binascii.a2b_base64(letters), sound


def _split_parameters(text: str) -> Iterator[str]:
    """The pieces between semicolons that stand outside quoted strings."""
    start, quoted = 0, False
    for mark in re.finditer(r'\\.|"|;', text, re.DOTALL):
        if mark.group() == '"':
            quoted = not quoted
        elif mark.group() == ";" and not quoted:
            yield text[start : mark.start()]
            start = mark.end()
    yield text[start:]


def _unquote(content: str) -> str:
    content = content.strip()
    if not content.startswith('"'):
        return content
    closing = re.match(r'"((?:[^"\\]|\\.)*)', content, re.DOTALL)
    inner = closing.group(1) if closing else content[1:]
    # Old Windows mailers leave the backslashes of a path as they are; only \" and \\ are escapes for certain.
    return re.sub(r'\\(["\\])', r"\1", inner)


def _join_sections(sections: dict[int, tuple[str, bool]]) -> str:
    """RFC 2231 sections 3 and 4: numbered pieces, each perhaps percent-encoded, the first naming the charset."""
    data, charset = b"", ""
    for place, (_, (content, encoded)) in enumerate(sorted(sections.items())):
        if encoded and place == 0 and content.count("'") >= 2:
            charset, _, content = content.split("'", 2)
        piece = content.encode("latin-1")
        data += _percent_decoded(piece) if encoded else piece
    return decode(data, charset)[0]


def _percent_decoded(data: bytes) -> bytes:
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found.group(1), 16)]), data)
