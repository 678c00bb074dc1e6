"""Bounds of the port for arriving mail, each at its figure: memory, strangers' addresses, and nothing sent back.

bench/memory.py sends a whole GiB, to a server of its own.
"""

import asyncio
import random
import sqlite3
import ssl
import tracemalloc
from contextlib import closing, suppress

import pytest
import trustme

from server.smtp.inbound import Inbound, Shared, Terms
from server.smtp.peers import Bounds, Peers
from storage.sqlite import SQLite
from tests.conftest import World
from tests.e2e.listener import listening, stored
from tests.e2e.smtp_talk import talking
from tests.fakes.certificates import issue, serving_context
from tests.fakes.edges import on_sqlite
from tests.fakes.pipe import Pipe
from tests.server.test_inbound_smtp import RELAYS

pytestmark = on_sqlite

LIMIT = 1024 * 1024
ADA = "ada@agents.example"
HELLO = b"EHLO c.example\r\nMAIL FROM:<bea@example.net>\r\n"
DATA = HELLO + f"RCPT TO:<{ADA}>\r\nDATA\r\n".encode()
END = b"\r\n.\r\n"
FLOODS: dict[str, tuple[bytes, bytes, int, bytes]] = {
    "a line without end": (DATA, b"x" * 65_536, 1000, b"552 5.3.4"),
    "lines of one letter": (DATA, b"x\r\n" * 21_845, 1000, b"552 5.3.4"),
    "10,000 fields a hundred times": (DATA, b"X-Field: x\r\n" * 10_000, 100, b"552 5.3.4"),
    "a command without end": (b"", b"x" * 65_536, 1000, b"421 4.5.2"),
    "100,000 recipients": (HELLO, f"RCPT TO:<{ADA}>\r\n".encode() * 1000, 100, b"421 4.7.0"),
    "100,000 strangers": (HELLO, b"RCPT TO:<nobody@agents.example>\r\n" * 1000, 100, b"550 5.1.1"),
}
"""What is said first, then again and again, how often, and what the last reply is."""


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """What is said until the line is closed; one that is closed while more comes is reset."""
    said = b""
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            said += piece
    return said


@pytest.mark.parametrize("name", FLOODS)
async def test_b5_memory_is_bounded_whatever_one_connection_sends(world: World, name: str) -> None:
    """B5: twice the size limit, and the client's own buffers."""
    first, piece, times, last = FLOODS[name]
    async with listening(world, LIMIT) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = asyncio.create_task(all_of(reader))
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        with suppress(ConnectionError):
            writer.write(first)
            for _ in range(times):
                writer.write(piece)
                await writer.drain()
            writer.write(END + b"QUIT\r\n")
            await writer.drain()
        heard = await asyncio.wait_for(said, 30)
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        writer.close()
    assert peak < 2 * LIMIT + len(piece) * 4
    assert [line for line in heard.split(b"\r\n") if line and not line.startswith(b"221")][-1].startswith(last)
    assert await stored(world) == []


class Reluctant(Pipe):
    """A client that can leave replies unread, and knows whether it is still heard."""

    heard = True

    def pause_reading(self) -> None:
        self.heard = False

    def resume_reading(self) -> None:
        self.heard = True


async def test_b5_who_reads_no_replies_is_heard_no_more_until_then(world: World) -> None:
    """B5: else what is not answered yet would pile up here."""
    shared = Shared(Peers(Bounds(), asyncio.get_running_loop().time))
    inbound = Inbound(Terms(world.system, "mx.agents.example", LIMIT), shared)
    pipe = Reluctant(inbound)
    inbound.pause_writing()
    pipe.feed([b"NOOP\r\n" * 10])
    assert pipe.heard
    pipe.feed([b"NOOP\r\n" * 500] * 10)
    assert not pipe.heard
    inbound.resume_writing()
    assert pipe.heard
    assert len(await pipe.replies(9999)) > 900, "up to the bound of commands"


async def test_c3_unknown_users_are_refused_at_rcpt_and_nothing_goes_back(world: World) -> None:
    """C3: a thousand names at random; and what is taken from forged senders is answered by nobody."""
    chance = random.Random(3)
    async with listening(world, bounds=Bounds(errors=10_000)) as port:
        for _ in range(100):
            async with talking(port) as talk:
                await talk.greet()
                await talk.command(f"MAIL FROM:<forged{chance.random()}@victim.example>")
                for _ in range(10):
                    name = "".join(chance.choices("abcdefghijklmnop.-+0123456789", k=12)).strip(".")
                    assert (await talk.command(f"RCPT TO:<{name}@agents.example>"))[:1] == "5"
                assert (await talk.command("DATA")).startswith("503 ")
        async with talking(port) as talk:
            await talk.greet()
            for number in range(50):
                mail = f"From: forged@victim.example\r\nTo: nobody@agents.example\r\nSubject: {number}\r\n\r\nHello\r\n"
                assert (await talk.mail(mail.encode(), ADA)).startswith("250 ")
    assert len(await stored(world)) == 50
    assert isinstance(world.system.db, SQLite)
    with closing(sqlite3.connect(world.system.db.path)) as connection:
        assert connection.execute("SELECT count(*) FROM delivery").fetchone() == (0,)


async def test_c4_nothing_is_relayed_behind_tls_either(world: World) -> None:
    """C4: the forty forms that tests/server/test_inbound_smtp.py has in the clear."""
    authority = trustme.CA()
    context = serving_context(issue(authority, "mx.test"))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    async with listening(world, tls=lambda: context) as port:
        for at in range(0, len(RELAYS), 10):
            async with talking(port) as talk:
                await talk.greet()
                await talk.command("STARTTLS")
                await talk.writer.start_tls(client, server_hostname="mx.test")
                await talk.command("EHLO agents.example")
                await talk.command("MAIL FROM:<>")
                for form in RELAYS[at : at + 10]:
                    assert (await talk.command(f"RCPT TO:<{form}>"))[:1] == "5", form
                assert (await talk.command("DATA")).startswith("503 ")
