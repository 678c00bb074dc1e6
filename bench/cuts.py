"""Connections cut at sixty points of a mail, in three ways, twenty times each: what is stored is whole, and how often.

Each cut is followed by what a sender does who has read no 250: the same mail on a new connection, to the end. The
server is one of its own. The last line of the output is JSON.
"""

import argparse
import asyncio
import json
import socket
import sqlite3
import struct
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from bench.crowd import Stream, heard, opened
from bench.peers import DOMAIN, Server, gatepost

RECIPIENT = f"ada@{DOMAIN}"
ENVELOPE = f"EHLO cut.example\r\nMAIL FROM:<bea@far.example>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n".encode()
WAYS = ("RST", "FIN", "half-open")
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Cut:
    """A mail by its number, cut so many bytes before its end (`at` is negative); 0 is right after the final dot."""

    number: int
    way: str
    at: int

    @property
    def wire(self) -> bytes:
        head = f"From: bea@far.example\r\nSubject: {self.number}\r\nMessage-ID: <{self.number}@far.example>"
        return f"{head}\r\n\r\n{'All the words of it.' * 200}\r\n.\r\n".encode()


def cuts(times: int) -> list[Cut]:
    """Every byte of the last thirty, and thirty points before them."""
    points = [*range(-29, 1), *range(-4000, -29, 136)][:60]
    return [Cut(number, way, at) for number, (_, way, at) in enumerate(product(range(times), WAYS, points))]


async def begun(server: Server, address: str) -> Stream:
    """A connection up to the 354."""
    stream = await opened(server, False, address)
    await heard(stream[0])
    stream[1].write(ENVELOPE)
    for _ in range(4):
        await heard(stream[0])
    return stream


async def cut_and_retry(server: Server, cut: Cut, kept: list[asyncio.StreamWriter]) -> str:
    """One mail, cut and then brought whole; the reply to the second."""
    address = f"127.0.{1 + cut.number // 60 % 200}.{1 + cut.number % 3}"
    _, writer = await begun(server, address)
    writer.write(cut.wire[: cut.at or len(cut.wire)])
    await writer.drain()
    sock = writer.get_extra_info("socket")
    if cut.way == "RST":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if cut.way == "half-open":
        # as good as gone: nothing more is said, and nothing read
        kept.append(writer)
    else:
        writer.close()
    with suppress(ConnectionError):
        reader, writer = await begun(server, address)
        writer.write(cut.wire)
        said = await heard(reader)
        writer.close()
        return said
    return "reset"


async def cut_all(server: Server, all_: list[Cut]) -> Counter[str]:
    """All of them, some at once; how often each reply came to the second try."""
    kept: list[asyncio.StreamWriter] = []
    said: Counter[str] = Counter()
    left = iter(all_)

    async def one_by_one(mine: Iterator[Cut]) -> None:
        for cut in mine:
            said[await cut_and_retry(server, cut, kept)] += 1

    await asyncio.gather(*(one_by_one(left) for _ in range(AT_ONCE)))
    for writer in kept:
        writer.close()
    return said


def stored(folder: Path) -> dict[str, list[bytes]]:
    """What the database holds, by subject."""
    found: dict[str, list[bytes]] = {}
    query = "SELECT m.subject, w.data FROM message m JOIN wire w ON w.message_id = m.id WHERE m.direction = 'inbound'"
    with closing(sqlite3.connect(f"file:{folder / 'gatepost.db'}?mode=ro", uri=True)) as database:
        for subject, data in database.execute(query):
            found.setdefault(subject, []).append(data)
    return found


def judged(all_: list[Cut], found: dict[str, list[bytes]]) -> dict[str, Counter[str]]:
    """For each way to cut: how many mails are missing, torn, there once, and there twice."""
    counts: dict[str, Counter[str]] = {way: Counter() for way in WAYS}
    for cut in all_:
        copies = found.get(str(cut.number), [])
        whole = cut.wire.removesuffix(b".\r\n")
        count = counts[cut.way]
        count["cut"] += 1
        count["missing"] += not copies
        count["torn"] += any(copy != whole for copy in copies)
        count["once"] += len(copies) == 1
        count["twice"] += len(copies) == 2
        # before the dot was out nobody could take it for a mail
        count["twice though the dot was not out"] += len(copies) > 1 and cut.at != 0
        count["more"] += len(copies) > 2
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    all_ = cuts(parser.parse_args().times)
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as folder:
        data = Path(folder) / "data"
        with gatepost(data, None) as server:
            said = asyncio.run(cut_all(server, all_))
        # the server has ended in good order: what it was given is there
        counts = judged(all_, stored(data))
    names = list(counts[WAYS[0]])
    print(f"| way | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for way, count in counts.items():
        print(f"| {way} | {' | '.join(str(count[name]) for name in names)} |")
    print(f"\nreplies to the second try: {dict(said)}")
    total = sum(counts.values(), Counter[str]())
    print(json.dumps({name: total[name] for name in names}))


if __name__ == "__main__":
    main()
