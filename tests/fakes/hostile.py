"""Mail servers that mean harm: what they do as answers of a script, a courier to a crowd of them, and what it takes."""

import asyncio
import itertools
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from server.delivery.courier import Courier, Timeouts
from server.delivery.routes import Host
from tests.fakes.couriers import Clock
from tests.fakes.smtp_server import FakeSMTPServer, Script, Session

STEPS = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT")
OFFERS = ("8BITMIME", "PIPELINING")
MEGABYTE = 1 << 20


async def flood(session: Session) -> None:
    """Lines without an end."""
    while True:
        session.writer.write(b"250-and more\r\n" * 1000)
        await session.writer.drain()


async def one_endless_line(session: Session) -> None:
    """One line without an end."""
    while True:
        session.writer.write(b"2" * 10_000)
        await session.writer.drain()


async def drip(session: Session) -> None:
    """A byte at a time, and never a whole reply."""
    for byte in itertools.cycle(b"250-and more\r\n"):
        session.writer.write(bytes([byte]))
        await session.writer.drain()
        await asyncio.sleep(0.01)


class ByDomain:
    """A route to a server for each domain."""

    def __init__(self, servers: Mapping[str, FakeSMTPServer]) -> None:
        self._servers = servers

    async def hosts(self, domain: str) -> tuple[Host, ...]:
        return (Host(domain, self._servers[domain].port, ("127.0.0.1",)),)


@dataclass(frozen=True, slots=True)
class Crowd:
    """Servers by their domains, and a courier to all of them."""

    servers: Mapping[str, FakeSMTPServer]
    courier: Courier


@asynccontextmanager
async def standing(scripts: Mapping[str, Script], timeouts: Timeouts) -> AsyncIterator[Crowd]:
    """A server for each domain."""
    async with AsyncExitStack() as stack:
        servers = {
            domain: await stack.enter_async_context(FakeSMTPServer(script, extensions=OFFERS))
            for domain, script in scripts.items()
        }
        route = ByDomain(servers)
        courier = Courier(route, "gatepost.test", timeouts=timeouts, tls="never", credentials=None, clock=Clock())
        stack.push_async_callback(courier.close)
        yield Crowd(servers, courier)


@dataclass
class Measured:
    """The most memory that was held above what there was before, in bytes."""

    peak: int = 0


@contextmanager
def measured() -> Iterator[Measured]:
    """What is done inside, measured at its end."""
    found = Measured()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield found
        found.peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
