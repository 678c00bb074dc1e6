"""ISO-2022-JP as mail programs write it: with the letters of Windows that the standard does not have (RFC 1468)."""

import re

_SEGMENT = re.compile(rb"(\x1b\$[@B]|\x1b\(I|\x1b\([ABHJ]|\x1b\$\([@BD])([^\x1b\r\n]*)")
_PAIR = re.compile(rb"[\x21-\x7e]{2}")
_TWO_BYTES = (b"\x1b$@", b"\x1b$B", b"\x1b$(@", b"\x1b$(B")
_KATAKANA = b"\x1b(I"
_HIGH = bytes(byte | 0x80 for byte in range(256))


def decode(data: bytes) -> str:
    """The text, also where it holds the numbers in circles and the names that no codec of Python reads here. Linear."""
    return _SEGMENT.sub(_shifted, data).decode("cp932", "replace")


def _shifted(segment: re.Match[bytes]) -> bytes:
    """What stands behind an escape sequence, in Shift_JIS, in which Windows has the same letters."""
    escape, content = segment.groups()
    if escape in _TWO_BYTES:
        return _PAIR.sub(_pair, content)
    return content.translate(_HIGH) if escape == _KATAKANA else content


def _pair(letter: re.Match[bytes]) -> bytes:
    """One letter of JIS X 0208 in Shift_JIS: two rows of 94 share a first byte."""
    row, cell = letter.group()
    first = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
    second = cell + (0x1F if cell < 0x60 else 0x20) if row % 2 else cell + 0x7E
    return bytes((first, second))
