"""Thousands of mails for one dead destination: how long mail for other destinations waits meanwhile, and the memory.

The destination takes connections and never answers, or refuses them, or its name servers are silent; beside them, as
the yardstick, one that lives. The last line of the output is JSON.
"""

import argparse
import asyncio
import base64
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import uvloop

from bench.memory import resident
from bench.peers import DOMAIN, Server, free_port, gatepost
from bench.send import Sink

CROWD = "crowd.example"
OTHERS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "garnet", "harbour", "indigo", "juniper")
"""Other destinations, all of which live; mail to names that resemble each other would wait for a person."""
ADDRESSES = {"alive": "127.0.0.1", "silent": "127.0.0.2", "refusing": "127.0.0.3", "without DNS": None}
"""Where the crowd's mail goes in each run; None is where the DNS says nothing."""
EVERY = 0.05
"""Seconds between two mails for other destinations."""


@dataclass(frozen=True, slots=True)
class Run:
    """Milliseconds from the durable hand-over of a mail for another destination to its arrival, and MB of memory."""

    alone_p95: float
    crowd_p95: float
    """While the mails for the one destination are handed in."""
    waiting_p95: float
    """While they wait."""
    rss_before: float
    rss_queued: float
    rss_after: float


class Names(asyncio.DatagramProtocol):
    """A DNS server: the crowd's destination is at `address`, and all others at 127.0.0.1."""

    def __init__(self, address: str | None) -> None:
        self._address = address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        crowd = question.name.to_text(omit_final_dot=True).endswith(CROWD)
        address = self._address if crowd else ADDRESSES["alive"]
        if address is None:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if question.name.labels[0].startswith(b"_"):
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", address))
        self._transport.sendto(response.to_wire(), addr)


class Session:
    """A session with the submission port."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def opened(cls, server: Server) -> "Session":
        session = cls(*await asyncio.open_connection("127.0.0.1", server.port))
        await session._replies(1)
        await session._say(b"EHLO client.example\r\n", 1)
        credentials = base64.b64encode(f"\0ada@{DOMAIN}\0{server.key}".encode())
        await session._say(b"AUTH PLAIN " + credentials + b"\r\n", 1)
        return session

    async def hand_in(self, recipient: str, subject: str) -> None:
        """Return when the mail is durable."""
        sender = f"ada@{DOMAIN}"
        await self._say(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode(), 3)
        head = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\nMessage-ID: <{subject}@{DOMAIN}>\r\n"
        await self._say(head.encode() + b"\r\n" + b"A line of a mail of no importance at all.\r\n" * 48 + b".\r\n", 1)

    def close(self) -> None:
        self._writer.close()

    async def _say(self, text: bytes, replies: int) -> None:
        self._writer.write(text)
        await self._replies(replies)

    async def _replies(self, count: int) -> None:
        while count:
            line = await self._reader.readline()
            if line[:1] not in b"23" or not line:
                raise SystemExit(line.decode())
            count -= line[3:4] != b"-"


async def crowd(server: Server, messages: int, sessions: int) -> None:
    """Hand in all mails for the one destination."""
    numbers = iter(range(messages))

    async def some(numbers: Iterator[int]) -> None:
        session = await Session.opened(server)
        for number in numbers:
            await session.hand_in(f"user{number}@{CROWD}", f"crowd-{number}")
        session.close()

    await asyncio.gather(*(some(numbers) for _ in range(sessions)))


async def others(session: Session, sink: Sink, name: str, until: "asyncio.Future[None]") -> list[float]:
    """Mails for other destinations, one after another at a steady pace; their waits in milliseconds."""
    started: list[float] = []
    arrivals: list[asyncio.Future[float]] = []
    while not until.done():
        subject = f"{name}-{len(started)}"
        arrival = sink.arrivals[subject] = asyncio.get_running_loop().create_future()
        await session.hand_in(f"bob@{OTHERS[len(started) % len(OTHERS)]}.example", subject)
        started.append(time.perf_counter())
        arrivals.append(arrival)
        await asyncio.sleep(EVERY)
    async with asyncio.timeout(120):
        return [(await arrival - start) * 1000 for start, arrival in zip(started, arrivals, strict=True)]


async def measure(server: Server, sink: Sink, options: argparse.Namespace) -> Run:
    session = await Session.opened(server)
    await others(session, sink, "warm", asyncio.ensure_future(asyncio.sleep(2.0)))
    alone = await others(session, sink, "alone", asyncio.ensure_future(asyncio.sleep(8.0)))
    before = round(resident(server), 1)
    among = await others(
        session, sink, "among", asyncio.ensure_future(crowd(server, options.messages, options.sessions))
    )
    queued = round(resident(server), 1)
    waiting = await others(session, sink, "waiting", asyncio.ensure_future(asyncio.sleep(options.seconds)))
    session.close()
    return Run(p95(alone), p95(among), p95(waiting), before, queued, round(resident(server), 1))


def p95(waits: list[float]) -> float:
    return round(statistics.quantiles(waits, n=20)[-1], 1)


async def run(name: str, address: str | None, options: argparse.Namespace) -> Run:
    """One server of its own, with the crowd's destination at `address`."""
    loop = asyncio.get_running_loop()
    sink, port = Sink(), free_port()
    hanging: list[asyncio.StreamWriter] = []
    async with AsyncExitStack() as stack:
        for host, serve in (("127.0.0.1", sink.serve), ("127.0.0.2", lambda _, writer: hanging.append(writer))):
            listening = await asyncio.start_server(serve, host, port)
            stack.callback(listening.close)
        names, _ = await loop.create_datagram_endpoint(lambda: Names(address), ("127.0.0.1", 0))
        stack.callback(names.close)
        resolver = "{}:{}".format(*names.get_extra_info("sockname"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-bench-")))
        direct: dict[str, Any] = {"route": "direct", "direct_port": port, "direct_private": True, "resolver": resolver}
        server = stack.enter_context(gatepost(folder / "data", None, **direct))
        result = await measure(server, sink, options)
        print(f"{name}: {result}", file=sys.stderr, flush=True)
        return result


def report(runs: dict[str, Run], messages: int) -> None:
    print(
        f"| {messages:,} mails for a destination that is | others' p95, ms: alone | while they are handed in"
        " | while they wait | RSS, MB: before | queued | after |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, each in runs.items():
        print(f"| {name} | " + " | ".join(str(value) for value in asdict(each).values()) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long the queue is watched afterwards")
    parser.add_argument("--only", choices=ADDRESSES, help="one of the runs")
    options = parser.parse_args()
    chosen = [options.only] if options.only else list(ADDRESSES)
    runs = {name: uvloop.run(run(name, ADDRESSES[name], options)) for name in chosen}
    report(runs, options.messages)
    print(json.dumps({name: asdict(each) for name, each in runs.items()}))


if __name__ == "__main__":
    main()
