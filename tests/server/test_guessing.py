"""Guessing keys over SMTP, REST, MCP and the pages: who guesses waits, and nobody else does."""

import asyncio
import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any, cast

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from server.http.app import build_app
from server.http.web.routes import web_routes
from server.room import Room
from server.smtp.conversation import Connections
from server.smtp.peers import Bounds, Peers
from server.smtp.submission import Submission, Terms
from storage.database import Database, Row, Value
from tests.conftest import World
from tests.fakes.edges import on_sqlite
from tests.fakes.forged import forged
from tests.fakes.pipe import Pipe
from tests.fakes.web import BASE, FROM_PAGE
from tools.context import Context
from tools.guesses import FREE, LONGEST
from tools.signin import first_sign_in_link

pytestmark = on_sqlite

ADA = "ada@agents.example"
WRONG = "gp_" + "x" * 59
HOME = "203.0.113.1"
"""Where the valid user is."""


@dataclass
class Looked:
    """A database that counts how many keys and links it is asked for."""

    database: Database
    keys: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        if query in ("key_by_prefix", "sign_in_by_hash"):
            self.keys.append(str(values))
        return await self.database.rows(query, **values)


@dataclass(frozen=True)
class Site:
    """Every door of a server."""

    world: World
    app: Starlette
    terms: Terms
    peers: Peers
    looked: Looked

    async def web(self, address: str, method: str, path: str, key: str, body: bytes = b"") -> tuple[int, str]:
        """Status and text of an answer over HTTP, without its request's id."""
        said: list[Message] = []
        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"x-request-id", b"one")]
        headers += [(b"authorization", f"Bearer {key}".encode()), (b"accept", b"application/json, text/event-stream")]

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            said.append(message)

        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
        scope |= {"headers": headers, "client": (address, 1), "server": ("127.0.0.1", 80), "scheme": "http"}
        await self.app(scope | {"http_version": "1.1", "root_path": "", "asgi": {"version": "3.0"}}, receive, send)
        return int(said[0]["status"]), b"".join(each.get("body", b"") for each in said[1:]).decode()

    async def rest(self, address: str, key: str) -> tuple[int, str]:
        return await self.web(address, "GET", "/v1/usage", key)

    async def mcp(self, address: str, key: str) -> tuple[int, str]:
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        return await self.web(address, "POST", "/mcp", key, json.dumps(call).encode())

    async def smtp(self, address: str, user: str, key: str) -> bytes:
        """What is said to a sign-in, on a connection of its own."""
        connection = Submission(self.terms, Connections(), Room(), self.peers)
        pipe = Pipe(connection, address)
        pipe.feed([b"EHLO c\r\n"])
        await pipe.replies(2)
        pipe.feed([b"AUTH PLAIN " + base64.b64encode(f"\0{user}\0{key}".encode()) + b"\r\n"])
        (said,) = await pipe.replies(1)
        pipe.feed([b"QUIT\r\n"])
        await pipe.closed()
        return said


@pytest.fixture
async def site(world: World) -> Site:
    looked = Looked(world.system.db)
    system = replace(world.system, db=cast(Database, looked))

    async def ready() -> dict[str, object]:
        return {}

    app = build_app(system, web_routes=web_routes(system), ready=ready, json_response=True)
    peers = Peers(Bounds(), asyncio.get_running_loop().time)
    return Site(world, app, Terms(system, "mx.test", 1000, None, True), peers, looked)


async def test_c8_ten_thousand_tries_over_every_protocol(site: Site) -> None:
    """C8: 50 networks try 200 keys each: ten of each are looked at, all others are told to wait; who signs in
    elsewhere, or was there before, does so at the first try."""
    world = site.world
    assert (await site.rest("192.0.2.7", world.key))[0] == 200, "a colleague behind the address of a guesser"
    site.looked.keys.clear()
    told: list[str] = []
    for number in range(50):
        address = f"192.0.2.{number}"
        for round_ in range(50):
            user = (ADA, "bob@agents.example", "eve@elsewhere.example")[round_ % 3]
            key = f"gp_{number:04}{round_:04}".ljust(62, "x")
            told += [(await site.smtp(address, user, each))[:3].decode() for each in (key, key[::-1])]
            told += [str((await site.rest(address, key))[0]), str((await site.mcp(address, key))[0])]
    assert len(told) == 10_000 and len(site.looked.keys) == 50 * FREE
    assert told.count("535") + told.count("401") == 50 * FREE
    assert set(told) == {"535", "401", "421", "429"}
    assert (await site.smtp(HOME, ADA, world.key)).startswith(b"235 ")
    async with site.app.router.lifespan_context(site.app):
        assert [(await door(HOME, world.key))[0] for door in (site.rest, site.mcp)] == [200, 200]
    assert (await site.rest("192.0.2.7", world.key))[0] == 200
    assert (await site.rest("192.0.2.8", world.key))[0] == 429, "nobody knows it there, so it waits with the guesser"
    world.clock.at += LONGEST * 1_000_000
    assert (await site.rest("192.0.2.8", world.key))[0] == 200


async def test_c8_an_unknown_user_and_a_wrong_key_are_answered_alike(site: Site) -> None:
    world = site.world
    almost = forged(world.key)
    tries = [(ADA, WRONG), (ADA, almost), ("nobody@agents.example", almost), ("x@elsewhere.example", WRONG)]
    for number, (user, key) in enumerate(tries):
        assert await site.smtp(f"198.51.100.{number}", user, key) == b"535 5.7.8 Wrong mailbox address or API key"
    assert len(site.looked.keys) == len(tries), "each costs the same look"
    answers = {await site.rest("198.51.100.9", key) for key in (WRONG, almost)}
    assert len(answers) == 1 and {status for status, _ in answers} == {401}


async def test_c8_a_made_up_sign_in_link_is_a_guess_too(site: Site) -> None:
    system: Context = site.terms.context
    link = (await first_sign_in_link(system, site.world.account)).removeprefix(BASE)

    async def press(address: str, path: str) -> int:
        transport = httpx2.ASGITransport(site.app, client=(address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as browser:
            form = await browser.get(path)
            token = form.text.partition('name="csrf" value="')[2].partition('"')[0]
            return (await browser.post(path, data={"csrf": token}, headers=FROM_PAGE)).status_code

    found = [await press("192.0.2.1", f"/sign-in/{number}") for number in range(FREE + 3)]
    assert found == [404] * FREE + [429] * 3
    assert len(site.looked.keys) == FREE
    assert (await site.rest("192.0.2.1", WRONG))[0] == 429, "over whatever protocol"
    assert await press("192.0.2.1", link) == 429
    assert await press(HOME, link) == 303


async def test_c8_one_address_asks_for_sixty_sign_in_links_a_minute(site: Site) -> None:
    form = b"email=boss%40example.org"

    async def ask(address: str) -> int:
        return (await site.web(address, "POST", "/sign-in", "", form))[0]

    assert [await ask("192.0.2.1") for _ in range(62)] == [200] * 60 + [429] * 2
    assert await ask(HOME) == 200
