"""The event log as a stream: taken up where it was, with an end for everything."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from server.http.app import build_app
from server.streams import Streams
from tests.conftest import World, eventually, make_world
from tests.fakes.edges import on_sqlite
from tests.fakes.serving import serving
from tools.events import last_seq
from tools.identity import revoke_key
from tools.receive import Arrival, receive

pytestmark = on_sqlite


async def works() -> dict[str, object]:
    return {"database": True}


@asynccontextmanager
async def site(world: World, streams: Streams) -> AsyncIterator[httpx2.AsyncClient]:
    app = build_app(world.system, web_routes=[], ready=works, streams=streams)
    async with (
        serving(app) as url,
        httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {world.key}"}, timeout=20) as http,
    ):
        yield http
        streams.close()


@asynccontextmanager
async def stream(http: httpx2.AsyncClient, **headers: str) -> AsyncIterator[AsyncIterator[str]]:
    accept = {"Accept": "text/event-stream", **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with http.stream("GET", "/v1/events", headers=accept) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield response.aiter_lines()


async def arrive(world: World, subject: str) -> None:
    raw = f"From: ann@example.com\r\nSubject: {subject}\r\n\r\nHello\r\n".encode()
    await receive(world.system, Arrival("ann@example.com", (world.mailbox.address,), raw))


async def events(lines: AsyncIterator[str], count: int) -> list[dict[str, object]]:
    """The next events; each has its number as the stream's id too."""
    found: list[dict[str, object]] = []
    last_id = ""
    async with asyncio.timeout(20):
        async for line in lines:
            name, _, value = line.partition(": ")
            if name == "id":
                last_id = value
            elif name == "data":
                found.append(json.loads(value))
                assert str(found[-1]["seq"]) == last_id
                if len(found) == count:
                    return found
    return found


async def test_events_come_as_they_happen_and_are_taken_up_again(world: World) -> None:
    async with site(world, Streams()) as http:
        async with stream(http) as lines:
            await anext(lines)
            for number in range(3):
                await arrive(world, f"Topic {number}")
            first = await events(lines, 3)
        assert [event["type"] for event in first] == ["message.received"] * 3, "nothing from before it began"
        await arrive(world, "While nobody listened")
        async with stream(http, Last_Event_ID=str(first[1]["seq"])) as lines:
            again = await events(lines, 2)
    assert again[0] == first[2] and len({event["message_id"] for event in (*first, *again)}) == 4


async def test_a_heart_beats_while_nothing_happens(world: World) -> None:
    async with site(world, Streams(heartbeat_seconds=0.05)) as http, stream(http) as lines:
        async with asyncio.timeout(20):
            beats = 0
            async for line in lines:
                beats += line == ": "
                if beats == 3:
                    break
    assert beats == 3


async def test_a_key_has_so_many_streams_and_no_more(world: World) -> None:
    async with site(world, Streams(per_key=2)) as http:
        async with stream(http) as one, stream(http) as two:
            await anext(one)
            await anext(two)
            refused = await http.get("/v1/events", headers={"Accept": "text/event-stream"})
            assert refused.status_code == 429 and refused.headers["retry-after"]
            assert (await http.get("/v1/events")).status_code == 200, "pages are counted otherwise"

        async def free() -> bool:
            async with http.stream("GET", "/v1/events", headers={"Accept": "text/event-stream"}) as again:
                return again.status_code == 200

        await eventually(free)


async def test_a_revoked_key_s_stream_ends(world: World) -> None:
    async with site(world, Streams(heartbeat_seconds=0.05)) as http, stream(http) as lines:
        await anext(lines)
        key_id = world.context.principal.name.removeprefix("key ")
        await revoke_key(world.system, world.account.id, key_id)
        async with asyncio.timeout(20):
            assert [line async for line in lines if line.startswith("data")] == []


async def test_a_server_that_stops_ends_its_streams(world: World) -> None:
    streams = Streams(heartbeat_seconds=60)
    async with site(world, streams) as http, stream(http) as lines:
        await anext(lines)
        streams.close()
        async with asyncio.timeout(20):
            assert [line async for line in lines if line.startswith("data")] == []


async def test_another_account_s_events_do_not_come(world: World) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    async with site(world, Streams()) as http, stream(http, Last_Event_ID="0") as lines:
        await arrive(other, "For the other")
        await arrive(world, "For us")
        (event,) = await events(lines, 1)
    assert event["mailbox_id"] == world.mailbox.id


async def test_a_stream_refuses_as_any_call_does(world: World) -> None:
    async with site(world, Streams()) as http:
        accept = {"Accept": "text/event-stream"}
        unknown = await http.get("/v1/events?colour=red", headers=accept)
        assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_argument")
        wrong = await http.get("/v1/events?mailbox_id=mbx_x", headers=accept)
        assert (wrong.status_code, wrong.json()["code"]) == (404, "mailbox_not_found")
        nobody = await http.get("/v1/events", headers={**accept, "Authorization": "Bearer gp_wrong"})
        assert nobody.status_code == 401


async def test_a_page_waits_over_http_too(world: World) -> None:
    async with site(world, Streams()) as http:
        after = await last_seq(world.system.db, world.account.id)
        waiting = asyncio.create_task(http.get(f"/v1/events?after={after}&wait=20"))
        await eventually(lambda: world.system.db.wakeups.listeners(f"events {world.account.id}"))
        await arrive(world, "One")
        page = (await waiting).json()
    assert [event["type"] for event in page["events"]] == ["message.received"] and page["cursor"] > after
