"""TNEF built byte by byte (MS-OXTNEF), as Outlook and Exchange write it."""

import struct
from datetime import datetime, timedelta
from uuid import UUID

from tools.mail.lzfu import BEGINNING

LFT = {"subject": 0x00018004, "body": 0x0002800C, "class": 0x00078008, "properties": 0x00069003, "codepage": 0x00069007}
RENDERING, TITLE, DATA, OF_FILE = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
BODY, HTML, RTF, CODEPAGE, SUBJECT, SENDER, ADDRESS = 0x1000, 0x1013, 0x1009, 0x3FDE, 0x0037, 0x0C1A, 0x5D01
FILE_DATA, SHORT_NAME, LONG_NAME, MIME_TYPE, CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712
OBJECT, STRING, UNICODE, BINARY, INTEGER, TRUTH, TIME = 0x0D, 0x1E, 0x1F, 0x102, 0x03, 0x0B, 0x40
MESSAGE = UUID("00020307-0000-0000-c000-000000000046").bytes_le
APPOINTMENT = UUID("00062002-0000-0000-c000-000000000046")
MEETING = UUID("6ed8da90-450b-101b-98da-00aa003f1305")


def tnef(*attributes: bytes) -> bytes:
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(attributes)


def attribute(name: int, data: bytes, level: int = 1) -> bytes:
    return struct.pack("<BII", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def properties(*each: bytes) -> bytes:
    return struct.pack("<I", len(each)) + b"".join(each)


def prop(name: int, kind: int, value: bytes, named: bytes = b"") -> bytes:
    """A property of one value, filled up to four bytes; `named` says which it is of a set."""
    padded = value + bytes(-len(value) % 4)
    count = struct.pack("<II", 1, len(value)) if kind in (OBJECT, STRING, UNICODE, BINARY) else b""
    return struct.pack("<HH", kind, name) + named + count + padded


def text(name: int, value: str) -> bytes:
    return prop(name, UNICODE, value.encode("utf-16-le") + b"\0\0")


def of_set(which: UUID, number: int, kind: int, value: bytes) -> bytes:
    """A property that is named by its number in a set."""
    return prop(0x8000 + number % 0x100, kind, value, which.bytes_le + struct.pack("<II", 0, number))


def ticks(at: datetime) -> bytes:
    """A time, UTC."""
    return struct.pack("<Q", (at - datetime(1601, 1, 1)) // timedelta(microseconds=1) * 10)


def message(*props: bytes, kind: str = "IPM.Note", codepage: int = 1252) -> bytes:
    """What is said of the message: its class, its code page, and its properties."""
    return (
        attribute(LFT["class"], kind.encode() + b"\0")
        + attribute(LFT["codepage"], struct.pack("<II", codepage, 0))
        + attribute(LFT["properties"], properties(*props))
    )


def file(name: str, content: bytes, *props: bytes, short: str = "") -> bytes:
    """An attached file, as Outlook writes it: a short name by itself, the long one among the properties."""
    return (
        attribute(RENDERING, bytes(14), 2)
        + attribute(TITLE, (short or name).encode("cp1252", "replace") + b"\0", 2)
        + attribute(DATA, content, 2)
        + attribute(OF_FILE, properties(text(LONG_NAME, name), *props), 2)
    )


def attached(name: str, *inside: bytes) -> bytes:
    """An attached message."""
    value = prop(FILE_DATA, OBJECT, MESSAGE + tnef(*inside))
    return attribute(RENDERING, bytes(14), 2) + attribute(OF_FILE, properties(text(LONG_NAME, name), value), 2)


def packed(rtf: bytes) -> bytes:
    """RTF as Outlook packs it (MS-OXRTFCP): repeated pieces as references, the rest as it is."""
    done, at, tokens = bytearray(BEGINNING), 0, list[tuple[bool, bytes]]()
    while at < len(rtf):
        size = next((n for n in range(17, 1, -1) if at + n <= len(rtf) and rtf[at : at + n] in done[-4000:]), 0)
        if size:
            place = done.rindex(rtf[at : at + size])
            tokens.append((True, ((place % 4096) << 4 | size - 2).to_bytes(2)))
        else:
            size = 1
            tokens.append((False, rtf[at : at + 1]))
        done += rtf[at : at + size]
        at += size
    tokens.append((True, ((len(done) % 4096) << 4).to_bytes(2)))
    out = b""
    for start in range(0, len(tokens), 8):
        run = tokens[start : start + 8]
        out += bytes([sum(reference << bit for bit, (reference, _) in enumerate(run))]) + b"".join(b for _, b in run)
    return struct.pack("<4I", len(out) + 12, len(rtf), 0x75465A4C, 0) + out
