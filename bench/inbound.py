"""Mail coming in: Gatepost, which parses, threads and stores it, and Postfix into a maildir, in turn in every round.

smtp-source brings the mail, on new and on kept connections, by 10 and by 50 sessions, of 4 KB and of 50 KB; a reply to
DATA means durable with both. At the end the mails are counted on both sides. The last line of the output is JSON.
"""

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

from bench.arrival import latency_p99
from bench.peers import DOMAIN, Server, cpu_seconds, gatepost, postfix_maildir, unbound
from bench.signed import Sender
from bench.signed import bring as bring_signed

RECIPIENT = f"ada@{DOMAIN}"
SETTLE_SECONDS = 120.0
SIZES = (4096, 50_000)
SESSIONS = (10, 50)
OURS, PEER, SLOW = "gatepost", "postfix", "gatepost, fsync + 1 ms"


@dataclass(frozen=True, slots=True)
class Case:
    """One way to bring mail."""

    size: int
    kept: bool
    sessions: int
    signed: bool = False

    def __str__(self) -> str:
        way = "signed, checked" if self.signed else "kept" if self.kept else "new"
        return f"{self.size // 1000} KB, {way}, {self.sessions} sessions"


@dataclass(frozen=True, slots=True)
class Run:
    """One server in one round: mails accepted a second, and its CPU in milliseconds a mail."""

    rate: float
    cpu: float


@dataclass(slots=True)
class Target:
    """A server under load."""

    server: Server
    port: int
    count: Callable[[], int]
    """The mails it has stored."""
    brought: int = 0


Runs = dict[tuple[str, Case], list[Run]]


def bring(port: int, case: Case, messages: int) -> int:
    """Have smtp-source bring so many mails; their number."""
    kept = ["-d"] if case.kept else []
    numbers = ["-s", str(case.sessions), "-m", str(messages), "-l", str(case.size)]
    people = ["-f", "bea@far.example", "-t", RECIPIENT]
    subprocess.run(["smtp-source", *kept, *numbers, *people, f"127.0.0.1:{port}"], check=True, timeout=600)
    return messages


def measure(target: Target, case: Case, load: Callable[[], int]) -> Run:
    """One server from the first connection to the last reply; its CPU until it has stored everything."""
    cpu, start = cpu_seconds(target.server.pids), time.perf_counter()
    messages = load()
    seconds = time.perf_counter() - start
    target.brought += messages
    wait_until_stored(target)
    # what follows an arrival (a queue file removed, the index) is the server's work too
    time.sleep(1.0)
    return Run(messages / seconds, (cpu_seconds(target.server.pids) - cpu) / messages * 1000)


def wait_until_stored(target: Target) -> None:
    end = time.monotonic() + SETTLE_SECONDS
    while target.count() < target.brought:
        if time.monotonic() > end:
            raise SystemExit(f"{target.brought} mails were acknowledged and {target.count()} are there.")
        time.sleep(0.1)


def in_maildir(folder: Path) -> int:
    return sum(1 for _ in (folder / "mail" / "ada" / "new").glob("*"))


def in_database(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder / 'gatepost.db'}?mode=ro", uri=True)) as database:
        count: int = database.execute("SELECT count(*) FROM message WHERE direction = 'inbound'").fetchone()[0]
        return count


def cases() -> Iterator[Case]:
    for size, kept, sessions in product(SIZES, (False, True), SESSIONS):
        yield Case(size, kept, sessions)


