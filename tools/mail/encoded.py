"""Pieces of a text that decode to other text: base64, hexadecimal, rot13. Bounded in number and length."""

import base64
import binascii
import codecs
import re
from collections.abc import Iterator

PIECES = 8
PIECE_CHARS = 4_096
LONG = 20
"""A text whose words are all shorter has no piece in base64 or hexadecimal that is worth a look."""
ROT13 = frozenset({"vtaber", "vafgehpgvba", "vafgehpgvbaf", "qvfertneq", "sbejneq", "flfgrz", "cnffjbeq"})
"""ignore, instruction(s), disregard, forward, system, password."""
_BASE64 = re.compile(r"(?<![\w+/=-])(?:[A-Za-z0-9+/_-]{24,}+\n?){1,60}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[ :]?){16,2000}+")
_ROT13 = re.compile(rf"\b(?:{'|'.join(sorted(ROT13))})\b", re.IGNORECASE)
_READABLE = 0.9


def decoded_pieces(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """The place of each piece and what it decodes to, where that is readable text."""
    found = 0
    for pattern, decode in ((_BASE64, _from_base64), (_HEX, _from_hex)):
        for match in pattern.finditer(text):
            decoded = decode(match.group()[:PIECE_CHARS])
            if _is_readable(decoded):
                yield match.span(), decoded
            found += 1
            if found >= PIECES:
                return
    rot13 = _ROT13.search(text)
    if rot13:
        start = max(0, rot13.start() - PIECE_CHARS // 2)
        end = rot13.end() + PIECE_CHARS // 2
        yield (rot13.start(), rot13.end()), codecs.decode(text[start:end], "rot13")


def _from_base64(piece: str) -> str:
    letters = "".join(piece.split()).rstrip("=").translate(str.maketrans("-_", "+/"))
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _from_hex(piece: str) -> str:
    digits = re.sub(r"[ :]", "", piece)
    return bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("utf-8", "replace")


def _is_readable(text: str) -> bool:
    if text.count("\ufffd") > (1 - _READABLE) * len(text):
        # most pieces are no text at all, and this is cheaper than to look at each letter
        return False
    plain = sum(letter.isalpha() or letter in " .,;:!?'\"\n@-" for letter in text)
    return bool(text) and plain >= _READABLE * len(text)
