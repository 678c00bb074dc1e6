"""One SMTP session with another mail server, from the greeting to the reply after the final dot.

The only file that knows aiosmtplib. Its `sendmail` is not used: it does not tell whether the final dot had gone out
when the line was lost, it rewrites line ends after the digest was checked, and it re-reads addresses.
"""

import asyncio
from dataclasses import dataclass
from ipaddress import ip_address
from ssl import SSLContext, SSLObject
from typing import cast

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponse, SMTPResponseException, SMTPServerDisconnected
from aiosmtplib.protocol import MAX_RESPONSE_LENGTH, SMTPProtocol

from server.delivery.outcome import Bounced, Deferred, Outcome
from server.delivery.reply import accepted, lost, refused, uncertain
from server.delivery.routes import Host
from tools.mail.classify import Step

# ValueError: a host name that cannot be encoded
FAILURES = (SMTPException, OSError, ValueError)

_CHUNK = 1 << 16
_CLOSING = 421


@dataclass(frozen=True, slots=True)
class Letter:
    """What is handed over: the envelope, and the bytes with CRLF line ends."""

    sender: str
    recipient: str
    raw: bytes

    @property
    def needs_smtputf8(self) -> bool:
        return not (self.sender.isascii() and self.recipient.isascii())


class Stale(Exception):
    """The remote had closed a kept session before it heard of this mail. Nothing was tried; a new one will do."""


class _Protocol(SMTPProtocol):
    """Hands over one whole reply at a time.

    Left to itself aiosmtplib reads a reply from its start again with each piece that comes, so a remote could have
    12 seconds of our CPU for 32 KiB; and what came behind a reply would answer the next command.
    """

    def __init__(self, client: SMTP) -> None:
        super().__init__(asyncio.get_running_loop(), lambda _: client.close())
        self._reply = bytearray()
        self._read = 0

    def data_received(self, data: bytes) -> None:
        self._reply += data
        while (end := self._reply.find(b"\n", self._read) + 1) and self._reply[self._read + 3 : self._read + 4] == b"-":
            self._read = end
        # one that is too long goes on as it is, to be refused
        if end or len(self._reply) > MAX_RESPONSE_LENGTH:
            reply = bytes(self._reply[:end] if end else self._reply)
            self._reply.clear()
            self._read = 0
            super().data_received(reply)

    def write(self, data: bytes) -> None:
        # what came unasked is no part of the reply to this; before TLS it may be a stranger's (RFC 3207 section 6)
        self._reply.clear()
        self._read = 0
        super().write(data)


