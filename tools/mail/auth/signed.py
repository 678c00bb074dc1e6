"""A mail as its signatures see it: header fields as they stand, and a body; for DKIM and ARC alike."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256

from tools.mail import limits
from tools.mail.auth.keys import Unverified
from tools.mail.canonical import Form, body_pieces, relaxed_field, with_crlf
from tools.mail.headers import has_mbox_line

SMALL = 32 * 1024
"""Up to this many bytes a mail is verified on the event loop; larger ones in a thread."""

BODY_HASHES = 4
"""Forms and lengths in which one body is hashed. Each signature may ask for another, and 25 MB take half a second each:
sixty of them would use up the time of the one that counts."""

ONCE = (
    *(b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"in-reply-to", b"references"),
    *(b"content-type", b"content-transfer-encoding"),
)
"""Fields a mail has one of at most (RFC 5322 section 3.6, RFC 2045 section 3), and that change what a reader sees."""

# what is verified is what is shown: these, and where the header ends, are as in tools/mail/headers.py
_FIELD = re.compile(rb"([!-,./-9;-~][!-9;-~]{0,199})[ \t]*:")
_FIELD_END = re.compile(rb"\r\n(?![ \t])")


class SignedMail:
    """What several signatures need of one mail is worked out once."""

    def __init__(self, raw: bytes) -> None:
        """Takes anything. Bare line feeds count as line ends, as they do for the parser."""
        raw = with_crlf(raw)
        start = _after_mbox_line(raw)
        end, body = _header_end(raw, start)
        self.size = len(raw)
        self.fields: list[tuple[bytes, bytes]] = []
        """From the top: the name in lower case, and the whole field without its last CRLF."""
        self._places: dict[bytes, list[int]] = {}
        position = start
        stop = raw.find(b"\r\n", start + limits.HEADER_BYTES, end)
        for line in _FIELD_END.split(raw[start : stop if stop >= 0 else end], limits.HEADER_FIELDS):
            field = _FIELD.match(line)
            if field is None:
                body = position if line else body
                break
            name = field.group(1).lower()
            self._places.setdefault(name, []).append(len(self.fields))
            self.fields.append((name, line))
            position += len(line) + 2
        self.too_long = position - start > limits.HEADER_BYTES or len(self.fields) > limits.HEADER_FIELDS
        """Whether the parser reads a part of the header only, so that nothing can be said of what it shows."""
        self._raw = raw
        self._body = body
        self._relaxed: dict[int, bytes] = {}
        self._hashes: dict[tuple[Form, int | None], tuple[bytes, bool]] = {}

    @property
    def body(self) -> bytes:
        """A copy of what follows the header."""
        return self._raw[self._body :]

    def all(self, name: bytes) -> list[bytes]:
        """Every field of a lower-case name, from the top."""
        return [self.fields[place][1] for place in self._places.get(name, ())]

    def body_hash(self, form: Form, length: int | None) -> tuple[bytes, bool]:
        """SHA-256 of the canonical body, or of its first `length` octets; and whether that is all of it.

        Raises Unverified where the body was hashed in too many ways already.
        """
        if (form, length) not in self._hashes:
            if len(self._hashes) >= BODY_HASHES:
                raise Unverified("policy", "the signatures want the body in too many forms and lengths")
            self._hashes[form, length] = _hash(body_pieces(self._raw, self._body, form), length)
        return self._hashes[form, length]

    def header(self, names: Sequence[bytes], form: Form, own: bytes) -> bytes:
        """What a signature signs of the header (RFC 6376 section 3.7).

        `names`: lower case, as in h=; `own`: the signature's field with an empty b=.
        """
        used: dict[bytes, int] = {}
        lines = []
        for name in names:
            places = self._places.get(name, ())
            used[name] = count = used.get(name, 0) + 1
            # section 5.4.2: of several with one name the lowest is first; one that is not there counts as nothing
            if count <= len(places):
                lines.append(self._canonical_field(places[-count], form))
        lines.append(relaxed_field(own) if form == "relaxed" else own)
        return b"\r\n".join(lines)

    def added(self, names: Sequence[bytes]) -> str:
        """A field that `names` signs, and of which the mail has one more than it signs and may have: it was put there
        later, and who reads from the top sees it instead (RFC 6376 section 8.15). Empty if there is none."""
        signed = Counter(names)
        more = (name for name in ONCE if name in signed and len(self._places.get(name, ())) > signed[name])
        return next(more, b"").decode("ascii")

    def _canonical_field(self, place: int, form: Form) -> bytes:
        line = self.fields[place][1]
        if form == "simple":
            return line
        if place not in self._relaxed:
            self._relaxed[place] = relaxed_field(line)
        return self._relaxed[place]


def _hash(pieces: Iterable[bytes], length: int | None) -> tuple[bytes, bool]:
    digest, whole = sha256(), True
    for piece in pieces:
        if length is not None and len(piece) > length:
            piece, whole = piece[:length], False
        digest.update(piece)
        if not whole:
            break
        length = None if length is None else length - len(piece)
    return digest.digest(), whole


def _after_mbox_line(raw: bytes) -> int:
    """Where the header begins."""
    return raw.find(b"\n") + 1 or len(raw) if has_mbox_line(raw) else 0


def _header_end(raw: bytes, start: int) -> tuple[int, int]:
    """Where the last field ends, and where the body begins, if all lines before the first empty one are of fields."""
    if raw.startswith(b"\r\n", start):
        return start, start + 2
    end = raw.find(b"\r\n\r\n", start)
    return (end, end + 4) if end >= 0 else (len(raw), len(raw))
