"""aiosmtpd's SMTP session with its reading of DATA made safe, and its limits tightened."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP

CHUNK = 64 * 1024
"""Limit of the stream's buffer: how much of a mail is taken at a time, and how long a line may be anywhere."""
RECIPIENTS = 100
"""RFC 5321 section 4.5.3.1.8 asks for at least as many."""
COMMANDS = 1000
"""Of any kind in one connection."""
DATA_SECONDS = 600.0
"""One mail, from 354 to its final dot; RFC 5321 section 4.5.3.2 gives a chunk three minutes and names no total."""


class Session(SMTP):
    """One SMTP conversation.

    aiosmtpd keeps the fragments of a line that never ends, refuses lines over 1,001 octets for good, and lets a
    client that hangs up cancel the handler. Here the mail is read in chunks into one buffer of bounded size, a line
    of any length is accepted (many senders exceed 998), and what is past the limit is thrown away as it comes.
    """

    line_length_limit = CHUNK

    def __init__(self, handler: Any, **options: Any) -> None:
        super().__init__(handler, ident="Gatepost", command_call_limit={"*": COMMANDS}, **options)

    async def smtp_RCPT(self, arg: str) -> None:
        if self.envelope is not None and len(self.envelope.rcpt_tos) >= RECIPIENTS:
            await self.push("452 4.5.3 Too many recipients, send the rest in another mail")
            return
        await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        assert self.envelope is not None
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            async with asyncio.timeout(DATA_SECONDS):
                content = await self._read_mail()
        except TimeoutError:
            # what still comes is mail, not commands: the line has to be closed
            await self.push("421 4.4.2 The mail took too long")
            self._writer.close()
            return
        try:
            status = await self._handed_over(content)
        finally:
            # RFC 5321 section 4.1.1.4: forgotten whatever became of the mail, or the next MAIL would get a 503
            self.envelope = self._create_envelope()
        await self.push(status)

    async def _handed_over(self, content: bytes | None) -> Any:
        """The reply to a mail. Raises what the handler raises."""
        assert self.envelope is not None
        if content is None:
            return f"552 5.3.4 The mail is larger than {self.data_size_limit} bytes"
        self.envelope.content = self.envelope.original_content = content
        return await self._call_handler_hook("DATA")

    async def _read_mail(self) -> bytes | None:
        """The mail up to the final dot, without it; None when it is larger than the limit.

        Only CRLF "." CRLF ends it, so no smuggled LF "." LF does (RFC 5321 section 4.1.1.4). Raises
        ConnectionResetError when the client is gone before that.
        """
        mail = bytearray(b"\r\n")
        room = (self.data_size_limit or 0) + len(b".\r\n")
        size = 0
        while True:
            chunk = await self._read_chunk()
            size += len(chunk)
            if size > room:
                # keep what may be the beginning of the end
                mail = mail[-4:]
            mail += chunk
            if mail.endswith(b"\r\n.\r\n"):
                break
            # the timer is for silence: a client that goes on sending within the total deadline is not cut
            self._reset_timeout()
        # dot-unstuffing, RFC 5321 section 4.5.2
        return None if size > room else bytes(mail[:-3]).replace(b"\r\n.", b"\r\n")[2:]

    async def _read_chunk(self) -> bytes:
        try:
            return await self._reader.readuntil(b".\r\n")
        except asyncio.LimitOverrunError as error:
            return await self._reader.readexactly(error.consumed)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError from error
