"""The server's memory while hostile mail comes in: a line without end, bombs of parts, crowds of recipients and peers.

Each case has a server of its own, whose resident set is watched. The last line of the output is JSON.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.peers import DOMAIN, Server, cpu_seconds, gatepost

MIB = 1024 * 1024
RECIPIENT = f"ada@{DOMAIN}"
HEAD = f"From: bea@far.example\r\nTo: {RECIPIENT}\r\nSubject: Bomb\r\nMIME-Version: 1.0\r\n".encode()
WATCH_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Outcome:
    """MiB before, at the highest and at the end, CPU in seconds, and the last the server said."""

    before: float
    peak: float
    after: float
    cpu: float
    said: str


class Peer:
    """A client that says what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.last = ""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self) -> str:
        while True:
            line = (await asyncio.wait_for(self._reader.readline(), 120)).decode()
            if not line.endswith("\r\n"):
                raise ConnectionResetError
            self.last = line.strip()
            if line[3:4] != "-":
                return self.last

    async def begin(self) -> None:
        """All up to the 354."""
        for text in ("EHLO client.example", "MAIL FROM:<>", f"RCPT TO:<{RECIPIENT}>", "DATA"):
            await self.send(text.encode() + b"\r\n")
            await self.reply()


async def connected(server: Server, stack: AsyncExitStack, address: str = "127.0.0.1") -> Peer:
    peer = Peer(*await asyncio.open_connection("127.0.0.1", server.inbound_port, local_addr=(address, 0)))
    stack.callback(peer.writer.close)
    await peer.reply()
    return peer


async def endless_line(server: Server, stack: AsyncExitStack) -> str:
    """1 GiB of DATA without CRLF."""
    peer = await connected(server, stack)
    await peer.begin()
    block = b"x" * MIB
    for _ in range(1024):
        await peer.send(block)
    await peer.send(b"\r\n.\r\n")
    return await peer.reply()


async def short_lines(server: Server, stack: AsyncExitStack) -> str:
    """1 GiB of DATA in lines of one letter."""
    peer = await connected(server, stack)
    await peer.begin()
    block = b"x\r\n" * (MIB // 3)
    for _ in range(1024):
        await peer.send(block)
    await peer.send(b".\r\n")
    return await peer.reply()


async def many_parts(server: Server, stack: AsyncExitStack) -> str:
    """A mail of 50,000 parts."""
    head = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    return await mailed(server, stack, head + b"--b\r\n\r\nx\r\n" * 50_000 + b"--b--\r\n")


async def deep(server: Server, stack: AsyncExitStack) -> str:
    """A multipart of 10,000 levels."""
    levels = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(10_000)
    )
    return await mailed(server, stack, HEAD + levels + b"\r\nx\r\n")


async def mailed(server: Server, stack: AsyncExitStack, raw: bytes) -> str:
    peer = await connected(server, stack)
    await peer.begin()
    await peer.send(raw + b".\r\n")
    return await peer.reply()


async def many_recipients(server: Server, stack: AsyncExitStack) -> str:
    """100,000 RCPT, from as many connections as it takes."""
    said, left = "", 100_000
    while left > 0:
        async with AsyncExitStack() as visit:
            peer = await connected(server, visit)
            await peer.send(b"EHLO client.example\r\nMAIL FROM:<>\r\n")
            with suppress(ConnectionError):
                await peer.send(f"RCPT TO:<{RECIPIENT}>\r\n".encode() * 1000)
                for _ in range(1002):
                    said = await peer.reply()
            # a server that closes the line has not heard the rest
            left -= 1000
    return said


async def crowd(server: Server, stack: AsyncExitStack) -> str:
    """1,000 idle connections and 50 that bring mail of 4 KB."""
    for number in range(1000):
        await connected(server, stack, f"127.0.{1 + number // 50}.1")
    active = [await connected(server, stack, f"127.0.99.{1 + number}") for number in range(50)]

    async def bring(peer: Peer) -> None:
        for _ in range(20):
            await peer.begin()
            await peer.send(HEAD + b"\r\n" + b"All the words of a mail.\r\n" * 160 + b".\r\n")
            await peer.reply()

    await asyncio.gather(*map(bring, active))
    return active[0].last


async def large_at_once(server: Server, stack: AsyncExitStack) -> str:
    """20 mails of 25 MB at the same time."""
    peers = [await connected(server, stack) for _ in range(20)]

    async def bring(peer: Peer) -> str:
        await peer.begin()
        block = b"All the words of a mail that people write, one line after another.\r\n" * 15_000
        for _ in range(24):
            await peer.send(block)
        await peer.send(b".\r\n")
        return await peer.reply()

    said = await asyncio.gather(*map(bring, peers))
    return f"{sum(each.startswith('250') for each in said)} of 20 stored at once, {said[-1][:9]} for others"


CASES: tuple[Callable[[Server, AsyncExitStack], Awaitable[str]], ...] = (
    endless_line,
    short_lines,
    many_parts,
    deep,
    many_recipients,
    crowd,
    large_at_once,
)


async def watched(server: Server, case: Callable[[Server, AsyncExitStack], Awaitable[str]]) -> Outcome:
    """One case, and the memory meanwhile."""
    before, cpu = resident(server), cpu_seconds(server.pids)
    peak = before

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, resident(server))
            await asyncio.sleep(WATCH_SECONDS)

    watching = asyncio.create_task(watch())
    async with AsyncExitStack() as stack:
        said = await case(server, stack)
    await asyncio.sleep(1.0)
    watching.cancel()
    return Outcome(before, peak, resident(server), cpu_seconds(server.pids) - cpu, said)


def resident(server: Server) -> float:
    """The resident set of the server's process, in MiB."""
    for line in Path(f"/proc/{server.pids[0]}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError("VmRSS")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[case.__name__ for case in CASES])
    options = parser.parse_args()
    chosen = [case for case in CASES if options.only in (None, case.__name__)]
    outcomes: dict[str, Outcome] = {}
    print("| case | RSS before, MiB | highest | after | CPU, s | seconds | last reply |\n|---|---|---|---|---|---|---|")
    for case in chosen:
        folder = tempfile.TemporaryDirectory(prefix="gatepost-bench-")
        with folder as path, gatepost(Path(path) / "data", None) as server:
            start = time.monotonic()
            found = outcomes[case.__name__] = asyncio.run(watched(server, case))
            seconds = time.monotonic() - start
        what = (case.__doc__ or "").rstrip(".")
        memory = f"{found.before:.0f} | {found.peak:.0f} | {found.after:.0f}"
        print(f"| {what} | {memory} | {found.cpu:.1f} | {seconds:.1f} | `{found.said}` |", flush=True)
    print(json.dumps({name: round(found.peak - found.before, 1) for name, found in outcomes.items()}))


if __name__ == "__main__":
    main()
