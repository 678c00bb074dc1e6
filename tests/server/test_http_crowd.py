"""Many connections over HTTP, on real sockets: what one address and all together may hold, and who gets in beside."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from server import files
from server.app import running
from server.http import admission
from server.http.admission import admitting
from server.http.crowd import Bounds, Crowd
from server.settings import Settings
from server.web import WebSettings
from tests.conftest import World, eventually
from tests.e2e.gatepost_process import MAILBOX, installed
from tests.e2e.smtp_talk import talking
from tests.fakes.edges import application, on_sqlite
from tests.fakes.serving import serving
from tools.guesses import FREE

ONE, OTHER = "127.0.0.1", "127.0.0.2"
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
MAIL = b"From: bea@example.net\r\nSubject: Still here\r\n\r\nAll the words of it.\r\n"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def nothing(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def site(per_address: int, connections: int = 100, proxies: tuple[IPv4Network, ...] = ()) -> AsyncIterator[int]:
    """The port of a server within bounds."""
    bounds = Bounds(connections, per_address, proxies)
    async with serving(nothing, http=admitting(bounds), lifespan="off") as url:
        yield int(url.rpartition(":")[2])


async def come(stack: AsyncExitStack, port: int, address: str = ONE) -> Stream:
    """A connection from an address, which says nothing yet; it lasts as long as the stack."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    stack.callback(writer.close)
    return reader, writer


async def ask(stream: Stream, request: bytes = GET) -> bytes:
    """The status that a request is answered with."""
    reader, writer = stream
    async with asyncio.timeout(30):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
    return head.split(b" ", 2)[1]


async def status_for(port: int, address: str = ONE) -> bytes:
    """The status that somebody new is answered with."""
    async with AsyncExitStack() as stack:
        return await ask(await come(stack, port, address))


