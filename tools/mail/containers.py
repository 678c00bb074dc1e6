"""Containers that mail programs put a whole mail into: what is inside becomes parts of the mail, within limits."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tools.mail import cms, limits
from tools.mail.attachments import ANY_TYPE, file_name, file_part, is_attachment
from tools.mail.charset import text_of
from tools.mail.headers import Header
from tools.mail.mapi import Malformed
from tools.mail.mime import Mail, Part, read_mail, with_line_ends
from tools.mail.outlook import parts_of
from tools.mail.tnef import read_tnef
from tools.mail.uuencode import split_files

_SMIME_NAME = "smime.p7m"
_TNEF_TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_TNEF_NAME = "winmail.dat"
_PGP_TYPE = "application/pgp-encrypted"
_TEXT_BYTES = 64 * 1024
"""In so much of a text it says something, if it does at all."""


def read_opened(raw: bytes) -> Mail:
    """The parts of a mail, and behind each container what is inside. Never raises.

    A container that was opened is marked so, and keeps its index; what is inside is numbered behind all that the mail
    has itself, so that an index never comes to mean another part. What cannot be opened stays a part like any other.
    """
    mail = read_mail(with_line_ends(raw))
    opener = _Opener(mail.parts)
    parts = tuple(opener.opened(mail.parts, 0))
    return replace(mail, parts=parts, defects=(*mail.defects, *opener.defects))


_Inside = tuple[Sequence[Part], bool]
"""What is in a container, and whether that is all."""
_NOTHING: _Inside = ((), False)


class _Opener:
    """What is left of the limits, and the numbers that are next."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.defects: dict[str, None] = {}
        self.index = len(parts)
        self.alternative = max((part.alternative for part in parts), default=0)
        self.containers, self.bytes = limits.CONTAINERS, limits.CONTAINER_BYTES

    def opened(self, parts: Sequence[Part], depth: int) -> Iterator[Part]:
        for part in parts:
            if part.content_type == _PGP_TYPE:
                self.defects["encrypted"] = None
            inside: Sequence[Part] = ()
            if kind := _kind(part):
                inside, whole = self._inside(kind, part, parts, depth)
                yield replace(part, opened=whole)
            else:
                text, inside = self._without_files(part) if _may_hold_files(part) else (part, ())
                yield text
            yield from self.opened(inside, depth + 1)

    def _inside(self, kind: str, part: Part, beside: Sequence[Part], depth: int) -> _Inside:
        """What is in a container, within the limits."""
        if depth >= limits.CONTAINER_DEPTH:
            self.defects["too_deep"] = None
            return _NOTHING
        self.containers, self.bytes = self.containers - 1, self.bytes - (part.end - part.start)
        if self.containers >= 0 and self.bytes >= 0:
            data, _ = part.decoded()
            inside, whole = self._smime(data) if kind == "smime" else self._tnef(data, beside)
            if self.index + len(inside) <= limits.PARTS:
                return self._placed(inside, part.alternative), whole
        self.defects["too_many_parts"] = None
        return _NOTHING

    def _without_files(self, part: Part) -> tuple[Part, Sequence[Part]]:
        """A text without the files that are within it, and those."""
        text, files = split_files(part.decoded()[0])
        if not files:
            return part, ()
        if self.index + len(files) > limits.PARTS:
            self.defects["too_many_parts"] = None
            return part, ()
        fields = tuple(field for field in part.header.fields if field[0] != "content-transfer-encoding")
        shorter = replace(part, header=Header(fields), raw=text, start=0, end=len(text))
        return shorter, self._placed([file_part(text_of(each.name), each.content) for each in files], 0)

    def _placed(self, parts: Sequence[Part], alternative: int) -> list[Part]:
        """The parts with numbers that are theirs alone; what is in a rendering of the mail is part of that."""
        placed: list[Part] = []
        for each in parts:
            number = alternative or (each.alternative and each.alternative + self.alternative)
            placed.append(replace(each, index=self.index + len(placed), alternative=number))
        self.index += len(placed)
        self.alternative = max([self.alternative, *(each.alternative for each in placed)])
        return placed

    def _smime(self, data: bytes) -> _Inside:
        """What was signed, where that is a mail (RFC 8551 section 3.5.2) and not a file, such as an invoice."""
        try:
            content = cms.read_content(data)
        except cms.Malformed:
            self.defects["malformed_smime"] = None
            return _NOTHING
        if content.kind == "encrypted":
            self.defects["encrypted"] = None
        if content.signed is None:
            return _NOTHING
        mail = read_mail(with_line_ends(content.signed))
        if not mail.header.first("content-type"):
            return _NOTHING
        self.defects.update(dict.fromkeys(("signature_not_verified", *mail.defects)))
        return mail.parts, True

    def _tnef(self, data: bytes, beside: Sequence[Part]) -> _Inside:
        """Its files; its text where the mail says nothing beside it, as Outlook writes the same there for others."""
        try:
            found = read_tnef(data)
        except Malformed:
            self.defects["malformed_tnef"] = None
            return _NOTHING
        parts, defects = parts_of(found, with_body=not any(map(_says_something, beside)))
        self.defects.update(dict.fromkeys(defects))
        return parts, found.whole


def _kind(part: Part) -> str:
    """Which container a part is, by its type, or by its name where nobody knew a type; '' for none."""
    name = file_name(part).lower() if part.content_type == ANY_TYPE else ""
    if part.content_type in cms.TYPES or name == _SMIME_NAME:
        return "smime"
    return "tnef" if part.content_type in _TNEF_TYPES or name == _TNEF_NAME else ""


def _may_hold_files(part: Part) -> bool:
    """Whether a text has the word that a file begins with, as far as can be seen without decoding it."""
    if part.content_type != "text/plain":
        return False
    encoded = part.header.first("content-transfer-encoding").strip().lower() == b"base64"
    # the line end above the text is before its start
    return (encoded or part.raw.find(b"\nbegin ", max(part.start - 1, 0), part.end) >= 0) and not is_attachment(part)


def _says_something(part: Part) -> bool:
    """Whether a part is text of the mail, and not blank."""
    return not is_attachment(part) and bool(part.decoded(_TEXT_BYTES)[0].strip())
