"""A thousand slow sockets: who is cut off when, and how those fare who bring mail and look for it meanwhile.

Each says a byte every ten seconds, in one of six stages of SMTP and HTTP, twenty from an address; the server is one of
its own, as it is out of the box. Then a thousand idle ones from one address. The last line of the output is JSON.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from bench.memory import resident
from bench.peers import DOMAIN, Server, gatepost

RECIPIENT = f"ada@{DOMAIN}"
MAIL = (
    f"From: bea@far.example\r\nTo: {RECIPIENT}\r\nSubject: Honest\r\n\r\n".encode() + b"All the words of it.\r\n" * 180
)
HONEST = 50
AGENTS = 5
DRIP_SECONDS = 10.0
LAST_SECONDS = 660.0
"""No stage is given longer than the ten minutes of a mail; what is open after that counts as a fault."""
ENVELOPE = ("EHLO slow.example", "MAIL FROM:<>", f"RCPT TO:<{RECIPIENT}>")
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
"""A TLS ClientHello that goes on for 512 bytes."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a slow socket stands: whether it speaks HTTP, what it says and hears first, and what it then trickles."""

    web: bool
    first: tuple[str, ...]
    then: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """When a slow socket was ended, in seconds after its first slow byte (None is never), and by what words."""

    stage: str
    after: float | None
    said: str


@dataclass(slots=True)
class Watched:
    """What there was to see meanwhile; seconds, MiB, and files as the kernel counts them."""

    mails: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)


def stages(server: Server) -> dict[str, Stage]:
    host = server.url.partition("//")[2]
    head = f"POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {server.key}\r\n"
    body = (
        "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
    )
    return {
        "greeting": Stage(False, (), b"EHLO " + b"x" * 200),
        "command": Stage(False, ENVELOPE, b"RCPT TO:<" + b"x" * 200),
        "DATA": Stage(False, (*ENVELOPE, "DATA"), b"x\r\n" * 100),
        "TLS handshake": Stage(False, (ENVELOPE[0], "STARTTLS"), HELLO),
        "HTTP head": Stage(True, (), b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"x" * 200),
        "HTTP body": Stage(True, (head + body,), b'{"slow": "' + b"x" * 200),
    }


async def opened(server: Server, web: bool, address: str) -> Stream:
    port = int(server.url.rpartition(":")[2]) if web else server.inbound_port
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))


async def heard(reader: asyncio.StreamReader) -> str:
    """A reply of SMTP; empty when the line is closed."""
    line = b"250-"
    while line[3:4] == b"-":
        line = await asyncio.wait_for(reader.readline(), 120)
    return line.decode().strip()


async def trickle(server: Server, name: str, address: str, seconds: float) -> Cut:
    """One slow socket, to its end."""
    stage = stages(server)[name]
    reader, writer = await opened(server, stage.web, address)
    if not stage.web:
        await heard(reader)
    for text in stage.first:
        writer.write(text.encode() if stage.web else f"{text}\r\n".encode())
        if not stage.web:
            await heard(reader)
    loop, said = asyncio.get_running_loop(), b""
    begun = loop.time()
    left = iter(stage.then)
    try:
        while loop.time() < begun + seconds:
            writer.write(bytes([next(left, 0)]))
            with suppress(TimeoutError):
                async with asyncio.timeout(DRIP_SECONDS):
                    piece = await reader.read(4096)
                    if not piece:
                        break
                    said += piece
        else:
            return Cut(name, None, "")
    except ConnectionError:
        said = said or b"reset"
    finally:
        writer.close()
    return Cut(name, loop.time() - begun, said.decode(errors="replace").split("\r\n")[0])


async def bring(server: Server, address: str, watched: Watched) -> None:
    """A mail every two seconds on a new connection, each from the connect to the reply behind its dot."""
    while True:
        begun = asyncio.get_running_loop().time()
        try:
            reader, writer = await opened(server, False, address)
            said = await heard(reader)
            for text in (*ENVELOPE, "DATA"):
                writer.write(f"{text}\r\n".encode())
                said = await heard(reader)
            writer.write(MAIL + b".\r\n")
            said = await heard(reader)
            writer.close()
        except OSError as error:
            said = str(error)
        took = asyncio.get_running_loop().time() - begun
        watched.mails.append(took) if said.startswith("250") else watched.failures.append(said)
        await asyncio.sleep(2.0)


async def look(server: Server, address: str, watched: Watched) -> None:
    """An agent that asks for its inbox every second."""
    path, host = f"/v1/mailboxes/{server.mailbox_id}/emails?limit=20", server.url.partition("//")[2]
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {server.key}\r\nConnection: close\r\n\r\n"
    while True:
        begun = asyncio.get_running_loop().time()
        reader, writer = await opened(server, True, address)
        writer.write(request.encode())
        said = await asyncio.wait_for(reader.read(), 120)
        writer.close()
        took = asyncio.get_running_loop().time() - begun
        ok = said.startswith(b"HTTP/1.1 200")
        watched.looks.append(took) if ok else watched.failures.append(said[:40].decode())
        await asyncio.sleep(1.0)


