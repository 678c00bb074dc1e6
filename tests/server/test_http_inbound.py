"""`POST /v1/inbound`: signed mail comes in by the one way in, once, and nobody else's does."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from server.http.app import build_app
from server.http.inbound import PATH, inbound_route
from storage.database import one
from storage.records import Mailbox, Message
from tests.conftest import World
from tests.e2e.listener import stored
from tests.fakes.edges import on_sqlite
from tools.accounts import SigningKeys, create_account, create_mailbox
from tools.context import SECOND, Context
from tools.domains import KEY_PREFIX, new_forwarding_key, no_forwarding_key
from tools.receive import Arrival

pytestmark = on_sqlite

ADA = "ada@agents.example"
MAIL = b"From: b\xe9a@example.net\r\nTo: ada@agents.example\r\nSubject: Hello\r\n\r\nGood morning\r\n"
ENVELOPE = {"from": "bea@example.net", "to": ADA, "ip": "192.0.2.7", "helo": "mx.example.net"}
LIMIT = 65_536


async def everything_works() -> dict[str, object]:
    return {"database": True}


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a key; no sockets."""
    app = build_app(world.system, web_routes=[inbound_route(world.system, LIMIT)], ready=everything_works)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025") as client:
        yield client


@pytest.fixture
async def key(world: World) -> bytes:
    """The key of the world's domain, as the service has it."""
    text = await new_forwarding_key(world.system, world.account.id, "agents.example")
    assert text.startswith(KEY_PREFIX)
    return base64.b64decode(text.removeprefix(KEY_PREFIX))