class Connection:
    """A session; whoever has it must end it with `quit` or `abort`, or keep it while it is `alive`."""

    def __init__(self, host: Host, address: str, helo_name: str) -> None:
        self.host = host
        self.step: Step = "greeting"
        self.handed_over = 0
        self.is_local = False
        self._address = address
        self._client = SMTP(local_hostname=helo_name, timeout=None)
        self._socket: asyncio.WriteTransport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._envelope_open = False
        self._dot_sent = False

    @property
    def alive(self) -> bool:
        return self._client.is_connected

    @property
    def tls(self) -> SSLObject | None:
        """The encrypted line, with what is known of the other end; None while it is in the clear."""
        found: SSLObject | None = self._client.get_transport_info("ssl_object")
        return found

    async def greet(self) -> None:
        """Connect and say EHLO. Raises one of FAILURES, as the next two do."""
        loop = asyncio.get_running_loop()
        socket, protocol = await loop.create_connection(lambda: _Protocol(self._client), self._address, self.host.port)
        self._socket, self._client.transport, self._client.protocol = socket, socket, protocol
        greeting = await protocol.read_response()
        if greeting.code // 100 != 2:
            raise SMTPResponseException(*greeting)
        peer = socket.get_extra_info("peername")
        self.is_local = bool(peer) and ip_address(peer[0].partition("%")[0]).is_loopback
        self.step = "ehlo"
        await self._hello()

    def offers(self, extension: str) -> bool:
        return self._client.supports_extension(extension)

    async def start_tls(self, context: SSLContext) -> None:
        self.step = "starttls"
        await self._client.starttls(server_hostname=self.host.name, tls_context=context)
        # under TLS 1.3 a server that dislikes the handshake says so only now: this is still the same step
        await self._hello()

    async def log_in(self, user: str, password: str) -> None:
        self.step = "auth"
        await self._client.login(user, password)

    async def _hello(self) -> None:
        try:
            await self._client.ehlo()
        except SMTPHeloError as error:
            # RFC 5321 section 3.2: a server that does not know EHLO
            if error.code not in (500, 502):
                raise
            await self._client.helo()

    async def hand_over(self, letter: Letter, deadline: float) -> Outcome:
        """One mail transaction, ended at `deadline` (the loop's time). Raises Stale."""
        self._dot_sent = False
        try:
            async with asyncio.timeout_at(deadline):
                outcome = await self._hand_over(letter)
        except FAILURES as error:
            self.abort()
            if self._dot_sent:
                return uncertain(self.host.name, _why(error))
            if self.handed_over and self.step == "mail" and isinstance(error, SMTPServerDisconnected):
                raise Stale from error
            return self.failure(error)
        except BaseException:
            self.abort()  # broken off in the middle: no next mail can be understood here
            raise
        self.handed_over += 1
        return outcome

    async def _hand_over(self, letter: Letter) -> Outcome:
        if letter.needs_smtputf8 and not self.offers("smtputf8"):
            return Bounced(0, "5.6.7", "the host does not take addresses beyond ASCII", self.host.name, "Unknown")
        reply = await self._envelope(letter)
        if self.step == "data" and reply.code // 100 == 3:
            reply = await self._send(letter.raw)
        return self._judged(reply)

    async def _envelope(self, letter: Letter) -> SMTPResponse:
        """The reply to DATA, or the first one before it that is not positive."""
        if self._envelope_open:
            await self._forget()
        reply = await self._command("mail", b"MAIL", b"FROM:<%s>" % letter.sender.encode(), *self._parameters(letter))
        if reply.code == _CLOSING and self.handed_over:
            raise SMTPServerDisconnected("closed between two mails")
        if reply.code // 100 != 2:
            return reply
        self._envelope_open = True
        reply = await self._command("rcpt", b"RCPT", b"TO:<%s>" % letter.recipient.encode())
        return await self._command("data", b"DATA") if reply.code // 100 == 2 else reply

    def _judged(self, reply: SMTPResponse) -> Outcome:
        if self._dot_sent:
            self._envelope_open = False
            if reply.code // 100 == 2:
                return accepted(self.host.name, *reply)
        if not 400 <= reply.code <= 599:
            self.abort()  # neither yes nor no: this is not SMTP any more
            if self._dot_sent:
                return uncertain(self.host.name, str(reply))
        return refused(self.step, self.host.name, *reply)

    def _parameters(self, letter: Letter) -> list[bytes]:
        wanted = (
            (b"SIZE=%d" % len(letter.raw), "size", True),  # RFC 1870
            (b"BODY=8BITMIME", "8bitmime", not letter.raw.isascii()),  # RFC 6152
            (b"SMTPUTF8", "smtputf8", letter.needs_smtputf8),  # RFC 6531
        )
        return [parameter for parameter, extension, needed in wanted if needed and self.offers(extension)]

    async def _forget(self) -> None:
        """End the transaction that a refused recipient left open."""
        reply = await self._command("mail", b"RSET")
        if reply.code != 250:
            raise SMTPServerDisconnected("RSET was refused")
        self._envelope_open = False

    async def _command(self, step: Step, *words: bytes) -> SMTPResponse:
        self.step = step
        return await self._client.execute_command(*words)

    async def _send(self, raw: bytes) -> SMTPResponse:
        """The content, and the dot only when the rest has left this process.

        The reply is awaited from the start, as a server may refuse midway and hang up.
        """
        self.step = "content"
        protocol = self._protocol()
        writer = self._flushing_writer(protocol)
        reply = asyncio.ensure_future(protocol.read_response())
        content = asyncio.ensure_future(_write(writer, raw))
        try:
            await asyncio.wait((reply, content), return_when=asyncio.FIRST_COMPLETED)
            if reply.done():
                early = reply.result()
                self.abort()
                return early
            await content
            if writer.is_closing():
                raise SMTPServerDisconnected("Connection lost")
            writer.write(b".\r\n")
            self._dot_sent = True
            return await reply
        finally:
            reply.cancel()
            content.cancel()
            await asyncio.gather(reply, content, return_exceptions=True)

    def _flushing_writer(self, protocol: SMTPProtocol) -> asyncio.StreamWriter:
        """A writer whose `drain` waits until nothing is left to write. One for all mails: to drop it would close it."""
        if self._writer is None:
            transport = cast(asyncio.WriteTransport, protocol.transport)
            for layer in (transport, self._socket):
                if layer is not None:
                    layer.set_write_buffer_limits(high=1, low=0)
            self._writer = asyncio.StreamWriter(transport, protocol, None, asyncio.get_running_loop())
        return self._writer

    def _protocol(self) -> SMTPProtocol:
        if self._client.protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        return self._client.protocol

    def failure(self, error: Exception) -> Deferred | Bounced:
        """What one of FAILURES means while the final dot has not been sent."""
        if isinstance(error, SMTPResponseException):
            return refused(self.step, self.host.name, error.code, error.message)
        return lost(self.step, self.host.name, _why(error))

    def quit(self) -> None:
        """Say QUIT and close, without waiting for the reply."""
        if self.alive:
            self._protocol().write(b"QUIT\r\n")
        self._client.close()

    def abort(self) -> None:
        """Close at once; what is still to be written is dropped."""
        if self._socket is not None:
            self._socket.abort()
        self._client.close()


async def _write(writer: asyncio.StreamWriter, raw: bytes) -> None:
    content = raw.replace(b"\r\n.", b"\r\n..")  # RFC 5321 section 4.5.2
    if content.startswith(b"."):
        content = b"." + content
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    for start in range(0, len(content), _CHUNK):
        writer.write(content[start : start + _CHUNK])
        await writer.drain()


def _why(error: Exception) -> str:
    return "timed out" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