def slow_disk(folder: Path) -> Path:
    """The library that makes each fsync a millisecond longer."""
    library = folder / "slow_sync.so"
    source = Path(__file__).with_name("slow_sync.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def ratio(runs: Runs, ours: str, theirs: str, chosen: Callable[[Case], bool], what: str = "rate") -> float:
    """The median of the ratios of each round."""
    ratios = [
        getattr(a, what) / getattr(b, what)
        for (name, case), rounds in runs.items()
        if name == ours and chosen(case)
        for a, b in zip(rounds, runs[theirs, case], strict=True)
    ]
    median: float = round(statistics.median(ratios), 2)
    return median


def report(runs: Runs) -> None:
    print("| case | server | accepted a second: median (lowest-highest) | server CPU, ms a mail |\n|---|---|---|---|")
    for (name, case), rounds in sorted(runs.items(), key=lambda each: str(each[0][1])):
        rates = sorted(run.rate for run in rounds)
        cpu = statistics.median(run.cpu for run in rounds)
        print(f"| {case} | {name} | {statistics.median(rates):.0f} ({rates[0]:.0f}-{rates[-1]:.0f}) | {cpu:.2f} |")


def compare(runs: Runs, p99: float) -> dict[str, float]:
    def small(kept: bool, case: Case) -> bool:
        return case.size == SIZES[0] and case.kept is kept and not case.signed

    return {
        "new_4k": ratio(runs, OURS, PEER, partial(small, False)),
        "kept_4k": ratio(runs, OURS, PEER, partial(small, True)),
        "new_50k": ratio(runs, OURS, PEER, lambda case: case.size == SIZES[1] and not case.kept),
        "auth_4k": ratio(runs, OURS, PEER, lambda case: case.signed),
        "fsync_1ms": ratio(runs, SLOW, OURS, lambda case: case == Case(SIZES[0], False, 50)),
        "cpu_4k": ratio(runs, OURS, PEER, partial(small, False), "cpu"),
        "p99_ms": round(p99, 2),
    }


def rounds(targets: dict[str, Target], checking: Target, sender: Sender, options: argparse.Namespace) -> Runs:
    """Every case on every server, in turn."""
    runs: Runs = {}

    def run(name: str, target: Target, case: Case, load: Callable[[], int]) -> None:
        runs.setdefault((name, case), []).append(measure(target, case, load))
        print(f"{name}: {case}: {runs[name, case][-1].rate:.0f}/s", file=sys.stderr, flush=True)

    def from_source(target: Target, case: Case) -> int:
        return bring(target.port, case, options.messages)

    slow = Case(SIZES[0], False, 50)
    signed = Case(SIZES[0], True, 10, signed=True)
    for _ in range(options.rounds):
        for case in cases():
            for name in (OURS, PEER, *((SLOW,) if case == slow else ())):
                run(name, targets[name], case, partial(from_source, targets[name], case))
        mails = sender.mails(options.messages, signed.size)
        for name, target in ((OURS, checking), (PEER, targets[PEER])):
            run(name, target, signed, partial(bring_signed, target.port, mails, signed.sessions))
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1500, help="mails of each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--waits", type=int, default=500, help="mails that wait_for_message is timed with")
    options = parser.parse_args()
    with ExitStack() as stack:
        # not below the user's own folder: the user postfix may not enter that
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-bench-")))
        folder.chmod(0o755)
        sender = Sender()
        resolver = stack.enter_context(unbound(folder / "dns", sender.records))
        ours = stack.enter_context(gatepost(folder / "ours", None))
        slow = stack.enter_context(gatepost(folder / "slow", None, preload=slow_disk(folder)))
        checks = stack.enter_context(gatepost(folder / "checks", None, resolver=resolver))
        peer = stack.enter_context(postfix_maildir(folder / "postfix"))
        targets = {
            OURS: Target(ours, ours.inbound_port, partial(in_database, folder / "ours")),
            SLOW: Target(slow, slow.inbound_port, partial(in_database, folder / "slow")),
            PEER: Target(peer, peer.port, partial(in_maildir, folder / "postfix")),
        }
        checking = Target(checks, checks.inbound_port, partial(in_database, folder / "checks"))
        p99 = latency_p99(ours, options.waits)
        targets[OURS].brought += in_database(folder / "ours")
        runs = rounds(targets, checking, sender, options)
        for name, target in (*targets.items(), ("gatepost, checking", checking)):
            print(f"{name}: {target.brought} acknowledged, {target.count()} stored")
    report(runs)
    print(json.dumps(compare(runs, p99)))


if __name__ == "__main__":
    main()
