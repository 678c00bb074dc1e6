"""The mails of one SMTP session.

To a server that offers PIPELINING (RFC 2920) the envelope and DATA go out in one write, so that a mail costs two round
trips. After each failure it is known whether the final dot had gone out: if so, nobody tries that mail again.
"""

import asyncio
from dataclasses import dataclass

from server.delivery.line import LineLost
from server.delivery.outcome import Bounced, Outcome, Sent
from server.delivery.replies import Reply
from server.delivery.reply import accepted, refused, uncertain
from server.delivery.routes import Host
from server.delivery.session import FAILURES, PATIENCE, Session, why
from tools.mail.classify import Step

BLOCK_SECONDS = 180.0
"""For a piece of the content to leave (RFC 5321 section 4.5.3.2.5)."""
REST_SECONDS = 10.0
"""For the replies to what was sent along with a command that was refused. Nothing but the session hangs on them."""

_PIECE = 1 << 16
_CLOSING = 421
_RESET = b"RSET\r\n"


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


class Connection(Session):
    """A session; whoever has it must end it with `quit` or `abort`, or keep it while it is `alive`."""

    def __init__(self, host: Host, address: str, helo_name: str) -> None:
        super().__init__(host, address, helo_name)
        self.handed_over = 0
        self.refused = 0
        self._envelope_open = False
        self._content_written = False

    async def hand_over(self, letter: Letter, deadline: float) -> Outcome:
        """One mail transaction, ended at `deadline` (the loop's time). Raises Stale."""
        self._content_written = False
        self._line.deadline = deadline
        try:
            outcome = await self._hand_over(letter)
        except FAILURES as error:
            self.abort()
            if self._dot_sent:
                return uncertain(self.host.name, why(error))
            if self.handed_over and self.step == "mail" and isinstance(error, LineLost):
                raise Stale from error
            return self.failure(error)
        except BaseException:
            self.abort()  # broken off in the middle: no next mail can be understood here
            if self._dot_sent:
                # who breaks off must still learn that the mail may have been taken
                return uncertain(self.host.name, "broken off before the reply")
            raise
        self.handed_over += 1
        self.refused += not isinstance(outcome, Sent)
        if self.alive and self._line.owed:
            await self._hear_the_rest()
        return outcome

    @property
    def _dot_sent(self) -> bool:
        """Whether the end of the content has left: what becomes of the mail is the remote's to say from then on."""
        return self._content_written and self._line.all_written

    async def _hand_over(self, letter: Letter) -> Outcome:
        if letter.needs_smtputf8 and not self.offers("smtputf8"):
            return Bounced(0, "5.6.7", "the host does not take addresses beyond ASCII", self.host.name, "Unknown")
        reply = await self._envelope(letter)
        if self.step == "data" and reply.code // 100 == 3:
            reply = await self._send(letter.raw)
        return self._judged(reply)

    async def _envelope(self, letter: Letter) -> Reply:
        """The reply to DATA, or the first one before it that is not positive."""
        commands = self._commands(letter)
        together = self.offers("pipelining")
        if together:
            self._line.ask(b"".join(command for _, command in commands), len(commands))
        for step, command in commands:
            self.step = step
            if not together:
                self._line.ask(command)
            reply = await self._line.reply(PATIENCE[step])
            if reply.code // 100 != 2:
                break
            self._envelope_open = command != _RESET
        if command == _RESET or (self.step == "mail" and reply.code == _CLOSING and self.handed_over):
            raise LineLost("closed between two mails")
        return reply

    def _commands(self, letter: Letter) -> list[tuple[Step, bytes]]:
        sender = b" ".join((b"MAIL FROM:<%s>" % letter.sender.encode(), *self._parameters(letter)))
        commands: list[tuple[Step, bytes]] = [
            ("mail", sender + b"\r\n"),
            ("rcpt", b"RCPT TO:<%s>\r\n" % letter.recipient.encode()),
            ("data", b"DATA\r\n"),
        ]
        # first of all an end to the transaction that a refusal left open
        return [("mail", _RESET), *commands] if self._envelope_open else commands

    def _parameters(self, letter: Letter) -> list[bytes]:
        wanted = (
            (b"SIZE=%d" % len(letter.raw), "size", True),  # RFC 1870
            (b"BODY=8BITMIME", "8bitmime", not letter.raw.isascii()),  # RFC 6152
            (b"SMTPUTF8", "smtputf8", letter.needs_smtputf8),  # RFC 6531
        )
        return [parameter for parameter, extension, needed in wanted if needed and self.offers(extension)]

    async def _send(self, raw: bytes) -> Reply:
        """The reply to the content. It may come midway, as a server may refuse and hang up."""
        self.step = "content"
        content = _on_the_wire(raw)
        self._line.ask(content[:_PIECE])
        for start in range(_PIECE, len(content), _PIECE):
            await self._line.flushed(BLOCK_SECONDS)
            if self._line.spoken:
                break
            self._line.write(content[start : start + _PIECE])
        else:
            self._content_written = True
        return await self._line.reply(PATIENCE["content"])

    def _judged(self, reply: Reply) -> Outcome:
        if self._dot_sent:
            # RFC 5321 section 4.1.1.4: this ends the transaction; in Postfix not where a restriction refused the mail
            self._envelope_open = reply.code // 100 != 2
            if reply.code // 100 == 2:
                return accepted(self.host.name, *reply)
            if reply.code // 100 == 3:
                self.abort()
                return uncertain(self.host.name, str(reply))
        # what is neither yes nor no is not SMTP any more, and nothing can follow half a content
        if reply.code < 400 or reply.code == _CLOSING or (self.step == "content" and not self._dot_sent):
            self.abort()
        return refused(self.step, self.host.name, *reply)

    async def _hear_the_rest(self) -> None:
        """The replies to what was sent along with a refused command, so that the session can go on; or its end."""
        self._line.deadline = min(self._line.deadline, asyncio.get_running_loop().time() + REST_SECONDS)
        ready = False
        try:
            *earlier, data = [await self._line.reply(REST_SECONDS) for _ in range(self._line.owed)]
            if data.code // 100 == 3 and not any(reply.code // 100 == 2 for reply in earlier):
                # RFC 2920 section 3.1: no recipient, and yet it asks for the content
                data = await self._asked(b".")
                self._envelope_open = False
            ready = data.code // 100 != 3
        except FAILURES:
            return
        finally:
            if not ready:
                self.abort()


def _on_the_wire(raw: bytes) -> bytes:
    """The content with its dots doubled, and the final one (RFC 5321 section 4.5.2)."""
    content = raw.replace(b"\r\n.", b"\r\n..")
    first = b"." if content.startswith(b".") else b""
    return b"".join((first, content, b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"))
