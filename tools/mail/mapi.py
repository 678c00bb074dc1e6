"""Properties of a MAPI object as TNEF writes them down (MS-OXTNEF section 2.1.3.4); bounded, and linear in size."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tools.mail import limits
from tools.mail.charset import decode, storable

Key = int | tuple[str, int]
"""A property's number; of a named one the set that it is of and its number there."""

_MANY = 0x1000
_SIZES = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
"""Types of a fixed size, with what fills them up to four bytes."""
_STRING, _UNICODE, _BINARY, _OBJECT = 0x1E, 0x1F, 0x102, 0x0D
_NAMED = 0x8000
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_OTHER_CHARSETS = {
    **{20127: "us-ascii", 20866: "koi8-r", 21866: "koi8-u", 50220: "iso-2022-jp", 50221: "iso-2022-jp"},
    **{50222: "iso-2022-jp", 51932: "euc-jp", 51949: "euc-kr", 52936: "hz", 54936: "gb18030", 65001: "utf-8"},
    **{28590 + part: f"iso-8859-{part}" for part in range(1, 17)},
}


class Malformed(ValueError):
    """The bytes end too early, or mean nothing."""


class Cursor:
    """A place in bytes, which moves on as they are taken."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> memoryview:
        """The next bytes. Raises Malformed where there are fewer."""
        if size > len(self.data) - self.at:
            raise Malformed
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, form: str = "<I") -> int:
        """The next number, of 32 bits unless told otherwise. Raises Malformed."""
        (found,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(found)


@dataclass(frozen=True, slots=True)
class Value:
    """A property's first value."""

    type: int
    data: bytes


_NOTHING = Value(_BINARY, b"")


@dataclass(frozen=True, slots=True)
class Properties:
    """An object's properties. `charset` is that of its 8-bit texts; `whole` whether all could be read."""

    values: Mapping[Key, Value]
    charset: str
    whole: bool = True

    def text(self, *keys: Key) -> str:
        """The first of these properties that has a text; '' where none has."""
        return next((text for key in keys if (text := self._text(self.values.get(key, _NOTHING)))), "")

    def data(self, key: Key) -> bytes:
        """The bytes of a property; empty where there is none."""
        return self.values.get(key, _NOTHING).data

    def is_object(self, key: Key) -> bool:
        """Whether a property is an object, whose bytes begin with what kind of object that is."""
        return self.values.get(key, _NOTHING).type == _OBJECT

    def number(self, key: Key) -> int:
        """A number or a truth; 0 where there is none."""
        return int.from_bytes(self.data(key)[:4], "little")

    def time(self, key: Key) -> datetime | None:
        """A time, UTC; None where there is none."""
        ticks = int.from_bytes(self.data(key)[:8], "little")
        try:
            return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
        except OverflowError:
            return None

    def _text(self, value: Value) -> str:
        if value.type == _UNICODE:
            return storable(value.data.decode("utf-16-le", "replace").rstrip("\0"))
        return decode(value.data.rstrip(b"\0"), self.charset)[0] if value.type == _STRING else ""


def charset_of(codepage: int) -> str:
    """The name of a Windows code page; one that nobody knows where there is no such page."""
    return _OTHER_CHARSETS.get(codepage, f"cp{codepage}")


def read_properties(data: memoryview, charset: str) -> Properties:
    """The properties of an object, up to where they break off. Never raises."""
    cursor, values, left = Cursor(data), dict[Key, Value](), limits.MAPI_VALUES
    try:
        for _ in range(cursor.number()):
            kind = cursor.number("<H")
            key = _key(cursor)
            fixed = _SIZES.get(kind & ~_MANY)
            if fixed is None and kind & ~_MANY not in (_STRING, _UNICODE, _BINARY, _OBJECT):
                raise Malformed
            count = 1 if fixed and not kind & _MANY else cursor.number()
            left -= 1 + count
            if left < 0:
                raise Malformed
            for place in range(count):
                size = fixed or cursor.number()
                value = cursor.take(size)
                cursor.take(-size % 4)
                if not place:
                    values.setdefault(key, Value(kind & ~_MANY, bytes(value)))
    except Malformed:
        return Properties(values, charset, whole=False)
    return Properties(values, charset)


def _key(cursor: Cursor) -> Key:
    """Which property it is. Those that are named by a text are not told apart: none of them is read."""
    number = cursor.number("<H")
    if number < _NAMED:
        return number
    names, named_by_text = str(UUID(bytes_le=bytes(cursor.take(16)))), cursor.number()
    if not named_by_text:
        return names, cursor.number()
    size = cursor.number()
    cursor.take(size + -size % 4)
    return names, -1
