"""aiosmtpd's SMTP session with its reading of DATA made safe, and its limits tightened."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP

CHUNK = 64 * 1024
"""How long a command line may be, and what the stream holds before it stops reading."""
MAX_READ = 16 * CHUNK
"""More than the stream ever holds: it stops reading at twice its limit, after a last read of the socket."""
END = b"\r\n.\r\n"
RECIPIENTS = 100
"""RFC 5321 section 4.5.3.1.8 asks for at least as many."""
COMMANDS = 1000
"""Of any kind in one connection."""
DATA_SECONDS = 600.0
"""One mail, from 354 to its final dot; RFC 5321 section 4.5.3.2 gives a chunk three minutes and names no total."""


class Session(SMTP):
    """One SMTP conversation.

    aiosmtpd keeps the fragments of a line that never ends, refuses lines over 1,001 octets for good, and lets a
    client that hangs up cancel the handler. Here the mail is read as it comes into one buffer of bounded size, a line
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
        limit = self.data_size_limit or 0
        # the line end of the DATA command is the first half of an empty mail's end
        mail = bytearray(b"\r\n")
        end, too_large = -1, False
        while end < 0:
            unsearched = max(len(mail) - len(END) + 1, 0)
            mail += await self._read_all()
            end = mail.find(END, unsearched)
            if end < 0 and len(mail) > limit + CHUNK:
                # keep what may be the beginning of the end
                too_large = True
                del mail[: 1 - len(END)]
        self._put_back(bytes(mail[end + len(END) :]))
        # dot-unstuffing, RFC 5321 section 4.5.2
        return None if too_large or end > limit else bytes(mail[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]

    async def _read_all(self) -> bytes:
        """All that has come, at least one byte: looking at it line by line would cost an attacker's choice of time."""
        chunk = await self._reader.read(MAX_READ)
        if not chunk:
            raise ConnectionResetError
        # the timer is for silence: a client that goes on sending within the total deadline is not cut
        self._reset_timeout()
        return chunk

    def _put_back(self, rest: bytes) -> None:
        """Commands that were sent along with the mail (RFC 2920); whoever has hung up waits for no answer."""
        if rest and not self._reader.at_eof():
            self._reader.feed_data(rest)
