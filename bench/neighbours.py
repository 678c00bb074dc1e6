"""A tenant that storms, and what its neighbour feels: searches, attached files, sends over the rate, large mail.

Both are accounts of one server. The storm comes from a process of its own, at a lower priority, as it has the same
cores as the server; the neighbour works as it does on a quiet server. The last line of the output is JSON.
"""

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import tempfile
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.crowd import quantile, stopped
from bench.peers import DOMAIN, Server, gatepost
from policies.modes import Mode
from server.opening import opened
from server.settings import Settings
from tests.mail.documents import docx, run
from tools.accounts import SigningKeys, create_account, create_mailbox
from tools.identity import create_key

NEIGHBOUR = "neighbour.example"
PER_HOUR = 1000
"""Recipients an hour for each account: the storm meets it, and its neighbour writes to half as many."""
LARGE_BYTES = 5 * 1024 * 1024
PAUSE = 0.1
"""Seconds between two rounds of the neighbour."""
TEXT = b"All the words of a mail, as they are.\r\n" * 100
REFUSED = (429, 451, 452)
CALLS = "all but files"


@dataclass(frozen=True, slots=True)
class Tenant:
    """An account's mailbox and its agent's key."""

    address: str
    mailbox_id: str
    key: str
    url: str
    smtp: int


@dataclass(slots=True)
class Seen:
    """What a tenant met: seconds by kind of call, and how its calls and mails were answered."""

    times: dict[str, list[float]] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)


