"""Containers that mail programs put a whole mail into: what is inside becomes parts of the mail, within limits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tools.mail import limits
from tools.mail.attachments import file_name
from tools.mail.cms import Malformed, read_content
from tools.mail.mime import Mail, Part, read_mail, with_line_ends

_SMIME_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_SMIME_NAME = "smime.p7m"
_ANY_TYPE = "application/octet-stream"
_PGP_TYPE = "application/pgp-encrypted"


def read_opened(raw: bytes) -> Mail:
    """The parts of a mail, and behind each container what is inside. Never raises.

    A container that was opened is marked so, and keeps its index; what is inside is numbered behind all that the mail
    has itself, so that an index never comes to mean another part. What cannot be opened stays a part like any other.
    """
    mail = read_mail(with_line_ends(raw))
    opener = _Opener(mail.parts)
    parts = tuple(opener.opened(mail.parts, 0))
    return replace(mail, parts=parts, defects=(*mail.defects, *opener.defects))


class _Opener:
    """What is left of the limits, and the numbers that are next."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.defects: dict[str, None] = {}
        self.index = len(parts)
        self.alternative = max((part.alternative for part in parts), default=0)
        self.containers, self.bytes = limits.CONTAINERS, limits.CONTAINER_BYTES

    def opened(self, parts: Sequence[Part], depth: int) -> Iterator[Part]:
        for part in parts:
            inside = self._inside(part, depth)
            yield replace(part, opened=True) if inside else part
            yield from self.opened(inside, depth + 1)

    def _inside(self, part: Part, depth: int) -> Sequence[Part]:
        """What is in a part; nothing where it is no container, or cannot be opened."""
        if part.content_type == _PGP_TYPE:
            self.defects["encrypted"] = None
        read = self._reader(part)
        if read is None:
            return ()
        if depth >= limits.CONTAINER_DEPTH:
            self.defects["too_deep"] = None
            return ()
        self.containers, self.bytes = self.containers - 1, self.bytes - (part.end - part.start)
        inside = read(part.decoded()[0]) if min(self.containers, self.bytes) >= 0 else None
        if inside is None or self.index + len(inside) > limits.PARTS:
            self.defects["too_many_parts"] = None
            return ()
        return self._placed(inside, part.alternative)

    def _reader(self, part: Part) -> Callable[[bytes], Sequence[Part]] | None:
        """How the content of a container is read."""
        named = file_name(part).lower() if part.content_type == _ANY_TYPE else ""
        if part.content_type in _SMIME_TYPES or named == _SMIME_NAME:
            return self._smime
        return None

    def _placed(self, parts: Sequence[Part], alternative: int) -> list[Part]:
        """The parts with numbers that are theirs alone; what is in a rendering of the mail is part of that."""
        placed: list[Part] = []
        for each in parts:
            number = alternative or (each.alternative and each.alternative + self.alternative)
            placed.append(replace(each, index=self.index + len(placed), alternative=number))
        self.index += len(placed)
        self.alternative = max([self.alternative, *(each.alternative for each in placed)])
        return placed

    def _smime(self, data: bytes) -> Sequence[Part]:
        """What was signed, where that is a mail (RFC 8551 section 3.5.2) and not a file, such as an invoice."""
        try:
            content = read_content(data)
        except Malformed:
            self.defects["malformed_smime"] = None
            return ()
        if content.kind == "encrypted":
            self.defects["encrypted"] = None
        if content.signed is None:
            return ()
        mail = read_mail(with_line_ends(content.signed))
        if not mail.header.first("content-type"):
            return ()
        self.defects.update(dict.fromkeys(("signature_not_verified", *mail.defects)))
        return mail.parts
