"""Fuzzing the listener: dialogues that are nearly right, cut anywhere, for as long as one likes.

`python -m tests.fuzz.smtp_dialogue --minutes 60`. After each session it is looked at: every reply is one, a mail is
stored for each 250 to a final dot and for none else, and nothing was raised. A failure prints the seed that repeats it.
"""

import argparse
import asyncio
import logging
import random
import re
import sys
import tempfile
import time
from pathlib import Path

import structlog

from server.room import Room
from server.smtp import inbound
from server.smtp.conversation import Patience
from server.smtp.inbound import Inbound, Shared, Terms
from server.smtp.peers import Bounds, Peers
from storage.blobs import Blobs
from storage.migrate import migrate
from storage.sqlite import open_sqlite
from tests.conftest import Clock, World, make_world
from tests.fakes.pipe import Pipe
from tools.context import Context, Secret, Site

ADA = b"ada@agents.example"
LIMIT = 70_000
_REPLY = re.compile(rb"(?:\d{3}-[\x20-\x7e]*\r\n)*\d{3} [\x20-\x7e]*\r\n")
GREETINGS = [b"EHLO c.example", b"HELO c", b"EHLO", b"EHLO \xff", b"EHLO " + b"a" * 300, b"ehlo [192.0.2.1]"]
SENDERS = [
    b"<bea@example.net>",
    b"<>",
    b"bea@example.net",
    b'<"a b"@example.net>',
    b"<a@[192.0.2.1]>",
    b"<\xc3\xa9@x.example>",
]
RECIPIENTS = [
    b"<" + ADA + b">",
    ADA,
    b"<ada+tag@agents.example>",
    b"<nobody@agents.example>",
    b"<Postmaster@agents.example>",
]
PARAMETERS = [
    b"",
    b" SIZE=10",
    b" SIZE=999999",
    b" BODY=8BITMIME",
    b" SMTPUTF8",
    b" SIZE=1 SIZE=2",
    b" X=\x00",
    b" " * 50,
]
OTHERS = [
    b"RSET",
    b"NOOP",
    b"VRFY a",
    b"EXPN a",
    b"HELP",
    b"STARTTLS",
    b"AUTH PLAIN AAAA",
    b"",
    b"\x00",
    b"GET / HTTP/1.1",
]
PIECES = [
    b".",
    b"\r\n.",
    b"\r\n.\r",
    b"\n.\n",
    b"\r.\r",
    b"\r\n..\r\n",
    b"x" * 200,
    b"\xff\xfe",
    b"\0",
    b"\r\n\r\n",
    b"=?x?q?=FF?=",
]
HEADS = [
    b"Subject: =?utf-8?b?4pyT?=\r\nFrom: bea@example.net\r\n\r\n",
    b"From: <\r\nTo: ,,,,(((((\r\nMessage-ID: <\r\n\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n--b--\r\n",
    b"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n====",
    b"",
]


