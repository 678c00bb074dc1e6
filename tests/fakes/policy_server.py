"""A web server on loopback for one request a connection: it answers whatever it is told to."""

import asyncio
import contextlib
import itertools
import re
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType

Act = Callable[[asyncio.StreamWriter], Awaitable[None]]


def page(body: str | bytes, status: str = "200 OK", kind: str = "text/plain", more: str = "") -> bytes:
    """An HTTP response."""
    content = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{more}Connection: close"
    return head.encode() + b"\r\n\r\n" + content


def policy(mode: str = "enforce", *mx: str, max_age: int = 86400) -> bytes:
    """The response with a policy."""
    hosts = "".join(f"mx: {host}\r\n" for host in mx)
    return page(f"version: STSv1\r\nmode: {mode}\r\n{hosts}max_age: {max_age}\r\n")


async def stall(writer: asyncio.StreamWriter) -> None:
    """Nothing, for ever."""
    await asyncio.Event().wait()


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte at a time, and never a whole head."""
    for byte in itertools.cycle(b"HTTP/1.1 200 OK\r\nX: y\r\n"):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.001)


class PolicyServer:
    """Use as a context manager. `requests` has the head of each request, `bodies` what came with it."""

    def __init__(self, answer: bytes | Act, tls: ssl.SSLContext) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.port = 0
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "PolicyServer":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
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

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"\r\ncontent-length: (\d+)\r\n", head.lower())
            body = await reader.readexactly(int(length[1]) if length else 0)
            self.requests.append(head)
            self.bodies.append(body)
            if isinstance(self.answer, bytes):
                writer.write(self.answer)
                await writer.drain()
            else:
                await self.answer(writer)
        writer.transport.abort() if callable(self.answer) else writer.close()
