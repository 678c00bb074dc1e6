"""Files within a text, as uuencode writes them (POSIX.1-2017, volume Shell & Utilities, uuencode)."""

import binascii
import re
from dataclasses import dataclass

_WORD = b"\nbegin "
_BEGIN = re.compile(rb"begin [0-7]{3,4} ([^\r\n]{1,300})\r?\n")
_LINE = re.compile(rb"([^\r\n]{0,100})\r?(?:\n|\Z)")
_END = re.compile(rb"end[ \t]*\r?(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class File:
    """A file; its name is as the sender wrote it."""

    name: bytes
    content: bytes


def split_files(text: bytes) -> tuple[bytes, list[File]]:
    """The text without its files, and those. What does not end as it should, or has a line that is none, is text."""
    kept, files, position = list[bytes](), list[File](), 0
    while begin := _begin(text, position):
        read = _content(text, begin.end())
        end = begin.end() if read is None else read[1]
        kept.append(text[position : end if read is None else begin.start()])
        if read is not None:
            files.append(File(begin.group(1).strip(), read[0]))
        position = end
    return b"".join([*kept, text[position:]]), files


def _begin(text: bytes, position: int) -> re.Match[bytes] | None:
    """The next line that begins a file, from the beginning of a line on. The word is looked for by itself first, which
    costs next to nothing."""
    found = _BEGIN.match(text, position)
    while found is None and (position := text.find(_WORD, position)) >= 0:
        position += 1
        found = _BEGIN.match(text, position)
    return found


def _content(text: bytes, at: int) -> tuple[bytes, int] | None:
    """The file whose lines begin at a place, and where its end ends; None where it is none."""
    pieces = []
    while not (end := _END.match(text, at)):
        line = _LINE.match(text, at)
        piece = _decoded(line.group(1)) if line else None
        if line is None or piece is None or line.end() == at:
            return None
        pieces.append(piece)
        at = line.end()
    return b"".join(pieces), end.end()


def _decoded(line: bytes) -> bytes | None:
    """The bytes of one line; None where it is no such line. Blanks at its end may be lost, one letter may be more."""
    size = (line[0] - 32) & 63 if line else 0
    letters = (size + 2) // 3 * 4
    if len(line) > letters + 2:
        return None
    try:
        return binascii.a2b_uu(line[: letters + 1].ljust(letters + 1) or b" ")
    except binascii.Error:
        return None
