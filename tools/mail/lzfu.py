"""RTF as Outlook packs it, unpacked within limits (MS-OXRTFCP)."""

import struct

from tools.mail import limits

_PACKED, _PLAIN = 0x75465A4C, 0x414C454D
BEGINNING = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    + b"\r\n"
    + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
"""What all of them may refer to (section 2.1.2.1)."""
_WINDOW = 4096
_HEAD = struct.Struct("<4I")


class Malformed(ValueError):
    """It is not packed so."""


def unpacked(data: bytes) -> bytes:
    """The RTF, `limits.RTF_BYTES` at most; what breaks off is unpacked up to there. Raises Malformed."""
    if len(data) < _HEAD.size:
        raise Malformed
    _, size, kind, _ = _HEAD.unpack_from(data)
    most = min(size, limits.RTF_BYTES)
    if kind == _PLAIN:
        return data[_HEAD.size : _HEAD.size + most]
    if kind != _PACKED:
        raise Malformed
    out = bytearray(BEGINNING)
    at, end = _HEAD.size, len(BEGINNING) + most
    while at < len(data) and len(out) < end:
        flags, at = data[at], at + 1
        for bit in range(8):
            if not flags >> bit & 1:
                out += data[at : at + 1]
                at += 1
                continue
            reference, at = int.from_bytes(data[at : at + 2]), at + 2
            distance = (len(out) - (reference >> 4)) % _WINDOW
            if not distance or at > len(data):
                return bytes(out[len(BEGINNING) : end])
            _repeat(out, distance, (reference & 15) + 2)
    return bytes(out[len(BEGINNING) : end])


def _repeat(out: bytearray, distance: int, length: int) -> None:
    """Append what stands so far back, which may be what is appended. Raises Malformed."""
    if distance > len(out):
        raise Malformed
    piece = out[-distance:][:length]
    out += (piece * (length // len(piece) + 1))[:length]
