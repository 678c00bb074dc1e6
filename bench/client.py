"""The SMTP client: CPU and rate of our own and of aiosmtplib, on kept connections to smtp-sink, both in every round.

Needs Debian's postfix for smtp-sink. The last line of the output is JSON.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial

import uvloop
from aiosmtplib import SMTP

from bench.peers import DOMAIN, free_port, smtp_sink
from server.delivery.connection import Connection, Letter
from server.delivery.outcome import Sent
from server.delivery.routes import Host

LETTER = Letter(
    f"ada@{DOMAIN}",
    "bob@far.example",
    b"From: Ada <ada@%s>\r\nSubject: Report\r\n\r\n" % DOMAIN.encode() + b"All the words of a mail.\r\n" * 155,
)
SECONDS = 60.0

Worker = Callable[[int, Iterator[int]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Run:
    """One client in one round: CPU in microseconds a mail, and mails a second."""

    cpu: float
    rate: float


async def own(port: int, mails: Iterator[int]) -> None:
    """One session of our own client."""
    connection = Connection(Host("127.0.0.1", port), "127.0.0.1", "client.example")
    await connection.greet()
    for _ in mails:
        outcome = await connection.hand_over(LETTER, asyncio.get_running_loop().time() + SECONDS)
        assert isinstance(outcome, Sent), outcome
    connection.quit()


async def aiosmtplib(port: int, mails: Iterator[int]) -> None:
    """One session of aiosmtplib."""
    client = SMTP(hostname="127.0.0.1", port=port, start_tls=False, local_hostname="client.example")
    await client.connect()
    for _ in mails:
        await client.sendmail(LETTER.sender, [LETTER.recipient], LETTER.raw)
    await client.quit()


def measure(worker: Worker, count: int, sessions: int) -> Run:
    """`count` mails by some sessions at once."""

    async def all_of_them(port: int) -> None:
        mails = iter(range(count))
        await asyncio.gather(*(worker(port, mails) for _ in range(sessions)))

    port = free_port()
    with smtp_sink(count + 1, port):  # it ends at the last one, before its reply
        cpu, start = time.process_time(), time.perf_counter()
        uvloop.run(all_of_them(port))
        seconds = time.perf_counter() - start
        return Run((time.process_time() - cpu) / count * 1_000_000, count / seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    workers: dict[str, Worker] = {"own": own, "aiosmtplib": aiosmtplib}
    runs: dict[str, list[Run]] = {name: [] for name in workers}
    one = partial(measure, count=options.messages, sessions=options.sessions)
    for _ in range(options.rounds):
        for name, worker in workers.items():
            runs[name].append(one(worker))
    print("| client | CPU, us a mail: median (lowest-highest) | mails a second |\n|---|---|---|")
    for name, rounds in runs.items():
        cpu = sorted(run.cpu for run in rounds)
        rate = statistics.median(run.rate for run in rounds)
        print(f"| {name} | {statistics.median(cpu):.0f} ({cpu[0]:.0f}-{cpu[-1]:.0f}) | {rate:.0f} |")
    medians = {name: statistics.median(run.cpu for run in rounds) for name, rounds in runs.items()}
    ratio = statistics.median(b.cpu / a.cpu for a, b in zip(runs["own"], runs["aiosmtplib"], strict=True))
    print(json.dumps({f"{name}_us": round(cpu) for name, cpu in medians.items()} | {"ratio": round(ratio, 1)}))


if __name__ == "__main__":
    main()
