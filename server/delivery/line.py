"""A connection to another mail server: commands go out, one or several at once, and replies come in, in their order."""

import asyncio
from collections import deque
from math import inf
from ssl import SSLContext, SSLObject
from typing import cast

from server.delivery.replies import MAX_REPLY, Garbled, Reply, ReplyReader


class LineLost(ConnectionError):
    """The connection ended."""


class Line(asyncio.Protocol):
    """One session's bytes. For one task, which must end it with `close` or `abort`."""

    def __init__(self) -> None:
        self.deadline = inf
        """The end of every wait, in the loop's time."""
        self._transport: asyncio.Transport | None = None
        self._socket: asyncio.Transport | None = None
        self._reader = ReplyReader()
        self._heard: deque[Reply] = deque()
        self._to_come = 1  # the greeting
        self._unasked = 0
        self._paused = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def alive(self) -> bool:
        return self._failure is None and self._transport is not None and not self._transport.is_closing()

    @property
    def tls(self) -> SSLObject | None:
        """What is known of the encryption; None in the clear."""
        found: SSLObject | None = self._transport.get_extra_info("ssl_object") if self._transport else None
        return found

    @property
    def peer(self) -> str:
        """The other end's IP address; empty if it is not known."""
        name = self._transport.get_extra_info("peername") if self._transport else None
        return str(name[0]) if name else ""

    @property
    def all_written(self) -> bool:
        """Whether all that was written has left this process. Under TLS the last of it may still be here."""
        return not self._paused

    @property
    def spoken(self) -> bool:
        """Whether a reply is there that was not taken."""
        return bool(self._heard)

    @property
    def owed(self) -> int:
        """Replies that were asked for and not taken."""
        return self._to_come + len(self._heard)

    def ask(self, commands: bytes, replies: int = 1) -> None:
        """Write what `replies` will answer. Raises LineLost.

        What came unasked is no part of that; before TLS it may be a stranger's (RFC 3207 section 6).
        """
        self._heard.clear()
        self._reader.forget()
        self._to_come = replies
        self._unasked = 0
        self.write(commands)

    def write(self, data: bytes) -> None:
        """Write more of what was asked. Raises LineLost."""
        self._open().write(data)

    async def reply(self, seconds: float) -> Reply:
        """The next reply. Raises Garbled, LineLost, or TimeoutError after `seconds` or at the deadline."""
        while not self._heard:
            await self._news(seconds)
        return self._heard.popleft()

    async def flushed(self, seconds: float) -> None:
        """Wait until all has left this process, or a reply has come. Raises as `reply` does."""
        while self._paused and not self._heard:
            await self._news(seconds)

    async def start_tls(self, context: SSLContext, name: str) -> None:
        """Encrypt. `name`: the host's. Raises LineLost, or what the handshake fails with."""
        self._to_come = 0
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(self._open(), self, context, server_hostname=name)
        except ConnectionError as error:
            raise LineLost("connection lost during the TLS handshake") from error
        if secured is None:
            raise LineLost("connection lost during the TLS handshake")
        self._transport = secured
        secured.set_write_buffer_limits(high=1, low=0)  # at a limit of 0 this layer would pause for nothing

    def close(self, last: bytes) -> None:
        """Close when `last` is on its way."""
        if self._transport is not None and self.alive:
            self._transport.write(last)
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what is still to be written is dropped."""
        if self._socket is not None and self._transport is not None:
            self._socket.abort()
            self._transport.close()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are transports in all but their class
        self._transport = self._socket = cast(asyncio.Transport, transport)
        # paused as soon as a byte has to wait: `all_written` is then exact
        self._transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        if self._failure:
            return
        if not self._to_come:
            # dropped; but who goes on and on is not read for as long as the session rests
            self._unasked += len(data)
            if self._unasked > MAX_REPLY:
                self._fail(Garbled("more than was asked for"))
            return
        try:
            for reply in self._reader.feed(data):
                self._heard.append(reply)
                self._to_come -= 1
                if not self._to_come:
                    break
        except Garbled as error:
            self._fail(error)
        if self._heard:
            self._wake()

    def eof_received(self) -> None:
        # not left to the transport, which would first try to write all it has
        self._fail(LineLost("connection lost"))

    def connection_lost(self, exc: Exception | None) -> None:
        failure = LineLost("connection lost")
        failure.__cause__ = exc
        self._fail(failure)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._wake()

    # -- inner

    def _open(self) -> asyncio.Transport:
        if self._failure:
            raise self._failure
        if self._transport is None or self._transport.is_closing():
            raise LineLost("connection lost")
        return self._transport

    async def _news(self, seconds: float) -> None:
        """Wait until something has happened."""
        self._open()
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_at(min(loop.time() + seconds, self.deadline), _expire, self._waiter)
        try:
            await self._waiter
        finally:
            timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: Exception) -> None:
        if self._failure is None:
            self._failure = failure
            self.abort()
            self._wake()


def _expire(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
