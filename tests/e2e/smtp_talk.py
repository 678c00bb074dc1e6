"""An SMTP client that says exactly what it is told, byte for byte."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SECONDS = 30.0


class Talk:
    """One connection. Every wait ends after 30 s with TimeoutError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(SECONDS):
            self.writer.write(data)
            await self.writer.drain()

    async def reply(self) -> str:
        """The next reply, its lines joined by line feeds. Raises ConnectionError when the line is closed."""
        lines: list[str] = []
        async with asyncio.timeout(SECONDS):
            while not lines or lines[-1][3:4] == "-":
                line = await self._reader.readline()
                if not line.endswith(b"\r\n"):
                    raise ConnectionResetError("the server closed the connection")
                lines.append(line[:-2].decode())
        return "\n".join(lines)

    async def command(self, text: str) -> str:
        await self.send(text.encode() + b"\r\n")
        return await self.reply()

    async def greet(self) -> str:
        """Read the greeting and say EHLO; the reply to it."""
        assert (await self.reply()).startswith("220 ")
        return await self.command("EHLO client.example.net")

    async def begin(self, *recipients: str, sender: str = "bea@example.net") -> None:
        """MAIL, RCPT and DATA, up to the 354."""
        assert (await self.command(f"MAIL FROM:<{sender}>")).startswith("250 ")
        for recipient in recipients:
            assert (await self.command(f"RCPT TO:<{recipient}>")).startswith("250 ")
        assert (await self.command("DATA")).startswith("354 ")

    async def mail(self, raw: bytes, *recipients: str) -> str:
        """Hand over a mail with CRLF line ends; the reply to its final dot."""
        await self.begin(*recipients)
        await self.send(stuffed(raw))
        return await self.reply()

    async def closed(self) -> bool:
        """Whether the server ends the connection, with nothing more to say."""
        async with asyncio.timeout(SECONDS):
            try:
                return await self._reader.read(1) == b""
            except ConnectionError:
                return True


@asynccontextmanager
async def talking(port: int) -> AsyncIterator[Talk]:
    """A connection to 127.0.0.1, greeting unread."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    try:
        yield Talk(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def stuffed(raw: bytes) -> bytes:
    """A mail as it goes over the wire: dots doubled at the beginning of lines, and the final dot."""
    if raw and not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    return (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