class Agent:
    """One connection that is kept to the API, as a tenant."""

    def __init__(self, tenant: Tenant, seen: Seen) -> None:
        self._tenant = tenant
        self._seen = seen
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, kind: str, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """What the server says to a call on the mailbox, which is timed."""
        host = self._tenant.url.removeprefix("http://")
        # the server closes one that was idle for five seconds
        if self._streams is None or self._streams[0].at_eof():
            self._streams = await asyncio.open_connection(*host.split(":"))
        reader, writer = self._streams
        content = b"" if body is None else json.dumps(body).encode()
        begun = time.perf_counter()
        writer.write(
            f"{method} /v1/mailboxes/{self._tenant.mailbox_id}/{path} HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {self._tenant.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        said = await reader.readexactly(int(length))
        self._seen.times.setdefault(kind, []).append(time.perf_counter() - begun)
        self._seen.answers[int(head.split(maxsplit=2)[1])] += 1
        found: dict[str, Any] = json.loads(said)
        return found


def letter(tenant: Tenant, subject: str, file: bytes = b"") -> bytes:
    """A mail from outside, with a document where one is given."""
    head = f"From: bea@far.example\r\nTo: {tenant.address}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n".encode()
    if not file:
        return head + b"\r\n" + TEXT
    encoded = b64encode(file)
    lines = b"\r\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76))
    return (
        head + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + TEXT + b"--b\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a.docx\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + lines + b"\r\n--b--\r\n"
    )


async def bring(tenant: Tenant, raw: bytes, seen: Seen) -> None:
    """Bring a mail in, on a new connection."""
    begun = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", tenant.smtp)
    said = b""
    for text in (b"", b"HELO far.example", b"MAIL FROM:<>", b"RCPT TO:<%s>" % tenant.address.encode(), b"DATA", raw):
        if text:
            writer.write(text + (b".\r\n" if text is raw else b"\r\n"))
        said = await reader.readline()
    writer.close()
    seen.times.setdefault("bring", []).append(time.perf_counter() - begun)
    seen.answers[int(said[:3])] += 1


async def neighbour(tenant: Tenant, number: int, agent: Agent, seen: Seen) -> None:
    """A round of work: mail comes, is waited for, read with its file, found and answered."""
    # one that differs from all others, or its text would be known
    await bring(tenant, letter(tenant, f"Round {number}", docx(run(f"Words of round {number}"))), seen)
    arrived = await agent.call("wait", "GET", "wait?timeout_seconds=20")
    (message_id,) = [each["message_id"] for each in arrived["messages"]]
    read = await agent.call("read", "POST", f"emails/{message_id}/read", {})
    file = read["attachments"][0]["attachment_id"]
    found = await agent.call("file", "GET", f"attachments/{file}?form=text")
    assert found["text_untrusted"] == f"Words of round {number}", found
    await agent.call("inbox", "GET", "emails?limit=20")
    await agent.call("search", "GET", f"search?query={quote('words round')}")
    await agent.call("send", "POST", "send", sendable(f"Answer {number}"))


def sendable(subject: str) -> dict[str, object]:
    return {"to": ["bea@far.example"], "subject": subject, "markdown": "Dear Bea, here it is."}


async def work(tenant: Tenant, seconds: float, numbers: Iterator[int]) -> Seen:
    """The neighbour's rounds, one after another, for so long."""
    seen = Seen()
    agent = Agent(tenant, seen)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await neighbour(tenant, next(numbers), agent, seen)
        await asyncio.sleep(PAUSE)
    return seen


Storm = Callable[[Agent, int], Awaitable[object]]


async def searching(agent: Agent, number: int) -> None:
    await agent.call("search", "GET", f"search?query={quote('all the words of a mail')}&limit=50")


async def sending(agent: Agent, number: int) -> None:
    await agent.call("send", "POST", "send", sendable(f"Storm {os.urandom(6).hex()}"))


async def reading_files(agent: Agent, number: int) -> None:
    arrived = await agent.call("inbox", "GET", "emails?limit=100")
    for each in arrived.get("messages", [])[number % 4 :: 4]:
        read = await agent.call("read", "POST", f"emails/{each['message_id']}/read", {})
        for part in read.get("attachments", []):
            await agent.call("file", "GET", f"attachments/{part['attachment_id']}?form=text")


async def storming(tenant: Tenant, stop: Event) -> Seen:
    """Everything at once, until it is told to stop."""
    seen = Seen()

    async def again(storm: Storm, number: int) -> None:
        agent = Agent(tenant, seen)
        while True:
            await storm(agent, number)

    raw = letter(tenant, "Large") + TEXT * (LARGE_BYTES // len(TEXT))
    file = letter(tenant, "File", docx("".join(run(f"Words of line {line}") for line in range(20_000))))

    async def large() -> None:
        while True:
            # a reply before the end of the mail closes the line on the rest of it
            with suppress(ConnectionError):
                await bring(tenant, raw, seen)

    async def filed() -> None:
        while True:
            await bring(tenant, file, seen)

    storms: tuple[tuple[Storm, int], ...] = ((searching, 40), (sending, 20), (reading_files, 20))
    work = [again(storm, number) for storm, count in storms for number in range(count)]
    work += [large() for _ in range(4)] + [filed() for _ in range(2)]
    tasks = [asyncio.create_task(each) for each in work]
    await asyncio.to_thread(stop.wait)
    await stopped(tasks)
    return seen


def storm(tenant: Tenant, stop: Event, told: "multiprocessing.Queue[Counter[int]]") -> None:
    """The storm's process."""
    os.nice(10)
    told.put(asyncio.run(storming(tenant, stop)).answers)


async def second_account(settings: Settings) -> tuple[str, str, str]:
    """Another account on the server's database: its mailbox's address and id, and a key."""
    async with opened(settings) as context:
        account = await create_account(context, NEIGHBOUR, "else@example.org", SigningKeys("gp", "", ""))
        mailbox = await create_mailbox(context, account.id, "bob", NEIGHBOUR, mode=Mode.AUTONOMOUS)
        key = await create_key(context, account.id, "bench", frozenset({"read", "send"}), mailbox.id)
    return mailbox.address, mailbox.id, key.text


def tenants(server: Server, folder: Path) -> tuple[Tenant, Tenant]:
    """The one that storms, and its neighbour."""
    found = asyncio.run(second_account(Settings.load(data=folder)))
    where = server.url, server.inbound_port
    return Tenant(f"ada@{DOMAIN}", server.mailbox_id, server.key, *where), Tenant(*found, *where)


def measure(stormy: Tenant, calm: Tenant, seconds: float) -> tuple[Seen, Seen, Counter[int]]:
    """The neighbour on the quiet server and in the storm, and how the storm was answered."""
    numbers = itertools.count()
    quiet = asyncio.run(work(calm, seconds, numbers))
    spawn = multiprocessing.get_context("spawn")
    stop, told = spawn.Event(), spawn.Queue()
    process = spawn.Process(target=storm, args=(stormy, stop, told))
    process.start()
    # under way before it counts
    time.sleep(5.0)
    beside = asyncio.run(work(calm, seconds, numbers))
    stop.set()
    answers = told.get(timeout=120)
    process.join()
    return quiet, beside, answers


def calls_of(seen: Seen) -> list[float]:
    """Seconds of every call but those that read a file, which takes a process."""
    return [each for kind, times in seen.times.items() if kind != "file" for each in times]


def show(quiet: Seen, beside: Seen, answers: Counter[int]) -> dict[str, float]:
    """A table by kind of call, and what all of them say together."""
    print("| call | quiet, ms: p50 | p99 | in the storm: p50 | p99 | p99's ratio |\n|---|---|---|---|---|---|")
    rows = {kind: (quiet.times[kind], beside.times[kind]) for kind in quiet.times}
    rows[CALLS] = calls_of(quiet), calls_of(beside)
    p99_of = partial(quantile, share=0.99)
    for kind, (before, during) in rows.items():
        p50, p99, p50_storm, p99_storm = (quantile(each, share) for each in (before, during) for share in (0.5, 0.99))
        print(f"| {kind} | {p50:.1f} | {p99:.1f} | {p50_storm:.1f} | {p99_storm:.1f} | {p99_storm / p99:.1f} |")
    print(f"\nthe storm was answered {dict(sorted(answers.items()))}, its neighbour {dict(beside.answers)}", flush=True)
    refused = {who: sum(found[code] for code in REFUSED) for who, found in (("a", answers), ("b", beside.answers))}
    before, during = rows[CALLS]
    return {
        "p99_quiet_ms": round(p99_of(before), 1),
        "p99_storm_ms": round(p99_of(during), 1),
        "ratio": round(p99_of(during) / p99_of(before), 2),
        "refused_a": refused["a"],
        "refused_b": refused["b"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the neighbour's work, quiet and in the storm")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name:
        data = Path(name) / "data"
        with gatepost(data, None, limits=json.dumps({"account_per_hour": PER_HOUR})) as server:
            stormy, calm = tenants(server, data)
            print(json.dumps(show(*measure(stormy, calm, options.seconds))))


if __name__ == "__main__":
    main()
