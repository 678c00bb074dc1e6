"""The server's side of an SMTP conversation: lines and mails in, replies out, in order and within limits.

aiosmtpd's command loop takes ten times the CPU of this one; mail is handed in here at the rate programs write it.
"""

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any, cast

LINE = 12_288
"""The longest command: RFC 4954 section 4.5 asks for as much in AUTH."""
END = b"\r\n.\r\n"
IDLE_SECONDS = 300.0
"""RFC 5321 section 4.5.3.2.7: a server waits at least five minutes for the next command."""
MAIL_SECONDS = 600.0
"""One mail, from 354 to its final dot."""
TLS_SECONDS = 30.0
LOOK_SECONDS = 5.0
ERRORS = 20
"""Refused commands in a row, after which the line is closed."""

Answer = bytes | Coroutine[Any, Any, bytes]


class Conversation(asyncio.Protocol):
    """One connection. What is said in it is for `command` and `mail` of whoever extends it."""

    def __init__(self, *, max_message_bytes: int) -> None:
        self._limit = max_message_bytes
        self._buffer = bytearray()
        self._unsearched = 0
        self._in_mail = self._too_large = self._write_paused = False
        self._mail_since = self._heard_at = 0.0
        self._errors = 0
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    async def greeting(self) -> bytes:
        """What is said first."""
        raise RuntimeError("not a conversation of its own")

    def command(self, line: bytes) -> Answer:
        """The reply to a command line, without line ends; or a coroutine of it, which is awaited first."""
        raise RuntimeError("not a conversation of its own")

    def mail(self, content: bytes | None) -> Answer:
        """The reply to a mail, its dots taken out; None for one over the limit."""
        raise RuntimeError("not a conversation of its own")

    def fault(self, error: Exception) -> bytes:
        """The reply when a coroutine of `greeting`, `command` or `mail` fails."""
        raise RuntimeError("not a conversation of its own")

    # -- for those who extend it

    def expect_mail(self) -> bytes:
        """The next that comes is a mail."""
        # the line end of the DATA command is the first half of an empty mail's end
        self._buffer[:0] = b"\r\n"
        self._in_mail, self._too_large, self._unsearched = True, False, 0
        self._mail_since = asyncio.get_running_loop().time()
        return b"354 End data with <CR><LF>.<CR><LF>"

    async def encrypt(self, context: ssl.SSLContext) -> None:
        """Begin TLS. What came in the clear behind the command is forgotten (RFC 3207 section 4.2)."""
        transport = self._open()
        self._buffer.clear()
        transport.write(b"220 2.0.0 Go ahead\r\n")
        secured = await asyncio.get_running_loop().start_tls(
            transport, self, context, server_side=True, ssl_handshake_timeout=TLS_SECONDS
        )
        if secured is None:
            raise ConnectionResetError
        self._transport = secured

    def hang_up(self, last: bytes = b"") -> None:
        """Close when what was said is on its way."""
        if self._transport is not None:
            self._transport.write(last)
            self._transport.close()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are transports in all but their class
        self._transport = cast(asyncio.Transport, transport)
        self._heard_at = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._work_out(self.greeting()))
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._buffer.clear()
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._buffer += data
        if self._task is None:
            self._go_on()
        elif len(self._buffer) > LINE:
            # what comes while an answer is worked out waits in the socket
            self._open().pause_reading()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._task is None:
            self._go_on()

    # -- inner

    def _open(self) -> asyncio.Transport:
        if self._transport is None:
            raise ConnectionResetError
        return self._transport

    def _go_on(self) -> None:
        """Answer all that is there: pipelined commands get their replies in one write (RFC 2920)."""
        said: list[bytes] = []
        while self._transport is not None and not self._transport.is_closing() and not self._write_paused:
            answer = self._next()
            if answer is None:
                break
            if not isinstance(answer, bytes):
                self._task = asyncio.create_task(self._work_out(answer))
                break
            said.append(answer)
            if self._is_over(answer):
                break
        if said and self._transport is not None:
            self._transport.write(b"\r\n".join(said) + b"\r\n")
            if self._is_over(said[-1]):
                self._transport.close()

    def _is_over(self, answer: bytes) -> bool:
        """After goodbye, or too many refusals in a row, nothing more is heard."""
        self._errors = self._errors + 1 if answer.startswith((b"4", b"5")) else 0
        return answer[:3] in (b"221", b"421") or self._errors >= ERRORS

    async def _work_out(self, answer: Coroutine[Any, Any, bytes]) -> None:
        try:
            said = await answer
        except ConnectionError:
            self.hang_up()
            return
        except Exception as error:
            said = self.fault(error)
        finally:
            self._task = None
        if self._transport is None:
            return
        if said:
            self._transport.write(said + b"\r\n")
        if self._is_over(said):
            self._transport.close()
            return
        self._heard_at = asyncio.get_running_loop().time()
        self._transport.resume_reading()
        self._go_on()

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
        if not line.endswith(b"\r\n") or len(line) > LINE:
            return b"500 5.5.2 A command ends with CRLF"
        return self.command(line[:-2])

    def _next_mail(self) -> Answer | None:
        """Only CRLF "." CRLF ends a mail, so no smuggled LF "." LF does (RFC 5321 section 4.1.1.4)."""
        end = self._buffer.find(END, self._unsearched)
        if end < 0:
            if len(self._buffer) > self._limit + LINE:
                # keep what may be the beginning of the end
                self._too_large = True
                del self._buffer[: 1 - len(END)]
            self._unsearched = max(len(self._buffer) - len(END) + 1, 0)
            return None
        whole = not self._too_large and end <= self._limit
        # dot-unstuffing, RFC 5321 section 4.5.2
        content = bytes(self._buffer[: end + 2]).replace(b"\r\n.", b"\r\n")[2:] if whole else None
        del self._buffer[: end + len(END)]
        self._in_mail, self._unsearched = False, 0
        return self.mail(content)

    def _watch(self) -> None:
        """End what has become silent, or goes on for too long with one mail."""
        now = asyncio.get_running_loop().time()
        late = now > self._heard_at + IDLE_SECONDS or (self._in_mail and now > self._mail_since + MAIL_SECONDS)
        if late and self._task is None and self._transport is not None:
            self._transport.write(b"421 4.4.2 Too slow\r\n")
            self._transport.abort() if self._write_paused else self._transport.close()
            return
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._watch)
