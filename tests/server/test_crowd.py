"""Crowds of slow clients, on real sockets: each ends at a total deadline, and others are served meanwhile.

bench/crowd.py has the full count of a thousand, with the server's own patience.
"""

import asyncio
import resource
from typing import Any

import pytest
import trustme

from server.http import patience
from server.http.patience import Patient
from server.smtp import conversation
from server.smtp.conversation import Patience
from server.smtp.peers import Bounds
from server.smtp.submission import SubmissionListener
from server.smtp.submission import Terms as SubmissionTerms
from tests.conftest import World
from tests.e2e.listener import listening, stored
from tests.e2e.smtp_talk import talking
from tests.fakes.certificates import issue, serving_context
from tests.fakes.edges import application, on_sqlite
from tests.fakes.serving import serving

pytestmark = on_sqlite

SOCKETS = min(200, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 8)
"""Each is two files here: both ends are in this process."""
PATIENCE = 2.0
"""Seconds in place of the minutes that each stage has."""
MAIL = b"From: bea@example.net\r\nSubject: Honest\r\n\r\nAll the words of it.\r\n"
ADA = "ada@agents.example"
ENVELOPE = b"EHLO slow.example\r\nMAIL FROM:<>\r\nRCPT TO:<ada@agents.example>\r\n"
STAGES = {
    "greeting": (b"", b"220 ", b"EHLO x"),
    "command": (ENVELOPE, b"2.1.5 ", b"RCPT TO:<x"),
    "DATA": (ENVELOPE + b"DATA\r\n", b"354 ", b"x\r\nx"),
    "TLS handshake": (
        b"EHLO slow.example\r\nSTARTTLS\r\n",
        b"Go ahead\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    ),
}
"""What a slow client says as fast as others, what it waits for, and what it trickles, the last byte without an end."""
POST = b"POST /mcp HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer KEY\r\nContent-Length: 999\r\n\r\n"
WEB_STAGES = {
    "nothing": (b"", b"", b""),
    "head": (b"", b"", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: x"),
    "blank lines": (b"", b"", b"\r\n"),
    "body": (POST, b"", b"{ "),
    "second request": (b"GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", b"200 OK", b"GET /x"),
}


async def trickle(port: int, first: bytes, until: bytes, then: bytes) -> tuple[float, bytes]:
    """A slow client to its end: how many seconds that took from its first slow byte, and what it was told."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    if until:
        await asyncio.wait_for(reader.readuntil(until), 20)
    loop = asyncio.get_running_loop()
    begun, said = loop.time(), asyncio.create_task(reader.read(-1))
    try:
        for at in range(100):
            writer.write(then[at : at + 1] or then[-1:])
            await asyncio.wait([said], timeout=PATIENCE / 20)
            if said.done():
                return loop.time() - begun, b"reset" if said.exception() else said.result()
        raise TimeoutError("nobody ended it")
    finally:
        said.cancel()
        writer.close()


async def bring(port: int, count: int) -> list[float]:
    """Honest mails one after another on new connections; the seconds that each took."""
    loop, took = asyncio.get_running_loop(), []
    for _ in range(count):
        begun = loop.time()
        async with talking(port) as talk:
            await talk.greet()
            assert (await talk.mail(MAIL, ADA)).startswith("250 ")
        took.append(loop.time() - begun)
    return took


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Patience:
    monkeypatch.setattr(conversation, "LOOK_SECONDS", PATIENCE / 10)
    monkeypatch.setattr(conversation, "TLS_SECONDS", PATIENCE)
    return Patience(command=PATIENCE, mail=PATIENCE)


async def test_b6_slow_clients_end_at_a_total_deadline_and_starve_nobody(world: World, hasty: Patience) -> None:
    """B6: in every stage, at a byte now and then."""
    context = serving_context(issue(trustme.CA(), "localhost"))
    bounds = Bounds(per_address=SOCKETS + 1)
    async with listening(world, tls=lambda: context, bounds=bounds, patience=hasty) as port:
        stages = [*STAGES.values()] * (SOCKETS // len(STAGES))
        crowd = asyncio.gather(*(trickle(port, *stage) for stage in stages))
        took = await bring(port, 20)
        assert not crowd.done()
        ended = await crowd
        assert set(await greetings(port, "127.0.0.1", SOCKETS)) == {b"220"}, "their places are free again"
    assert max(took) < PATIENCE
    assert all(PATIENCE * 0.8 < seconds < PATIENCE * 4 for seconds, _ in ended)
    told = sum(b"421 4.4.2 Too slow" in said for _, said in ended)
    assert len(stages) // 4 < told <= len(stages) * 3 // 4, "all but those in TLS, and whose next byte crossed it"
    assert await stored(world) == [MAIL] * 20


async def test_b6_slow_requests_end_at_a_total_deadline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """B6: over HTTP the same."""
    monkeypatch.setattr(patience, "REQUEST_SECONDS", PATIENCE)
    async with serving(application(world), http=Patient, timeout_keep_alive=60) as url:
        host = url.partition("//")[2]
        port = int(host.partition(":")[2])
        stages = [
            (first.replace(b"HOST", host.encode()).replace(b"KEY", world.key.encode()), *rest)
            for first, *rest in WEB_STAGES.values()
        ]
        ended = await asyncio.gather(*(trickle(port, *stage) for stage in stages * 5))
    assert all(PATIENCE * 0.8 < seconds < PATIENCE * 4 for seconds, _ in ended)
    # whose next byte crossed the answer may not get it, but who says nothing does
    assert all(said.endswith((patience.TOO_SLOW, b"reset")) for _, said in ended)
    assert all(said.endswith(patience.TOO_SLOW) for _, said in ended[:: len(stages)])


async def test_an_answer_may_take_longer_than_its_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for mail has asked long ago."""
    monkeypatch.setattr(patience, "REQUEST_SECONDS", 0.2)

    async def answer_late(_scope: Any, _receive: Any, send: Any) -> None:
        await asyncio.sleep(0.5)
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async with serving(answer_late, http=Patient, lifespan="off") as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
        writer.close()


async def greetings(port: int, address: str, count: int) -> list[bytes]:
    """The codes of so many connections that are open at once."""
    streams = [await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0)) for _ in range(count)]
    said = [(await reader.readline())[:3] for reader, _ in streams]
    for _, writer in streams:
        writer.close()
    return said


async def test_b6_one_address_cannot_take_every_place(world: World) -> None:
    """B6: on both SMTP ports."""
    async with listening(world) as port:
        assert await greetings(port, "127.0.0.1", 120) == [b"220"] * 100 + [b"421"] * 20
        assert await greetings(port, "127.0.0.2", 1) == [b"220"]
    submission = SubmissionListener(SubmissionTerms(world.system, "mx.agents.example", 1000, None, True))
    port = await submission.start("127.0.0.1", 0)
    try:
        assert await greetings(port, "127.0.0.1", 120) == [b"220"] * 100 + [b"421"] * 20
        assert await greetings(port, "127.0.0.2", 1) == [b"220"]
    finally:
        await submission.stop()
