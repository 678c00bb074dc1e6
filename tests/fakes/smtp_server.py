"""A scripted SMTP server: a dict says what it answers at each step, and it records what it was told."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import cast


class Act(Enum):
    """Something other than an answer."""

    DROP = auto()
    """Close the connection."""
    STALL = auto()
    """Say nothing and read nothing, for ever."""


Answer = str | Act | Callable[["Session"], Awaitable[None]]
"""A reply ("\\n" between its lines), an act, or a function that does as it likes with the session."""
Script = Mapping[str, Answer | list[Answer]]
"""Answers by step; of a list the first is for the first time in this server's life, and the last stays."""

DEFAULTS: Script = {
    "GREETING": "220 fake.test ESMTP",
    "HELO": "250 fake.test",
    "STARTTLS": "220 2.0.0 go ahead",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "CONTENT": "250 2.0.0 taken",
    "RSET": "250 2.0.0 forgotten",
    "NOOP": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}
"""Two more have no default: "TLS" in place of the handshake, "BODY" amid the content, after which nothing is read."""


@dataclass
class Session:
    """One connection: the commands, whether it is encrypted, and the content of each mail as it was on the wire."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    commands: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    encrypted: bool = False
    over: bool = False

    async def say(self, reply: str) -> None:
        self.writer.write(reply.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n")
        await self.writer.drain()

    @property
    def verbs(self) -> list[str]:
        return [command.split(" ")[0] for command in self.commands]

    @property
    def messages(self) -> list[bytes]:
        """The mails, without the dots that were put in for the way."""
        return [b"\r\n".join(line.removeprefix(b".") for line in wire.split(b"\r\n")) for wire in self.contents]


def named(answer: object) -> str:
    """An answer in a test's id, which is short, and the same in each run."""
    return getattr(answer, "__name__", str(answer))[:40]


class FakeSMTPServer:
    """Use as a context manager; then `port`, `sessions`, `messages` and `until` are there."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        extensions: tuple[str, ...] = ("SIZE 10000000", "8BITMIME", "ENHANCEDSTATUSCODES"),
    ) -> None:
        self.script: dict[str, Answer | list[Answer]] = {**DEFAULTS, **(script or {})}
        self.extensions = (*extensions, "STARTTLS") if tls else extensions
        self.sessions: list[Session] = []
        self.port = 0
        self._tls = tls
        self._times: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Condition()

    async def __aenter__(self) -> "FakeSMTPServer":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=2**26)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def messages(self) -> list[bytes]:
        return [message for session in self.sessions for message in session.messages]

    async def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait for what the server will have seen. Raises TimeoutError if it does not come."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(condition)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(reader, writer)
        self.sessions.append(session)
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, EOFError):
                await self._converse(session)
        except asyncio.CancelledError:
            pass  # the server is closing; the streams' own callback would complain of a cancelled task
        finally:
            session.over = True
            session.writer.transport.abort()
            await self._tell()

    async def _converse(self, session: Session) -> None:
        await self._answer("GREETING", session)
        while not session.writer.is_closing():
            line = await session.reader.readuntil(b"\r\n")
            session.commands.append(line[:-2].decode("utf-8", "surrogateescape"))
            await self._tell()
            verb = session.verbs[-1].upper()
            reply = await self._answer(verb, session)
            if verb == "STARTTLS" and reply.startswith("220"):
                await self._encrypt(session)
            elif verb == "DATA" and reply.startswith("354"):
                await self._take(session)
            elif verb == "QUIT":
                return

    async def _encrypt(self, session: Session) -> None:
        if "TLS" in self.script:
            await self._answer("TLS", session)
        elif self._tls:
            await session.writer.start_tls(self._tls)
            session.encrypted = True

    async def _take(self, session: Session) -> None:
        if "BODY" in self.script:
            await session.reader.read(1)  # or the answer could reach the client together with the 354
            await self._answer("BODY", session)
            await self._stall(session)
        lines: list[bytes] = []
        while (line := await session.reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line)
        session.contents.append(b"".join(lines))
        await self._tell()
        await self._answer("CONTENT", session)

    async def _answer(self, step: str, session: Session) -> str:
        answer = self._scripted(step)
        if answer is Act.DROP:
            session.writer.transport.abort()
            raise EOFError
        if answer is Act.STALL:
            await self._stall(session)
        if isinstance(answer, str):
            await session.say(answer)
            return answer
        if callable(answer):
            await answer(session)
        return ""

    async def _stall(self, session: Session) -> None:
        cast(asyncio.Transport, session.writer.transport).pause_reading()
        await asyncio.Event().wait()

    def _scripted(self, step: str) -> Answer:
        times = self._times[step] = self._times.get(step, -1) + 1
        if step == "EHLO" and step not in self.script:
            *lines, last = ("fake.test", *self.extensions)
            return "\n".join([*(f"250-{line}" for line in lines), f"250 {last}"])
        answer = self.script.get(step, "502 5.5.1 not in the script")
        return answer[min(times, len(answer) - 1)] if isinstance(answer, list) else answer

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()
