"""The server's side of an SMTP conversation: lines and mails in, replies out, in order and within limits.

aiosmtpd's command loop takes ten times the CPU of this one; mail comes in here at the rate programs write it.
"""

import asyncio
import ssl
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from server.room import Room

LINE = 12_288
"""The longest command: RFC 4954 section 4.5 asks for as much in AUTH."""
END = b"\r\n.\r\n"
DOT = END[:3]
TLS_SECONDS = 30.0
LOOK_SECONDS = 5.0
CLOSE_SECONDS = 10.0
"""What was said last has so long to be read."""
ERRORS = 20
"""Commands refused for good in a row, after which the line is closed."""
COMMANDS = 1000
"""Between one mail and the next."""
COUNTED = 64 * 1024
"""A mail that has grown so large takes its place among those that share `Room`."""
LAST = (b"221", b"421")
"""Replies behind which the line is closed."""
BLAMELESS = (b"4.3.", b"4.5.3")
"""Enhanced codes of what the other side cannot help: faults of ours, and recipients that go into another mail
(RFC 3463 sections 3.4 and 3.6)."""
AGAIN = b"451"
"""Who is asked to come again, by greylisting or while the DNS is silent, has done nothing wrong either."""
STOPPING = b"421 4.3.2 The server stops; come back in a minute"
TOO_SLOW = b"421 4.4.2 Too slow"