def open_files(server: Server) -> int:
    return sum(1 for _ in Path(f"/proc/{server.pids[0]}/fd").iterdir())


async def watch(server: Server, watched: Watched) -> None:
    while True:
        watched.resident.append(resident(server))
        watched.files.append(open_files(server))
        await asyncio.sleep(0.5)


async def beside(server: Server, crowd: Sequence[Coroutine[None, None, Cut]]) -> tuple[list[Cut], Watched]:
    """The crowd, and beside it the honest and the watch, until the crowd has ended."""
    watched = Watched()
    others = [watch(server, watched)]
    others += [bring(server, f"127.0.200.{1 + number}", watched) for number in range(HONEST)]
    others += [look(server, f"127.0.201.{1 + number}", watched) for number in range(AGENTS)]
    tasks = [asyncio.create_task(each) for each in others]
    # what there was to see before the crowd
    await asyncio.sleep(3.0)
    cuts = await asyncio.gather(*crowd)
    await asyncio.sleep(3.0)
    await stopped(tasks)
    return cuts, watched


async def stopped(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Stop what would go on for ever. Raises what one of them failed with."""
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


def slow(server: Server, count: int, seconds: float) -> list[Coroutine[None, None, Cut]]:
    """Slow sockets in every stage, twenty from an address."""
    names = list(stages(server))
    return [
        trickle(server, names[number % len(names)], f"127.0.{1 + number // 20}.1", seconds) for number in range(count)
    ]


async def idle(server: Server, address: str, seconds: float) -> Cut:
    """A socket that listens and says nothing."""
    reader, writer = await opened(server, False, address)
    loop = asyncio.get_running_loop()
    begun, said = loop.time(), await heard(reader)
    try:
        async with asyncio.timeout(seconds):
            await reader.read()
    except TimeoutError:
        return Cut("idle, one address", None, said)
    finally:
        writer.close()
    return Cut("idle, one address", loop.time() - begun, said)


def show(cuts: Sequence[Cut], watched: Watched) -> None:
    """Tables of who was cut off when, and of what it cost the others."""
    print("| stage | sockets | cut off after, s: first | last | never | last words |\n|---|---|---|---|---|---|")
    for stage, said in dict.fromkeys((cut.stage, cut.said) for cut in cuts):
        same = [cut.after for cut in cuts if (cut.stage, cut.said) == (stage, said)]
        ends = sorted(after for after in same if after is not None) or [float("nan")]
        print(f"| {stage} | {len(same)} | {ends[0]:.1f} | {ends[-1]:.1f} | {same.count(None)} | `{said}` |")
    print("\n| beside it | count | p50, ms | p95 | p99 | worst |\n|---|---|---|---|---|---|")
    for what, times in (("mails of 50 senders", watched.mails), ("looks of 5 agents", watched.looks)):
        middle, p95, p99 = (quantile(times, share) for share in (0.5, 0.95, 0.99))
        print(f"| {what} | {len(times)} | {middle:.1f} | {p95:.1f} | {p99:.1f} | {max(times) * 1e3:.1f} |")
    print(f"| failed | {len(watched.failures)} {sorted(set(watched.failures))[:3]} | | | | |")
    sizes, files = watched.resident, watched.files
    print(f"\nRSS, MiB: {sizes[0]:.0f} before, {max(sizes):.0f} at most, {sizes[-1]:.0f} after; "
          f"open files: {files[0]}, {max(files)}, {files[-1]}", flush=True)  # fmt: skip


def quantile(times: Sequence[float], share: float) -> float:
    """In ms."""
    return sorted(times)[min(int(len(times) * share), len(times) - 1)] * 1e3


def summary(cuts: Sequence[Cut], watched: Watched) -> dict[str, float]:
    return {
        "never_cut": sum(cut.after is None for cut in cuts),
        "longest_s": round(max((cut.after for cut in cuts if cut.after is not None), default=0.0), 1),
        "mails": len(watched.mails),
        "failed": len(watched.failures),
        "p95_ms": round(quantile(watched.mails, 0.95), 1),
        "p99_ms": round(quantile(watched.mails, 0.99), 1),
        "rss_mib": round(max(watched.resident) - watched.resident[0], 1),
        "files": max(watched.files),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=LAST_SECONDS, help="when to give up on those not cut off")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name:
        folder = Path(name)
        tls = folder / "tls.pem"
        trustme.CA().issue_cert(f"mx.{DOMAIN}").private_key_and_cert_chain_pem.write_to_path(str(tls))
        with gatepost(folder / "data", None, tls_cert=tls, tls_key=tls) as server:
            crowds = {"trickling": slow(server, options.sockets, options.seconds)}
            crowds["one_address"] = [idle(server, "127.0.9.9", 20.0) for _ in range(options.sockets)]
            said = {}
            for what, crowd in crowds.items():
                cuts, watched = asyncio.run(beside(server, crowd))
                show(cuts, watched)
                said[what] = summary(cuts, watched)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
