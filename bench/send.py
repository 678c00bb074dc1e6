"""Sending over MCP: from the call of `send` to the mail at its receiver, and its CPU beside a bare tool of the SDK.

Both servers are called in turn in every round by the same client. CPU is that of the server's process, with gate,
storage, signatures and delivery. The last line of the output is JSON.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import httpx2
import uvloop
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from bench.peers import Server, bare_tool, cpu_seconds, gatepost

PARAGRAPH = "The quarterly figures are in, and they are better than we had thought when we spoke about them.\n\n"


class Sink:
    """An SMTP server that takes every mail and remembers when; what it is told by subject."""

    def __init__(self) -> None:
        self.arrivals: dict[str, asyncio.Future[float]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                self._arrived(await reader.readuntil(b"\r\n.\r\n"))
            elif verb == b"QUIT":
                break
            writer.write(b"250-sink\r\n250 PIPELINING\r\n" if verb == b"EHLO" else b"250 2.0.0 ok\r\n")
        writer.close()

    def _arrived(self, mail: bytes) -> None:
        _, _, rest = mail.partition(b"\r\nSubject: ")
        arrival = self.arrivals.get(rest.partition(b"\r\n")[0].decode())
        if arrival is not None and not arrival.done():
            arrival.set_result(time.perf_counter())


async def sending(client: Client, sink: Sink, name: str, calls: int) -> list[float]:
    """The seconds from each call to the mail's arrival."""
    loop = asyncio.get_running_loop()
    waits = []
    for number in range(calls):
        subject = f"{name}-{number}"
        arrival = sink.arrivals[subject] = loop.create_future()
        start = time.perf_counter()
        result = await client.call_tool("send", arguments(subject))
        if result.is_error or (result.structured_content or {}).get("status") != "queued":
            raise SystemExit(f"not queued: {result}")
        waits.append(await asyncio.wait_for(arrival, 30) - start)
    return waits


async def calling(client: Client, name: str, calls: int) -> None:
    """The same calls of the bare tool."""
    for number in range(calls):
        await client.call_tool("send", arguments(f"{name}-{number}"))


def arguments(subject: str) -> dict[str, Any]:
    return {"to": ["bob@far.example"], "subject": subject, "markdown": PARAGRAPH * 10 + subject}


async def measure(servers: dict[str, Server], sink: Sink, options: argparse.Namespace) -> tuple[list[float], float]:
    """All waits of all rounds, and the median of the rounds' CPU ratios."""
    waits: list[float] = []
    ratios = []
    async with AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(connected(stack, each)) for name, each in servers.items()}
        await sending(clients["gatepost"], sink, "warm", 50)
        await calling(clients["bare"], "warm", 50)
        for number in range(options.rounds):
            cpu = {name: cpu_seconds(server.pids) for name, server in servers.items()}
            waits += await sending(clients["gatepost"], sink, f"round{number}", options.calls)
            await calling(clients["bare"], f"round{number}", options.calls)
            # what follows an arrival is the server's work too
            await asyncio.sleep(0.5)
            used = {name: cpu_seconds(server.pids) - cpu[name] for name, server in servers.items()}
            ratios.append(used["gatepost"] / used["bare"])
            each = ", ".join(f"{name} {seconds / options.calls * 1000:.2f} ms" for name, seconds in used.items())
            print(f"round {number + 1}: CPU a call: {each}", file=sys.stderr, flush=True)
    return waits, statistics.median(ratios)


def connected(stack: AsyncExitStack, server: Server) -> Client:
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {server.key or 'none'}"}, timeout=30)
    stack.push_async_callback(http.aclose)
    return Client(streamable_http_client(f"{server.url}/mcp", http_client=http))


async def run(options: argparse.Namespace) -> None:
    sink = Sink()
    listening = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-bench-")))
        servers = {
            "gatepost": stack.enter_context(gatepost(folder / "data", listening.sockets[0].getsockname()[1])),
            "bare": stack.enter_context(bare_tool()),
        }
        waits, ratio = await measure(servers, sink, options)
    listening.close()
    cuts = statistics.quantiles(waits, n=100)
    p50, p99 = (round(cut * 1000, 2) for cut in (cuts[49], cuts[98]))
    print(
        f"{len(waits)} mails, from the call to the arrival: p50 {p50} ms, p99 {p99} ms; CPU {ratio:.2f} of a bare tool"
    )
    print(json.dumps({"cpu_vs_sdk": round(ratio, 2), "p50_ms": p50, "p99_ms": p99}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300, help="calls in a round")
    parser.add_argument("--rounds", type=int, default=5)
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
