"""The parts of a mail: one pass over its delimiter lines, bounded in number and depth, linear in size (RFC 2046)."""

import binascii
import re
from dataclasses import dataclass, field, replace

from tools.mail import limits
from tools.mail.headers import Header, from_base64, parameters, read_header

_DELIMITER = re.compile(rb"\n--([^\r\n]{1,%d})" % (limits.BOUNDARY_BYTES + 10))
_LINE_END = (b"", b"\r", b"\n")
MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80}")
_IDENTITY = {"", "7bit", "8bit", "binary", "7-bit", "8-bit"}


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree: its header, and where its still encoded body lies in `raw`.

    `alternative` numbers the outermost multipart/alternative it stands in; 0 when in none. `rendering` is whether it
    stands where only a body does: as the whole mail, or directly in a multipart/alternative. `index` names it
    among the mail's parts. `opened`: what was inside is among them too (tools/mail/containers.py).
    """

    header: Header
    content_type: str
    parameters: dict[str, str]
    raw: bytes = field(repr=False)
    start: int
    end: int
    alternative: int
    rendering: bool
    index: int = 0
    opened: bool = False

    def decoded(self, most: int | None = None) -> tuple[bytes, str]:
        """The body as its sender had it, of `most` encoded bytes if that is said, and a defect code or ''."""
        end = self.end if most is None else min(self.end, self.start + most)
        return transfer_decoded(self.raw[self.start : end], self.header.first("content-transfer-encoding"))


@dataclass(slots=True)
class _Open:
    """A multipart whose closing delimiter has not come yet."""

    boundary: bytes
    part: Part
    leaves_before: int
    alternative: int


@dataclass(frozen=True, slots=True)
class Mail:
    """The top header, the leaves in order, and stable codes for what was wrong or left out."""

    header: Header
    content_type: str
    parts: tuple[Part, ...]
    defects: tuple[str, ...]
    parameters: dict[str, str]


def read_mail(raw: bytes) -> Mail:
    """The parts of a mail. Never raises. message/* is a leaf: what a mail carries is not what it says."""
    walker = _Walker(raw)
    walker.walk()
    return Mail(
        walker.top.header, walker.top.content_type, tuple(walker.leaves), tuple(walker.defects), walker.top.parameters
    )


def with_line_ends(raw: bytes) -> bytes:
    """The mail with LF where an old system wrote bare CR and nothing else; otherwise as it is."""
    return raw.replace(b"\r", b"\n") if b"\n" not in raw else raw


def transfer_decoded(data: bytes, encoding: bytes) -> tuple[bytes, str]:
    """A body without its Content-Transfer-Encoding, and a defect code or ''."""
    name = encoding.decode("latin-1").partition(";")[0].strip().lower()
    if name == "base64":
        decoded, sound = from_base64(data)
        return decoded, "" if sound else "bad_base64"
    if name == "quoted-printable":
        return binascii.a2b_qp(data), ""
    return data, "" if name in _IDENTITY else "unknown_encoding"


class _Walker:
    """The state of the one pass: the open multiparts, innermost last, and the leaf being read."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.leaves: list[Part] = []
        self.defects: dict[str, None] = {}
        self.open: list[_Open] = []
        self.levels: dict[bytes, int] = {}  # where in `open` a boundary is, the innermost of equal ones
        self.leaf: Part | None = None
        self.parts = 0
        self.alternatives = 0
        self.top = self._enter(0, "text/plain", limits.HEADER_FIELDS)

    def walk(self) -> None:
        position, lines = max(self.top.start - 1, 0), 0
        while self.open and (found := _DELIMITER.search(self.raw, position)):
            position, lines = found.end(), lines + 1
            level, closing = self._level(found.group(1).rstrip(b" \t"))
            if lines > limits.DELIMITER_LINES or (self.parts >= limits.PARTS and level is not None and not closing):
                self.defects["too_many_parts"] = None
                self._close(found.start(), 0)
                return
            if level is None or self.raw[position : position + 1] not in _LINE_END:
                continue
            self._close(found.start(), level if closing else level + 1)
            if not closing:
                line_end = self.raw.find(b"\n", position)
                child = self._enter(
                    len(self.raw) if line_end < 0 else line_end + 1, self._default_type(), limits.PART_FIELDS
                )
                position = max(child.start - 1, position)
        self._close(len(self.raw), 0)

    def _level(self, line: bytes) -> tuple[int | None, bool]:
        """Which open multipart a delimiter line belongs to, and whether it closes it."""
        level = self.levels.get(line)
        if level is None and line.endswith(b"--"):
            return self.levels.get(line[:-2]), True
        return level, False

    def _enter(self, start: int, default_type: str, most_fields: int) -> Part:
        """Read the header at `start`; the part becomes the innermost open multipart or the current leaf."""
        self.parts += 1
        header, body = read_header(self.raw, start, most_fields)
        self.defects.update(dict.fromkeys(header.defects))
        content_type, params = parameters(header.first("content-type"))
        if not MEDIA_TYPE.fullmatch(content_type):
            # RFC 2045 section 5.2: what is missing or malformed is plain text.
            content_type = "text/plain" if content_type else default_type
        alternative = self.open[-1].alternative if self.open else 0
        rendering = not self.open or self.open[-1].part.content_type == "multipart/alternative"
        part = Part(header, content_type, params, self.raw, body, len(self.raw), alternative, rendering)
        boundary = params.get("boundary", "").encode()
        if not content_type.startswith("multipart/"):
            self.leaf = part
        elif not 0 < len(boundary) <= limits.BOUNDARY_BYTES:
            self.defects["no_boundary"] = None
            self.leaf = replace(part, content_type="text/plain")
        elif len(self.open) >= limits.DEPTH:
            self.defects["too_deep"] = None
            self.leaf = part
        else:
            if content_type == "multipart/signed":
                self.defects["signature_not_verified"] = None
            if content_type == "multipart/alternative" and not alternative:
                self.alternatives += 1
                alternative = self.alternatives
            self.levels[boundary] = len(self.open)
            self.open.append(_Open(boundary, part, len(self.leaves), alternative))
        return part

    def _default_type(self) -> str:
        digest = bool(self.open) and self.open[-1].part.content_type == "multipart/digest"
        return "message/rfc822" if digest else "text/plain"  # RFC 2046 section 5.1.5

    def _close(self, end: int, level: int) -> None:
        """End the current leaf at `end` and every multipart from `level` inwards."""
        if self.leaf is not None:
            self._add(self.leaf, end)
            self.leaf = None
        if len(self.open) > level:
            for closed in reversed(self.open[level:]):
                if closed.leaves_before == len(self.leaves):
                    self.defects["no_parts"] = None
                    self._add(replace(closed.part, content_type="text/plain"), end)
            del self.open[level:]
            self.levels = {multipart.boundary: place for place, multipart in enumerate(self.open)}

    def _add(self, part: Part, end: int) -> None:
        # RFC 2046 section 5.1.1: the line end before a delimiter belongs to the delimiter.
        if end < len(self.raw) and self.raw[end - 1 : end] == b"\r":
            end -= 1
        self.leaves.append(replace(part, end=max(part.start, end), index=len(self.leaves)))