def answered(port: int, status: bytes) -> Any:
    """Whether somebody new is answered so by now."""

    async def look() -> bool:
        return await status_for(port) == status

    return look


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST."""
    plain: socket.socket = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_b6_one_address_holds_so_many_and_another_still_gets_in() -> None:
    async with site(per_address=3) as port, AsyncExitStack() as stack:
        held = [await come(stack, port) for _ in range(3)]
        reader, _ = await come(stack, port)
        async with asyncio.timeout(30):
            told = await reader.read(-1)
        head, _, body = told.partition(b"\r\n\r\n")
        assert head.split(b"\r\n")[0] == b"HTTP/1.1 503 Service Unavailable", "though it asked nothing"
        assert {b"Retry-After: 5", b"Connection: close", b"Content-Length: 38"} < {*head.split(b"\r\n")}
        assert body == b"Too many connections from your address"
        assert await status_for(port, OTHER) == b"204"
        assert [await ask(stream) for stream in held] == [b"204"] * 3


@pytest.mark.parametrize("end", [asyncio.StreamWriter.close, reset])
@pytest.mark.parametrize("said", [b"", GET[:9], GET])
async def test_who_ends_gives_the_place_back(end: Any, said: bytes) -> None:
    async with site(per_address=5) as port, AsyncExitStack() as stack:
        for _ in range(3):
            held = [await come(stack, port) for _ in range(5)]
            for _, writer in held:
                writer.write(said)
            assert await status_for(port) == b"503"
            for _, writer in held:
                end(writer)
            await eventually(answered(port, b"204"))
        # whoever just asked may not be counted out yet, but nobody is counted twice
        await eventually(lambda: fills(port, 5))


async def fills(port: int, count: int, status: bytes = b"204") -> bool:
    """Whether there is room for so many, and no more."""
    async with AsyncExitStack() as stack:
        streams = [await come(stack, port) for _ in range(count + 1)]
        return [await ask(stream) for stream in streams] == [status] * count + [b"503"]


async def test_who_is_turned_away_takes_no_place() -> None:
    async with site(per_address=1) as port, AsyncExitStack() as stack:
        _, writer = await come(stack, port)
        assert [await status_for(port) for _ in range(20)] == [b"503"] * 20
        writer.close()
        await eventually(answered(port, b"204"))


async def test_a_client_with_much_to_say_hears_why_it_may_not() -> None:
    async with site(per_address=1) as port, AsyncExitStack() as stack:
        await come(stack, port)
        async with httpx2.AsyncClient(timeout=30) as http:
            answer = await http.post(f"http://127.0.0.1:{port}/", content=bytes(1_000_000))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_who_was_told_and_stays_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "LINGER_SECONDS", 0.2)
    async with site(per_address=1) as port, AsyncExitStack() as stack:
        await come(stack, port)
        _, writer = await come(stack, port)
        with pytest.raises(ConnectionError):
            await eventually(lambda: pushed(writer))


async def pushed(writer: asyncio.StreamWriter) -> None:
    writer.write(b"x")
    await writer.drain()


async def test_a_proxy_is_bound_by_the_number_of_all_alone() -> None:
    async with site(1, connections=8, proxies=(IPv4Network(f"{OTHER}/32"),)) as port, AsyncExitStack() as stack:
        assert await ask(await come(stack, port, ONE)) == b"204"
        assert await status_for(port, ONE) == b"503"
        held = [await come(stack, port, OTHER) for _ in range(7)]
        assert [await ask(stream) for stream in held] == [b"204"] * 7
        reader, _ = await come(stack, port, OTHER)
        async with asyncio.timeout(30):
            assert (await reader.read(-1)).endswith(b"\r\n\r\nToo many connections")
        assert await status_for(port, "127.0.0.3") == b"503"


@on_sqlite
async def test_a_stream_counts_as_one(world: World) -> None:
    bounds = Bounds(per_address=2, proxies=())
    async with serving(application(world), http=admitting(bounds)) as url:
        port = int(url.rpartition(":")[2])
        headers = {"Authorization": f"Bearer {world.key}", "Accept": "text/event-stream"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            async with http.stream("GET", f"{url}/v1/events") as stream:
                assert stream.status_code == 200
                await eventually(lambda: fills(port, 1, b"200"))
            await eventually(lambda: fills(port, 2, b"200"))


def test_an_ipv6_network_is_one_address() -> None:
    crowd = Crowd(Bounds(per_address=2))
    assert [crowd.enter(f"2001:db8::{last}") for last in "12"] == ["", ""]
    assert crowd.enter("2001:db8::3") == "Too many connections from your address"
    assert crowd.enter("2001:db8:0:1::3") == ""
    crowd.leave("2001:db8::1")
    assert crowd.enter("2001:db8::3") == ""


def test_loopback_and_proxies_are_counted_together_with_all() -> None:
    crowd = Crowd(Bounds(connections=6, per_address=1))
    assert {crowd.enter(address) for address in ("127.0.0.1", "127.0.0.1", "::1", "::1", "192.0.2.1", "")} == {""}
    assert crowd.enter("198.51.100.1") == "Too many connections"


@pytest.mark.parametrize(("limit", "connections"), [(65_536, 5000), (4096, 1365), (1024, 341)])
def test_files_remain_for_smtp_and_the_database(limit: int, connections: int) -> None:
    assert WebSettings().bounds(limit).connections == connections


async def test_the_settings_are_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "limit", lambda: 12)
    settings = Settings.load(None, data=tmp_path, http_port=0, smtp_port=0, web={"per_address": 2, "proxies": [ONE]})
    async with running(settings) as server, AsyncExitStack() as stack:
        held = [await come(stack, server.http_port, OTHER) for _ in range(3)]
        assert [await ask(stream) for stream in held] == [b"200", b"200", b"503"]
        held = [await come(stack, server.http_port) for _ in range(3)]
        assert [await ask(stream) for stream in held] == [b"200", b"200", b"503"]


async def test_whom_a_proxy_names_counts_as_who_asks(tmp_path: Path) -> None:
    """And whom anybody else names does not."""
    settings = Settings.load(None, data=tmp_path, http_port=0, smtp_port=0, web={"proxies": [ONE]})
    async with running(settings) as server:
        asked = [
            [await guess(f"{server.context.site.base_url}/v1/events", address, number) for number in range(FREE + 1)]
            for address in (ONE, OTHER)
        ]
    assert asked == [[401] * (FREE + 1), [401] * FREE + [429]]


async def guess(url: str, address: str, number: int) -> int:
    """The status of a wrong key from an address, in the name of another."""
    headers = {"X-API-Key": "gp_wrong", "X-Forwarded-For": f"192.0.2.{number}"}
    async with httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(local_address=address)) as http:
        return (await http.get(url, headers=headers)).status_code


async def test_a_crowd_over_http_leaves_files_to_smtp_and_the_database(tmp_path: Path) -> None:
    """With as few files as some systems give, and on uvloop."""
    async with installed(tmp_path / "data") as gatepost, AsyncExitStack() as stack:
        gatepost.before = ("sh", "-c", 'ulimit -n 320 && exec "$@"', "sh")
        await gatepost.start()
        port = int(gatepost.url.rpartition(":")[2])
        crowd = [await come(stack, port) for _ in range(400)]
        assert await status_for(port) == b"503"
        for _ in range(5):
            async with talking(gatepost.smtp_port) as talk:
                await talk.greet()
                assert (await talk.mail(MAIL, MAILBOX)).startswith("250 ")
        for _, writer in crowd:
            reset(writer)
        await eventually(answered(port, b"200"))
