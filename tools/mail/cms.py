"""Signed and encrypted content as S/MIME carries it (RFC 5652): which it is, and what was signed. Verifies nothing.

Read as BER (X.690), of which DER is a part: programs that write while they sign leave lengths open, and octet strings
in pieces.
"""

from dataclasses import dataclass
from typing import Literal

from tools.mail import limits

TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
"""What a part, or a file, of this kind is said to be (RFC 8551 section 3.2)."""

Kind = Literal["signed", "encrypted", ""]

_DATA = bytes.fromhex("2a864886f70d010701")
_SIGNED = bytes.fromhex("2a864886f70d010702")
_ENVELOPED = bytes.fromhex("2a864886f70d010703")
_ENCRYPTED = bytes.fromhex("2a864886f70d010706")
_AUTH_ENVELOPED = bytes.fromhex("2a864886f70d0109100117")  # RFC 5083

_END, _INTEGER, _OCTETS, _OID = 0x00, 0x02, 0x04, 0x06
_PIECES, _SEQUENCE, _SET, _EXPLICIT = 0x24, 0x30, 0x31, 0xA0
_CONSTRUCTED = 0x20
_OPEN_LENGTH = 0x80
_LONG_TAG = 0x1F


class Malformed(ValueError):
    """It is no content of this kind, or broken."""


@dataclass(frozen=True, slots=True)
class Content:
    """`kind` is '' for what is neither of the two. `signed` is None where what was signed is not inside: a signature by
    itself, or certificates alone (RFC 8551 section 3.8)."""

    kind: Kind
    signed: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Element:
    """Where the content of an element lies; `end` is None where only an element that says so ends it."""

    tag: int
    start: int
    end: int | None


def read_content(data: bytes) -> Content:
    """What the ContentInfo holds. Raises Malformed; linear in the number of elements, which is bounded."""
    reader = _Reader(data)
    info = reader.element(0, _SEQUENCE)
    kind, at = reader.primitive(info.start, _OID)
    if kind in (_ENVELOPED, _ENCRYPTED, _AUTH_ENVELOPED):
        return Content("encrypted")
    if kind != _SIGNED:
        return Content("")
    signed_data = reader.element(reader.element(at, _EXPLICIT).start, _SEQUENCE)
    _, at = reader.primitive(signed_data.start, _INTEGER)
    encapsulated = reader.element(reader.after(reader.element(at, _SET)), _SEQUENCE)
    kind, at = reader.primitive(encapsulated.start, _OID)
    if kind != _DATA or reader.ends(encapsulated, at):
        return Content("signed")
    return Content("signed", reader.octets(reader.element(at, _EXPLICIT).start))


class _Reader:
    """Elements of one encoding, of which a bounded number is looked at."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = limits.CMS_ELEMENTS

    def element(self, at: int, tag: int | None = None) -> _Element:
        """The element at a place, of a tag if one is asked for. Raises Malformed."""
        self.left -= 1
        head = self.data[at : at + 2]
        if self.left < 0 or len(head) < 2 or head[0] & _LONG_TAG == _LONG_TAG or tag not in (None, head[0]):
            raise Malformed
        start, length = at + 2, head[1]
        if length == _OPEN_LENGTH:
            if not head[0] & _CONSTRUCTED:
                raise Malformed
            return _Element(head[0], start, None)
        if length > _OPEN_LENGTH:
            size = length - _OPEN_LENGTH
            length, start = int.from_bytes(self.data[start : start + size]), start + size
        if start + length > len(self.data):
            raise Malformed
        return _Element(head[0], start, start + length)

    def primitive(self, at: int, tag: int) -> tuple[bytes, int]:
        """The content of the element at a place, and where it ends. Raises Malformed."""
        found = self.element(at, tag)
        end = self.after(found)
        return self.data[found.start : end], end

    def after(self, element: _Element) -> int:
        """Where what follows the element begins. Raises Malformed."""
        if element.end is not None:
            return element.end
        at, opened = element.start, 1
        while opened:
            inner = self.element(at)
            opened += (inner.end is None) - (inner.tag == _END)
            at = inner.start if inner.end is None else inner.end
        return at

    def ends(self, element: _Element, at: int) -> bool:
        """Whether nothing more is in the element at a place."""
        return at == element.end or (element.end is None and self.element(at).tag == _END)

    def octets(self, at: int) -> bytes:
        """The octet string at a place, in one piece or in pieces of pieces (X.690 section 8.7). Raises Malformed."""
        pieces: list[bytes] = []
        ends: list[int | None] = []
        while True:
            if ends and at == ends[-1]:
                ends.pop()
            else:
                found = self.element(at)
                at = found.start if found.tag == _PIECES else self.after(found)
                if found.tag == _PIECES and len(ends) < limits.CMS_DEPTH:
                    ends.append(found.end)
                elif found.tag == _END and ends and ends[-1] is None:
                    ends.pop()
                elif found.tag == _OCTETS:
                    pieces.append(self.data[found.start : at])
                else:
                    raise Malformed
            if not ends:
                return b"".join(pieces)