class Fuzzer:
    """Sessions against one world; `mails` counts what was acknowledged."""

    def __init__(self, world: World) -> None:
        self._terms = Terms(world.system, "mx.agents.example", LIMIT, patience=Patience())
        bounds = Bounds(connections=10**9, per_address=10**9, errors=10**9)
        self._shared = Shared(Peers(bounds, time.monotonic), Room())
        self.mails = 0

    async def session(self, chance: random.Random) -> None:
        """One dialogue. Raises AssertionError, or what the listener raises."""
        said = self._dialogue(chance)
        pipe = Pipe(Inbound(self._terms, self._shared))
        for piece in self._cut(said, chance):
            pipe.feed([piece])
            if chance.random() < 0.5:
                await asyncio.sleep(0)
        pipe.feed([b"\r\n.\r\n", b"\r\nQUIT\r\n"])
        await pipe.closed()
        everything = pipe.everything
        assert re.fullmatch(rb"(?:" + _REPLY.pattern + rb")*", everything), everything[-500:]
        assert inbound.LOCAL_FAULT not in everything
        self.mails += everything.count(b"250 2.0.0 OK, stored\r\n")

    def _dialogue(self, chance: random.Random) -> bytes:
        lines = [chance.choice(GREETINGS) if chance.random() < 0.2 else b"EHLO c.example"]
        for _ in range(chance.randrange(4)):
            lines.append(b"MAIL FROM:" + chance.choice(SENDERS) + chance.choice(PARAMETERS))
            lines += [b"RCPT TO:" + chance.choice(RECIPIENTS) for _ in range(chance.randrange(3))]
            if chance.random() < 0.3:
                lines.insert(chance.randrange(len(lines) + 1), chance.choice(OTHERS))
            if chance.random() < 0.7:
                lines += [b"DATA", self._mail(chance), b"."]
        end = b"\n" if chance.random() < 0.02 else b"\r\n"
        return self._damaged(end.join(lines) + end, chance)

    def _mail(self, chance: random.Random) -> bytes:
        body = b"".join(chance.choice(PIECES) for _ in range(chance.randrange(12)))
        return chance.choice(HEADS) + (body * 500 if chance.random() < 0.02 else body)

    def _damaged(self, said: bytes, chance: random.Random) -> bytes:
        """A few bytes other than they were."""
        data = bytearray(said)
        for _ in range(chance.choice((0, 0, 1, 3))):
            at = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randrange(1, 5)]
                case _:
                    data[at:at] = chance.choice(
                        (b"\r\n", b"\r", b"\n", b"\0", b"<", b'"', bytes([chance.randrange(256)]))
                    )
            data = data or bytearray(b"\r\n")
        return bytes(data)

    def _cut(self, said: bytes, chance: random.Random) -> list[bytes]:
        places = sorted({chance.randrange(len(said) + 1) for _ in range(chance.choice((0, 1, 4, 20)))})
        return [said[start:end] for start, end in zip([0, *places], [*places, len(said)], strict=True) if start < end]


async def run(folder: Path, minutes: float, seed: int) -> int:
    """Sessions until the time is over; how many failed."""
    faults = _Faults()
    logging.getLogger().addHandler(faults)
    structlog.configure([faults.look], structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.seen.append(str(context)))
    end, done, failed = time.monotonic() + minutes * 60, 0, 0
    while time.monotonic() < end:
        # a new database now and then: its size is not what is tried here
        database = await open_sqlite(folder / f"{done}.db")
        await migrate(database)
        secret = Secret(b"a secret that only the tests know")
        context = Context(database, Blobs(folder / "blobs"), secret, Site(base_url="http://127.0.0.1:8025"), Clock())
        world = await make_world(context, Clock(), "agents.example")
        fuzzer = Fuzzer(world)
        for _ in range(20_000):
            try:
                await fuzzer.session(random.Random(seed + done))
                assert not faults.seen, faults.seen
            except Exception as error:
                failed += 1
                print(f"seed {seed + done}: {type(error).__name__}: {error}", flush=True)
                faults.seen.clear()
            done += 1
            if time.monotonic() > end:
                break
        stored = await stored_in(world)
        failed += stored != fuzzer.mails
        print(f"{done} sessions, {fuzzer.mails} mails acknowledged, {stored} stored, {failed} failures", flush=True)
        await database.close()
        for file in folder.glob("*.db*"):
            file.unlink()
    return failed


async def stored_in(world: World) -> int:
    """The mails that have arrived, whatever was made of them: the log has each."""
    events = await world.system.db.rows("events", account_id=world.account.id, after=0, limit=10**9)
    return len({event["message_id"] for event in events if event["message_id"]})


class _Faults(logging.Handler):
    """Keeps what the listener logs as an error: each is one too many."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(self.format(record))

    def look(self, _logger: object, _method: str, values: structlog.typing.EventDict) -> str:
        """The listener's own lines, as the only processor of structlog."""
        self.seen.append(repr(values))
        raise structlog.DropEvent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatepost-fuzz-") as folder:
        sys.exit(1 if asyncio.run(run(Path(folder), options.minutes, options.seed)) else 0)


if __name__ == "__main__":
    main()
