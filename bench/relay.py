"""Relay: 3,000 mails of 4 KB handed in durably by 20 sessions, until smtp-sink has them all; Gatepost beside Postfix.

Every server is measured in turn in every round, with the same client and the same sink. Needs root and Debian's
postfix, opendkim and opendkim-tools. The last line of the output is JSON.
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
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

from bench.peers import DOMAIN, Server, cpu_seconds, free_port, gatepost, opendkim, postfix, smtp_sink

SENDER = f"ada@{DOMAIN}"
RECIPIENT = "bob@far.example"
ROUND_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Run:
    """One server in one round: mails delivered a second, and the server's CPU in milliseconds a mail."""

    rate: float
    cpu: float


class Client(asyncio.Protocol):
    """Hands mails in over one kept connection, pipelined (RFC 2920), one at a time; signs in where there is a key."""

    sender, recipient = SENDER, RECIPIENT

    def __init__(self, key: str, mails: Iterator[bytes], done: "asyncio.Future[None]") -> None:
        self._mails = mails
        self._done = done
        self._buffer = b""
        self._steps = self._conversation(key)
        self._waiting = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._waiting = next(self._steps)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\r\n")
        for line in lines:
            if line[3:4] == b"-":
                continue
            if line[:1] not in b"23":
                self._done.set_exception(SystemExit(line.decode()))
                return
            self._waiting -= 1
            if self._waiting == 0:
                self._waiting = next(self._steps, 0)

    def _conversation(self, key: str) -> Iterator[int]:
        """What is said, and after each time the number of replies to wait for."""
        yield 1
        yield self._say(b"EHLO client.example\r\n", 1)
        if key:
            yield self._say(b"AUTH PLAIN " + base64.b64encode(f"\0{self.sender}\0{key}".encode()) + b"\r\n", 1)
        envelope = f"MAIL FROM:<{self.sender}>\r\nRCPT TO:<{self.recipient}>\r\nDATA\r\n".encode()
        for mail in self._mails:
            yield self._say(envelope, 3)
            yield self._say(mail, 1)
        self._done.set_result(None)
        self._say(b"QUIT\r\n", 0)

    def _say(self, text: bytes, replies: int) -> int:
        self._transport.write(text)
        return replies


def mails(count: int, size: int) -> Iterator[bytes]:
    """Mails of `size` bytes, dots doubled and final dot included; no two with one Message-ID or subject."""
    stamp = time.time_ns()
    line = b"All the words of a mail that people write, one line after another, 72 ch.\r\n"
    for number in range(count):
        head = (
            f"From: Ada <{SENDER}>\r\nTo: Bob <{RECIPIENT}>\r\nSubject: Report {stamp}-{number}\r\n"
            f"Date: Fri, 21 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{stamp}.{number}@{DOMAIN}>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        ).encode()
        yield head + line * ((size - len(head)) // len(line)) + b".\r\n"


async def inject(server: Server, count: int, size: int, sessions: int) -> None:
    """Hand all mails in; each is durable on the other side when its reply has come."""
    loop = asyncio.get_running_loop()
    waiting = mails(count, size)
    ends = [loop.create_future() for _ in range(sessions)]
    for end in ends:
        await loop.create_connection(partial(Client, server.key, waiting, end), "127.0.0.1", server.port)
    await asyncio.gather(*ends)


def measure(server: Server, sink_port: int, options: argparse.Namespace) -> Run:
    """One server: from the first connection until the sink has every mail."""
    with smtp_sink(options.messages, sink_port) as sink:
        cpu, start = cpu_seconds(server.pids), time.perf_counter()
        uvloop.run(inject(server, options.messages, options.size, options.sessions))
        sink.wait(ROUND_SECONDS)
        seconds = time.perf_counter() - start
    # what follows a delivery (a queue file removed, a row settled) is the server's work too
    time.sleep(1.0)
    return Run(options.messages / seconds, (cpu_seconds(server.pids) - cpu) / options.messages * 1000)


def compare(runs: dict[str, list[Run]]) -> dict[str, float]:
    """The medians of the rounds' ratios, and of our CPU."""

    def ratio(ours: str, theirs: str) -> float:
        return statistics.median(a.rate / b.rate for a, b in zip(runs[ours], runs[theirs], strict=True))

    return {
        "signed_vs_postfix_opendkim": round(ratio("gatepost signed", "postfix+opendkim"), 2),
        "unsigned_vs_postfix": round(ratio("gatepost unsigned", "postfix"), 2),
        "cpu_signed": round(statistics.median(run.cpu for run in runs["gatepost signed"]), 3),
        "cpu_unsigned": round(statistics.median(run.cpu for run in runs["gatepost unsigned"]), 3),
    }


def report(runs: dict[str, list[Run]]) -> None:
    print("| server | delivered a second: median (lowest-highest) | server CPU, ms a mail |\n|---|---|---|")
    for name, rounds in runs.items():
        rates = sorted(run.rate for run in rounds)
        cpu = statistics.median(run.cpu for run in rounds)
        print(f"| {name} | {statistics.median(rates):.0f} ({rates[0]:.0f}-{rates[-1]:.0f}) | {cpu:.2f} |")
    for ours, theirs in (("gatepost signed", "postfix+opendkim"), ("gatepost unsigned", "postfix")):
        share = statistics.median(a.cpu / b.cpu for a, b in zip(runs[ours], runs[theirs], strict=True))
        print(f"{ours} needs {share:.2f} of the CPU of {theirs}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--size", type=int, default=4096, help="bytes of a mail")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with ExitStack() as stack:
        # not below the user's own folder: the user postfix may not enter that
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-bench-")))
        folder.chmod(0o755)
        sink = free_port()
        milter = stack.enter_context(opendkim(folder / "opendkim"))
        signing = stack.enter_context(postfix(folder / "postfix-signing", sink, milter=milter.port))
        servers = {
            "postfix": stack.enter_context(postfix(folder / "postfix", sink)),
            "gatepost unsigned": stack.enter_context(gatepost(folder / "unsigned", sink, dkim="none")),
            "postfix+opendkim": Server(signing.port, (*signing.pids, *milter.pids)),
            "gatepost signed": stack.enter_context(gatepost(folder / "signed", sink)),
        }
        runs: dict[str, list[Run]] = {name: [] for name in servers}
        for number in range(options.rounds):
            for name, server in servers.items():
                runs[name].append(measure(server, sink, options))
                print(f"round {number + 1}: {name}: {runs[name][-1].rate:.0f}/s", file=sys.stderr, flush=True)
    report(runs)
    print(json.dumps(compare(runs)))


if __name__ == "__main__":
    main()
