"""Replies as they come off the line (RFC 5321 section 4.2): read piece by piece, each byte once, within limits."""

from collections.abc import Iterator
from typing import NamedTuple

# RFC 5321 section 4.5.3.1.5 has 512; servers with long words for a refusal go beyond
MAX_LINE = 4096
MAX_LINES = 4096
MAX_REPLY = 32_768
_QUOTED = 200


class Garbled(Exception):
    """What came is no reply; nothing after it on this line can be understood."""

    def __init__(self, what: str) -> None:
        super().__init__(f"malformed reply: {what}")


class Reply(NamedTuple):
    """The code, 200 to 599, and the words, with a newline between lines; bytes that are not UTF-8 are surrogates."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class Refused(Exception):
    """A reply after which a session cannot have its first mail."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class ReplyReader:
    """Takes what comes in any pieces and gives whole replies. After Garbled it is of no use."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._lines: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The replies that are whole now, the first at once. Raises Garbled at what is not one, or too long."""
        self._rest += data
        start = 0
        while (end := self._rest.find(b"\n", start) + 1) > 0:
            line = bytes(self._rest[start:end])
            start = end
            reply = self._line(line)
            if reply:
                yield reply
        del self._rest[:start]
        if len(self._rest) > MAX_LINE:
            raise Garbled("a line is too long")

    def forget(self) -> None:
        """Drop what has come of a reply so far."""
        self._rest.clear()
        self._next()

    def _next(self) -> None:
        self._lines = []
        self._size = 0

    def _line(self, line: bytes) -> Reply | None:
        """The reply that ends with this line, which has its line end."""
        self._size += len(line)
        if len(line) > MAX_LINE or len(self._lines) == MAX_LINES or self._size > MAX_REPLY:
            raise Garbled("a reply is too long")
        code, mark = line[:3], line[3:4]
        # strict where a code could be read into it that is none, as "250" into "2500"
        if not (code.isdigit() and b"200" <= code < b"600" and mark in (b" ", b"-", b"\r", b"\n")):
            raise Garbled(line[:_QUOTED].decode("utf-8", "replace"))
        self._lines.append(line[4:].strip())
        if mark == b"-":
            return None
        # RFC 5321 section 4.2.1 wants one code on all lines; where they differ, the last one is meant
        reply = Reply(int(code), b"\n".join(self._lines).decode("utf-8", "surrogateescape"))
        self._next()
        return reply
