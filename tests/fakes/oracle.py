"""One attempt by aiosmtplib, a command at a time: what our own client must make of the same server."""

import asyncio

from aiosmtplib import SMTPException, SMTPResponse
from aiosmtplib.esmtp import parse_esmtp_extensions
from aiosmtplib.protocol import PERIOD_REGEX, SMTPProtocol

from server.delivery.connection import Letter
from server.delivery.outcome import Outcome
from server.delivery.reply import accepted, lost, refused, uncertain
from tools.mail.classify import Step

HOST = "localhost"


class Oracle:
    """A session of one mail."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._protocol = SMTPProtocol()
        self._step: Step = "greeting"
        self._offered: dict[str, str] = {}
        self._dot_sent = False

    async def deliver(self, letter: Letter, seconds: float) -> Outcome:
        """What becomes of a mail."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                await loop.create_connection(lambda: self._protocol, "127.0.0.1", self._port)
                return self._judged(await self._converse(letter))
        except (SMTPException, OSError) as error:
            why = "timed out" if isinstance(error, TimeoutError) else str(error)
            return uncertain(HOST, why) if self._dot_sent else lost(self._step, HOST, why)
        finally:
            if isinstance(self._protocol.transport, asyncio.WriteTransport):
                self._protocol.transport.abort()

    async def _converse(self, letter: Letter) -> SMTPResponse:
        """The reply to the content, or the first one that is not positive."""
        reply = await self._protocol.read_response()
        if reply.code // 100 != 2:
            return reply
        reply = await self._hello()
        if reply.code != 250:
            return reply
        envelope: tuple[tuple[Step, bytes], ...] = (
            ("mail", b" ".join((b"MAIL FROM:<%s>" % letter.sender.encode(), *self._parameters(letter)))),
            ("rcpt", b"RCPT TO:<%s>" % letter.recipient.encode()),
        )
        for step, command in envelope:
            reply = await self._say(step, command)
            if reply.code // 100 != 2:
                return reply
        reply = await self._say("data", b"DATA")
        return await self._send(letter.raw) if reply.code // 100 == 3 else reply

    async def _hello(self) -> SMTPResponse:
        reply = await self._say("ehlo", b"EHLO gatepost.test")
        if reply.code in (500, 502):
            return await self._say("ehlo", b"HELO gatepost.test")
        self._offered, _ = parse_esmtp_extensions(reply.message)
        return reply

    def _parameters(self, letter: Letter) -> list[bytes]:
        size = [b"SIZE=%d" % len(letter.raw)] if "size" in self._offered else []
        return size if letter.raw.isascii() or "8bitmime" not in self._offered else [*size, b"BODY=8BITMIME"]

    async def _send(self, raw: bytes) -> SMTPResponse:
        self._step = "content"
        end = b"" if raw.endswith(b"\r\n") else b"\r\n"
        self._protocol.write(PERIOD_REGEX.sub(b"..", raw) + end + b".\r\n")
        self._dot_sent = True
        return await self._protocol.read_response()

    async def _say(self, step: Step, command: bytes) -> SMTPResponse:
        self._step = step
        return await self._protocol.execute_command(command)

    def _judged(self, reply: SMTPResponse) -> Outcome:
        if self._dot_sent and reply.code // 100 == 2:
            return accepted(HOST, *reply)
        if self._dot_sent and not 400 <= reply.code <= 599:
            return uncertain(HOST, str(reply))
        return refused(self._step, HOST, *reply)