Answer = bytes | Coroutine[Any, Any, bytes]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a conversation may take, in seconds, however it trickles."""

    command: float = 300.0
    """Until the next command is there whole; RFC 5321 section 4.5.3.2.7 asks for five minutes."""
    mail: float = 600.0
    """One mail, from 354 to its final dot."""
    life: float = 7200.0
    """All of it; it ends between two mails."""


class Connections:
    """The conversations of a port that are open."""

    def __init__(self) -> None:
        self._open: set[Conversation] = set()
        self._none_left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> "Iterator[Conversation]":
        return iter(tuple(self._open))

    def add(self, conversation: "Conversation") -> None:
        self._open.add(conversation)
        self._none_left.clear()

    def discard(self, conversation: "Conversation") -> None:
        self._open.discard(conversation)
        if not self._open:
            self._none_left.set()

    async def end(self, seconds: float) -> None:
        """Tell the idle ones to go, let the others finish their mail; and after so many seconds, end all."""
        for conversation in self:
            conversation.stop()
        try:
            async with asyncio.timeout(seconds):
                while self._open:
                    await self._none_left.wait()
        except TimeoutError:
            for conversation in self:
                conversation.end(STOPPING)


def several(code: int, lines: Sequence[str]) -> bytes:
    """A reply of several lines (RFC 5321 section 4.2.1)."""
    return "\r\n".join([*(f"{code}-{line}" for line in lines[:-1]), f"{code} {lines[-1]}"]).encode()


class Conversation(asyncio.Protocol):
    """One connection. What is said in it is for `command` and `mail` of whoever extends it."""

    def __init__(self, *, max_message_bytes: int, connections: Connections, room: Room, patience: Patience) -> None:
        self._limit = max_message_bytes
        self._connections = connections
        self._room = room
        self._patience = patience
        self._buffer = bytearray()
        self._unsearched = 0
        self._in_mail = self._stuffed = self._write_paused = self._stopping = self._over = False
        self._mailed = False
        """A mail has come whole, and was not answered yet."""
        self._spoiled = b""
        """The reply to a mail that is thrown away as it comes."""
        self._held = 0
        """Bytes taken of the room."""
        self._whose = ""
        """For whom they were taken."""
        self._begun = self._since = 0.0
        """When the conversation began, and the wait for what comes next."""
        self._said: list[bytes] = []
        """Replies that are not on their way yet: those to pipelined commands go in one write (RFC 2920)."""
        self._errors = self._commands = 0
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def greeting(self) -> Answer:
        """What is said first."""
        raise RuntimeError("not a conversation of its own")

    def command(self, line: bytes) -> Answer:
        """The reply to a command line, without line ends; or a coroutine of it, which is awaited first."""
        raise RuntimeError("not a conversation of its own")

    def mail(self, content: bytes) -> Answer:
        """The reply to a mail, its dots taken out."""
        raise RuntimeError("not a conversation of its own")

    def forget(self) -> None:
        """Forget the envelope: its mail was answered, or was not taken."""
        raise RuntimeError("not a conversation of its own")

    def fault(self, error: Exception) -> bytes:
        """The reply when a coroutine of `greeting`, `command` or `mail` fails."""
        raise RuntimeError("not a conversation of its own")

    def refused(self, reply: bytes, *, blamed: bool) -> None:
        """A command or mail was refused, or put off; `blamed` is for what the other side does."""

    def whose(self) -> str:
        """The tenant whose mail is coming in, by any name."""
        return ""

    # -- for those who extend this

    def expect_mail(self) -> bytes:
        """The next that comes is a mail."""
        # the line end of the DATA command is the first half of an empty mail's end
        self._buffer[:0] = b"\r\n"
        self._in_mail, self._stuffed, self._spoiled, self._unsearched = True, False, b"", 0
        self._whose = self.whose()
        return b"354 End data with <CR><LF>.<CR><LF>"

    async def encrypt(self, context: ssl.SSLContext) -> None:
        """Begin TLS. What came in the clear behind the command is forgotten (RFC 3207 section 4.2)."""
        transport = self._open()
        self._buffer.clear()
        self._said.append(b"220 2.0.0 Go ahead")
        self._speak()
        try:
            secured = await asyncio.get_running_loop().start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=TLS_SECONDS
            )
        except OSError as error:
            # asyncio tells nobody that the line of a handshake that took too long is gone
            self.connection_lost(error)
            raise
        if secured is None:
            raise ConnectionResetError
        self._transport = secured

    def last(self, reply: bytes) -> bytes:
        """The reply, a refusal, as one behind which the line is closed."""
        self._errors = ERRORS
        return reply

    def end(self, last: bytes = b"") -> None:
        """Close when what was said is on its way; whoever does not read it is cut off."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if last:
            self._said.append(last)
            self._write(transport)
        transport.close()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(CLOSE_SECONDS, transport.abort)

    def stop(self) -> None:
        """End now if nothing is in the works; a mail that has begun is taken first."""
        self._stopping = True
        if self._task is None and not self._in_mail:
            self.end(STOPPING)

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are transports in all but their class
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self._begun = self._since = asyncio.get_running_loop().time()
        self._watch()
        greeting = self.greeting()
        if isinstance(greeting, bytes):
            self._say(greeting)
            self._speak()
        else:
            self._task = asyncio.create_task(self._work_out(greeting))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called twice where TLS did not come about."""
        self._transport = None
        self._connections.discard(self)
        self._buffer.clear()
        if self._task is None:
            self._give_back()
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._go_on()
        if len(self._buffer) > LINE and self._is_busy() and self._transport is not None:
            # what comes in the meantime waits in the socket
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._task is None:
            self._go_on_reading()

    # -- inner

    def _open(self) -> asyncio.Transport:
        if self._transport is None:
            raise ConnectionResetError
        return self._transport

    def _go_on(self) -> None:
        """Answer all that is there. A reply that has to be worked out holds back those before it and behind it."""
        while self._transport is not None and not self._transport.is_closing() and not self._write_paused:
            answer = None if self._over else self._next()
            if answer is None:
                break
            if not isinstance(answer, bytes):
                self._task = asyncio.create_task(self._work_out(answer))
                return
            self._say(answer)
        self._speak()

    def _say(self, reply: bytes) -> None:
        """After goodbye, or too many refusals in a row, nothing more is heard."""
        self._said.append(reply)
        if reply.startswith((b"2", b"3")):
            self._errors = 0
        elif reply.startswith(b"5"):
            self._errors += 1
        if reply.startswith((b"4", b"5")):
            # RFC 5321 section 4.5.3.1.10: who names too many recipients goes on to DATA, for those that were taken
            self.refused(reply, blamed=not (reply.startswith(AGAIN) or reply.startswith(BLAMELESS, 4)))
        if self._mailed:
            self._mailed = False
            self.forget()
        self._over = reply[:3] in LAST or self._errors >= ERRORS

    def _speak(self) -> None:
        """Send what was said."""
        if not self._said or self._transport is None or self._transport.is_closing():
            return
        self._write(self._transport)
        self._since = asyncio.get_running_loop().time()
        if self._over:
            self.end()
        elif self._stopping and not self._in_mail and self._task is None:
            self.end(STOPPING)

    def _write(self, transport: asyncio.Transport) -> None:
        transport.write(b"\r\n".join(self._said) + b"\r\n")
        self._said.clear()

    async def _work_out(self, answer: Coroutine[Any, Any, bytes]) -> None:
        try:
            said = await answer
        except (ConnectionError, ssl.SSLError):
            self.end()
            return
        except Exception as error:
            said = self.fault(error)
        finally:
            self._task = None
            self._give_back()
        if self._transport is None:
            return
        if said:
            self._say(said)
        self._go_on_reading()

    def _is_busy(self) -> bool:
        """An answer is worked out, or those that were given are not read."""
        return self._task is not None or self._write_paused

    def _go_on_reading(self) -> None:
        """Answer what is there; only then may more come, or each answer that was worked out would let in a piece."""
        self._go_on()
        if self._transport is not None and not self._is_busy():
            self._transport.resume_reading()

    def _next(self) -> Answer | None:
        """The answer to the next whole line or mail; None while it has not all come."""
        if self._in_mail:
            return self._next_mail()
        end = self._buffer.find(b"\n", self._unsearched)
        if end < 0:
            self._unsearched = len(self._buffer)
            return b"421 4.5.2 The line is too long" if len(self._buffer) > LINE else None
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        self._unsearched = 0
        self._commands += 1
        if self._commands > COMMANDS:
            return b"421 4.7.0 Too many commands without a mail"
        if not line.endswith(b"\r\n") or len(line) > LINE:
            return b"500 5.5.2 A command ends with CRLF"
        return self.command(line[:-2])

    def _next_mail(self) -> Answer | None:
        end = self._end_of_mail()
        if end < 0:
            self._check_size()
            self._unsearched = max(len(self._buffer) - len(END) + 1, 0)
            return None
        if end > self._limit:
            self._spoil(b"552 5.3.4 The mail is larger than %d bytes" % self._limit)
        # the view is let go before the buffer shrinks
        content = b"" if self._spoiled else bytes(memoryview(self._buffer)[2 : end + 2])
        del self._buffer[: end + len(END)]
        self._in_mail, self._unsearched, self._commands = False, 0, 0
        self._mailed = True
        if self._spoiled:
            return self._spoiled
        if self._stuffed:
            # RFC 5321 section 4.5.2
            content = content.removeprefix(b".").replace(DOT, DOT[:-1])
        return self.mail(content)

    def _end_of_mail(self) -> int:
        """Where the mail in the buffer ends; -1 while that has not come. Only CRLF "." CRLF ends a mail, so no smuggled
        LF "." LF does (RFC 5321 section 4.1.1.4)."""
        # most mails have no line that begins with a dot: one search then finds the end and tells that
        end = self._buffer.find(END if self._stuffed else DOT, self._unsearched)
        if end < 0 or self._buffer.startswith(END, end):
            return end
        # the rest of the end may still come
        self._stuffed = not END.startswith(self._buffer[end : end + len(END)])
        return self._buffer.find(END, end) if self._stuffed else -1

    def _check_size(self) -> None:
        """Throw a mail away as it comes when it is over the limit, or there is no room for another large one."""
        size = len(self._buffer)
        if size > self._limit + LINE:
            self._spoil(b"552 5.3.4 The mail is larger than %d bytes" % self._limit)
        elif size > COUNTED and not self._spoiled:
            if self._room.take(size - self._held, self._whose):
                self._held = size
            else:
                self._spoil(b"452 4.3.1 Too much large mail at once; try again later")
        if self._spoiled and size > LINE:
            # keep what may be the beginning of the end
            del self._buffer[: 1 - len(END)]

    def _spoil(self, reply: bytes) -> None:
        self._spoiled = self._spoiled or reply
        self._give_back()

    def _give_back(self) -> None:
        self._room.give_back(self._held, self._whose)
        self._held = 0

    def _watch(self) -> None:
        """End what takes too long."""
        now = asyncio.get_running_loop().time()
        if self._task is None and self._is_late(now):
            self.end(TOO_SLOW)
            return
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._watch)

    def _is_late(self, now: float) -> bool:
        if self._in_mail:
            return now > self._since + self._patience.mail
        return now > self._since + self._patience.command or now > self._begun + self._patience.life