def signed(key: bytes, query: str, body: bytes, at: int, id_: str = "msg_1") -> dict[str, str]:
    """The headers of a request that is signed as docs/inbound.md says."""
    time = str(at // SECOND)
    content = f"{id_}.{time}.{query}\n".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {"webhook-id": id_, "webhook-timestamp": time, "webhook-signature": f"v1,{signature}"}


async def bring(
    http: httpx2.AsyncClient, world: World, key: bytes, envelope: dict[str, Any], body: bytes = MAIL, **other: Any
) -> httpx2.Response:
    query = urlencode(envelope, doseq=True)
    headers = signed(key, query, body, world.clock.at, **other)
    return await http.post(f"{PATH}?{query}", content=body, headers=headers)


async def test_signed_mail_is_stored_and_says_who_brought_it(
    world: World, http: httpx2.AsyncClient, key: bytes
) -> None:
    answer = await bring(http, world, key, ENVELOPE | {"to": [ADA, "nobody@agents.example"]})
    assert answer.status_code == 200
    assert answer.json() == {"accepted": [ADA], "unknown": ["nobody@agents.example"], "duplicate": False}
    assert await stored(world) == [MAIL]
    message = await one(world.system.db, Message, "message_by_rfc_id", mailbox_id=world.mailbox.id, rfc_message_id="")
    assert message is not None and '"ip": "192.0.2.7"' in message.findings


async def test_the_service_is_known_to_have_taken_it(
    world: World, http: httpx2.AsyncClient, key: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Arrival] = []

    async def receive(_: Context, arrival: Arrival) -> bool:
        seen.append(arrival)
        return True

    monkeypatch.setattr("server.http.inbound.receive", receive)
    assert (await bring(http, world, key, ENVELOPE)).status_code == 200
    assert [arrival.accepted for arrival in seen] == [True]


async def test_the_same_mail_brought_again_is_stored_once(world: World, http: httpx2.AsyncClient, key: bytes) -> None:
    answers = [await bring(http, world, key, ENVELOPE) for _ in range(3)]
    assert [answer.json()["duplicate"] for answer in answers] == [False, True, True]
    assert not (await bring(http, world, key, ENVELOPE, id_="msg_2")).json()["duplicate"]
    assert len(await stored(world)) == 2


async def test_one_id_for_several_recipients_loses_nobody_the_mail(
    world: World, http: httpx2.AsyncClient, key: bytes
) -> None:
    """All recipients of one request are of one domain, so a mail for two takes two, and it has one id."""
    bob = await create_mailbox(world.system, world.account.id, "bob", "agents.example")
    for to in ([ADA], [bob.address], [bob.address, ADA], [ADA, bob.address]):
        answer = await bring(http, world, key, ENVELOPE | {"to": to})
        assert answer.json()["duplicate"] is (to == [ADA, bob.address])
    assert len(await stored(world)) == len(await stored(replace(world, mailbox=bob))) == 2


async def test_what_is_changed_behind_the_signature_is_refused(
    world: World, http: httpx2.AsyncClient, key: bytes
) -> None:
    query = urlencode(ENVELOPE)
    good = signed(key, query, MAIL, world.clock.at)
    old = signed(key, query, MAIL, world.clock.at - 301 * SECOND)
    early = signed(key, query, MAIL, world.clock.at + 302 * SECOND)
    forged = [
        (query, MAIL + b"x", good),
        (query.replace("192.0.2.7", "192.0.2.8"), MAIL, good),
        (query.replace("ada%40", "postmaster%40"), MAIL, good),
        (query, MAIL, good | {"webhook-id": "msg_2"}),
        (query, MAIL, good | {"webhook-timestamp": str(world.clock.at // SECOND + 1)}),
        (query, MAIL, good | {"webhook-signature": good["webhook-signature"].replace("v1,", "v1a,")}),
        (query, MAIL, good | {"webhook-signature": ""}),
        (query, MAIL, good | {"webhook-signature": "v1,"}),
        (query, MAIL, good | {"webhook-signature": "v1,***"}),
        (query, MAIL, {}),
        (query, MAIL, old),
        (query, MAIL, early),
        (query, MAIL, signed(b"another key", query, MAIL, world.clock.at)),
        (query.replace("agents.example", "elsewhere.example"), MAIL, good),
    ]
    for changed, body, headers in forged:
        answer = await http.post(f"{PATH}?{changed}", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    assert await stored(world) == []
    several = good | {"webhook-signature": f"v1,AAAA {good['webhook-signature']}"}
    assert (await http.post(f"{PATH}?{query}", content=MAIL, headers=several)).status_code == 200


async def test_a_key_is_void_behind_the_next_and_when_it_is_taken_back(
    world: World, http: httpx2.AsyncClient, key: bytes
) -> None:
    await new_forwarding_key(world.system, world.account.id, "agents.example")
    assert (await bring(http, world, key, ENVELOPE)).status_code == 401
    await no_forwarding_key(world.system, world.account.id, "agents.example")
    third = await new_forwarding_key(world.system, world.account.id, "agents.example")
    assert (await bring(http, world, key, ENVELOPE)).status_code == 401
    new = base64.b64decode(third.removeprefix(KEY_PREFIX))
    assert (await bring(http, world, new, ENVELOPE)).status_code == 200
    await no_forwarding_key(world.system, world.account.id, "agents.example")
    assert (await bring(http, world, new, ENVELOPE)).status_code == 401


async def test_a_key_brings_mail_for_its_own_domain_alone(world: World, http: httpx2.AsyncClient, key: bytes) -> None:
    await create_account(world.system, "other.example", "boss@example.net", SigningKeys("gp", "", ""))
    await new_forwarding_key(world.system, world.account.id, "agents.example")
    for to in (["postmaster@other.example"], [ADA, "postmaster@other.example"]):
        assert (await bring(http, world, key, ENVELOPE | {"to": to})).status_code in (400, 401)


@pytest.mark.parametrize(
    ("envelope", "body", "code"),
    [
        (ENVELOPE | {"to": []}, MAIL, "missing_recipient"),
        (ENVELOPE | {"to": "nobody"}, MAIL, "invalid_address"),
        (ENVELOPE | {"from": "a@b@c"}, MAIL, "invalid_address"),
        (ENVELOPE | {"to": "nobody@agents.example"}, MAIL, "mailbox_not_found"),
        (ENVELOPE | {"to": [f"a{number}@agents.example" for number in range(101)]}, MAIL, "too_many_recipients"),
        (ENVELOPE | {"ip": "here"}, MAIL, "invalid_request"),
        (ENVELOPE | {"helo": "a\r\nb"}, MAIL, "invalid_request"),
        (ENVELOPE | {"tls": "yes"}, MAIL, "unknown_argument"),
        (ENVELOPE, b"x" * (LIMIT + 1), "request_too_large"),
        (ENVELOPE, b"Received: by a\r\n" * 51 + MAIL, "mail_loop"),
    ],
)
async def test_what_does_not_fit_is_refused_by_its_name(
    world: World, http: httpx2.AsyncClient, key: bytes, envelope: dict[str, Any], body: bytes, code: str
) -> None:
    assert (await bring(http, world, key, envelope, body)).json()["code"] == code
    assert await stored(world) == []


async def test_strangers_who_trickle_keep_nobody_waiting(world: World, http: httpx2.AsyncClient, key: bytes) -> None:
    query, enough = urlencode(ENVELOPE), asyncio.Event()

    async def trickle() -> AsyncIterator[bytes]:
        yield b"x"
        await enough.wait()

    unsigned = {"webhook-id": "a", "webhook-timestamp": str(world.clock.at // SECOND), "webhook-signature": "v1,AAAA"}
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        slow = [group.create_task(http.post(f"{PATH}?{query}", content=trickle(), headers=unsigned)) for _ in range(50)]
        assert (await bring(http, world, key, ENVELOPE)).status_code == 200
        assert not any(task.done() for task in slow)
        enough.set()
    assert {task.result().status_code for task in slow} == {401}


async def test_mail_has_room_for_so_much_of_it(world: World, key: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """So much, that the largest mail finds a place by itself."""
    monkeypatch.setattr("server.http.inbound.ROOM_BYTES", 0)
    app = build_app(world.system, web_routes=[inbound_route(world.system, 2500)], ready=everything_works)
    transport, query, body = httpx2.ASGITransport(app=app), urlencode(ENVELOPE), MAIL.ljust(2500, b"x")
    held, enough = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield body
        held.set()
        await enough.wait()

    async with (
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025") as client,
        asyncio.timeout(10),
        asyncio.TaskGroup() as group,
    ):
        headers = signed(key, query, body, world.clock.at, "slow")
        slow = group.create_task(client.post(f"{PATH}?{query}", content=slowly(), headers=headers))
        await held.wait()
        answer = await bring(client, world, key, ENVELOPE, body)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
        enough.set()
        assert (await slow).status_code == 200
        assert (await bring(client, world, key, ENVELOPE, body)).status_code == 200
    assert len(await stored(world)) == 2


@pytest.mark.parametrize("sender", ['"bea at home"@example.net', "bea@[192.0.2.1]", f"{'b' * 80}@example.net"])
async def test_a_sender_that_smtp_takes_is_taken_here(
    world: World, http: httpx2.AsyncClient, key: bytes, sender: str
) -> None:
    assert (await bring(http, world, key, ENVELOPE | {"from": sender})).status_code == 200


async def test_the_null_sender_and_no_client_are_fine(world: World, http: httpx2.AsyncClient, key: bytes) -> None:
    assert (await bring(http, world, key, {"to": ADA})).status_code == 200
    assert await one(world.system.db, Mailbox, "mailbox_by_address", address=ADA) is not None
    assert await stored(world) == [MAIL]
