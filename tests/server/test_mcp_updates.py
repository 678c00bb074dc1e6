"""Resource updates in the older protocol: subscribed one by one, told on the connection that stays."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import httpx2
import pytest
from mcp import Client, MCPError

from server.mcp.subscribers import LABEL, MOST_URIS
from server.streams import PER_KEY, Streams
from tests.conftest import World, eventually, make_world
from tests.fakes.edges import Heard, on_sqlite, served, subscribe, talking, talking_http, unsubscribe
from tests.server.test_mcp_resources import arrive
from tools.events import last_seq
from tools.identity import create_key, revoke_key
from tools.tags import TagRequest, tag

pytestmark = on_sqlite

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}
BOTH = {"Accept": "application/json, text/event-stream"}
EVENTS = {"Accept": "text/event-stream"}


def mailbox_uri(world: World) -> str:
    return f"gatepost://mailboxes/{world.mailbox.id}"


@asynccontextmanager
async def in_memory(world: World, heard: Heard) -> AsyncIterator[Client]:
    async with talking(world.context, "legacy", message_handler=heard) as client:
        yield client


@asynccontextmanager
async def over_http(world: World, heard: Heard) -> AsyncIterator[Client]:
    async with served(world) as http, talking_http(http, "legacy", message_handler=heard) as client:
        yield client


Way = Callable[[World, Heard], AbstractAsyncContextManager[Client]]
ways = pytest.mark.parametrize("way", [in_memory, over_http])


@ways
async def test_a_subscriber_is_told_what_changed_and_nothing_of_others(world: World, way: Way) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    heard = Heard()
    async with asyncio.timeout(30), way(world, heard) as client:
        assert client.server_capabilities.resources is not None and client.server_capabilities.resources.subscribe
        for uri in (mailbox_uri(world), mailbox_uri(other), "gatepost://messages/msg_nobody"):
            await subscribe(client, uri)
        await arrive(other)
        await arrive(world)
        await heard.until(mailbox_uri(world))
    assert set(heard.uris) == {mailbox_uri(world)}


@ways
async def test_whoever_unsubscribes_hears_of_the_rest(world: World, way: Way) -> None:
    first, second = await arrive(world, "One"), await arrive(world, "Two")
    one, two = (f"gatepost://messages/{id_}" for id_ in (first, second))
    heard = Heard()
    async with asyncio.timeout(30), way(world, heard) as client:
        for uri in (one, two):
            await subscribe(client, uri)
        await unsubscribe(client, one)
        await unsubscribe(client, "gatepost://messages/msg_never")
        for id_ in (first, second):
            await client.call_tool("tag", {"message_id": id_, "tags": {"seen": ""}})
        await heard.until(two)
    assert one not in heard.uris


@ways
async def test_what_is_no_resource_and_too_many_are_refused(world: World, way: Way) -> None:
    async with asyncio.timeout(30), way(world, Heard()) as client:
        for wrong in ("file:///etc/passwd", "gatepost://accounts/x", "gatepost://mailboxes/../x"):
            with pytest.raises(MCPError) as refused:
                await subscribe(client, wrong)
            assert refused.value.error.code == -32602
        for number in range(MOST_URIS):
            await subscribe(client, f"gatepost://messages/msg_{number}")
        with pytest.raises(MCPError) as many:
            await subscribe(client, "gatepost://messages/msg_more")
        assert many.value.error.code == -32602
        await subscribe(client, "gatepost://messages/msg_0")


async def test_a_key_that_may_not_read_cannot_subscribe(world: World) -> None:
    principal = replace(world.context.principal, scopes=frozenset({"send"}))
    async with talking(world.system.acting_as(principal), "legacy") as client:
        with pytest.raises(MCPError):
            await subscribe(client, mailbox_uri(world))


async def test_an_agent_without_a_key_is_told_too(world: World) -> None:
    """As on stdin and stdout beside a server inside, where the only mailbox is the agent's."""
    principal = replace(world.context.principal, name="the agent on this machine")
    heard = Heard()
    async with talking(world.system.acting_as(principal), "legacy", message_handler=heard) as client:
        await subscribe(client, mailbox_uri(world))
        await arrive(world)
        await heard.until(mailbox_uri(world))


async def label(http: httpx2.AsyncClient, **headers: str) -> str:
    """What the server calls a client that comes."""
    answer = await http.post("/mcp", json=INITIALIZE, headers=headers | BOTH)
    assert answer.status_code == 200
    return str(answer.headers[LABEL])


async def subscribe_raw(http: httpx2.AsyncClient, name: str | None, uri: str) -> httpx2.Response:
    call = {"jsonrpc": "2.0", "id": 2, "method": "resources/subscribe", "params": {"uri": uri}}
    headers = BOTH | {"MCP-Protocol-Version": "2025-11-25"} | ({LABEL: name} if name else {})
    return await http.post("/mcp", json=call, headers=headers)


async def first_event(http: httpx2.AsyncClient, name: str) -> str:
    """The first event of a client's stream."""
    async with asyncio.timeout(20), http.stream("GET", "/mcp", headers=EVENTS | {LABEL: name}) as stream:
        assert stream.status_code == 200 and stream.headers["content-type"].startswith("text/event-stream")
        return await data_of(stream.aiter_lines())


async def test_what_was_told_to_a_stream_that_broke_unseen_is_told_again(world: World) -> None:
    async with served(world) as http:
        name = await label(http)
        await subscribe_raw(http, name, mailbox_uri(world))
        seen = await last_seq(world.system.db, world.account.id)
        for subject in ("One", "Two"):
            await arrive(world, subject)
            assert mailbox_uri(world) in await first_event(http, name)
        headers = EVENTS | {LABEL: name, "Last-Event-ID": str(seen)}
        async with asyncio.timeout(20), http.stream("GET", "/mcp", headers=headers) as stream:
            lines = stream.aiter_lines()
            assert mailbox_uri(world) in await data_of(lines)
            assert await anext(lines) == f"id: {await last_seq(world.system.db, world.account.id)}"


async def data_of(lines: AsyncIterator[str]) -> str:
    """The data of the first event among these lines."""
    async for line in lines:
        if line.startswith("data: "):
            return line
    raise AssertionError("the stream ended")


async def test_what_changed_before_the_stream_was_open_is_told(world: World) -> None:
    """The client's two requests are on their way at once; and a stream that breaks is taken up where it was."""
    async with served(world) as http:
        name = await label(http)
        assert "error" not in (await subscribe_raw(http, name, mailbox_uri(world))).text
        for _ in range(2):
            await arrive(world)
            assert mailbox_uri(world) in await first_event(http, name)


async def test_who_subscribed_to_nothing_yet_costs_no_look_and_is_told_from_then_on(world: World) -> None:
    """Older clients open the stream as they come, most of them for nothing."""
    async with served(world) as http:
        name = await label(http)
        message_id = await arrive(world)
        async with asyncio.timeout(20), http.stream("GET", "/mcp", headers=EVENTS | {LABEL: name}) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == ": "
            assert world.system.db.wakeups.listeners(f"events {world.account.id}") == 0
            await subscribe_raw(http, name, f"gatepost://messages/{message_id}")
            await eventually(lambda: world.system.db.wakeups.listeners(f"events {world.account.id}") == 1)
            await tag(world.context, TagRequest(message_id=message_id, tags={"seen": ""}))
            assert message_id in await data_of(lines)


async def test_a_label_is_of_no_use_to_another_key(world: World) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    async with served(world) as http:
        name = await label(http)
        await subscribe_raw(http, name, mailbox_uri(world))
        await arrive(world)
        theirs = {"Authorization": f"Bearer {other.key}"}
        for method in ("GET", "DELETE"):
            refused = await http.request(method, "/mcp", headers=EVENTS | theirs | {LABEL: name})
            assert (refused.status_code, refused.json()["code"]) == (404, "session_not_found")
        assert mailbox_uri(world) in await first_event(http, name)


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", EVENTS, 405),
        ("GET", EVENTS | {LABEL: "x y"}, 405),
        ("GET", EVENTS | {LABEL: "x" * 129}, 405),
        ("GET", EVENTS | {LABEL: "x", "MCP-Protocol-Version": "2026-07-28"}, 405),
        ("GET", {"Accept": "application/json", LABEL: "x"}, 405),
        ("HEAD", EVENTS | {LABEL: "x"}, 405),
        ("DELETE", {}, 405),
        ("GET", EVENTS | {LABEL: "never-given"}, 404),
        ("DELETE", {LABEL: "never-given"}, 404),
        ("GET", EVENTS | {LABEL: "x", "Authorization": ""}, 401),
        ("GET", EVENTS | {LABEL: "x", "Origin": "https://evil.example"}, 403),
        ("GET", EVENTS | {LABEL: "x", "Host": "evil.example"}, 421),
    ],
)
async def test_who_gets_no_stream(world: World, method: str, headers: dict[str, str], status: int) -> None:
    async with served(world) as http:
        answer = await http.request(method, "/mcp", headers=headers)
    assert answer.status_code == status


async def test_a_subscription_without_a_label_is_refused(world: World) -> None:
    async with served(world) as http:
        answer = await subscribe_raw(http, None, mailbox_uri(world))
    assert "Mcp-Session-Id" in answer.text and "error" in answer.text


async def test_a_stream_ends_with_its_key_and_a_key_has_so_many(world: World) -> None:
    made = await create_key(world.system, world.account.id, "second", frozenset({"read"}), world.mailbox.id)
    headers = EVENTS | {"Authorization": f"Bearer {made.text}"}
    async with served(world, Streams(heartbeat_seconds=0.1)) as http, contextlib.AsyncExitStack() as open_streams:
        streams = []
        for _ in range(PER_KEY):
            stream = http.stream("GET", "/mcp", headers=headers | {LABEL: await label(http, **headers)})
            streams.append(await open_streams.enter_async_context(stream))
        one_more = await http.get("/mcp", headers=headers | {LABEL: await label(http, **headers)})
        assert one_more.status_code == 429 and "retry-after" in one_more.headers
        await revoke_key(world.system, world.account.id, made.key.id)
        await arrive(world)
        async with asyncio.timeout(20):
            for each in streams:
                assert [line async for line in each.aiter_lines() if line.startswith("data: ")] == []


async def test_a_server_that_stops_ends_its_streams(world: World) -> None:
    """Of a client that subscribed to something, and of one that did not."""
    streams = Streams()
    async with asyncio.timeout(20), served(world, streams) as http, contextlib.AsyncExitStack() as both:
        name = await label(http)
        await subscribe_raw(http, name, mailbox_uri(world))
        another = await label(http)
        opened = [http.stream("GET", "/mcp", headers=EVENTS | {LABEL: each}) for each in (name, another)]
        lines = [(await both.enter_async_context(each)).aiter_lines() for each in opened]
        for each in lines:
            assert await anext(each) == ": "
        streams.close()
        for each in lines:
            assert not [line async for line in each if line.startswith("data: ")]


async def test_a_client_that_goes_is_told_nothing_more(world: World) -> None:
    async with served(world) as http:
        name = await label(http)
        await subscribe_raw(http, name, mailbox_uri(world))
        assert (await http.delete("/mcp", headers={LABEL: name})).status_code == 204
        assert (await http.get("/mcp", headers=EVENTS | {LABEL: name})).status_code == 404
        assert (await subscribe_raw(http, name, mailbox_uri(world))).status_code == 404


@asynccontextmanager
async def beside(world: World) -> AsyncIterator[tuple[httpx2.AsyncClient, httpx2.AsyncClient]]:
    """Two servers over one database, as two processes on PostgreSQL are, or one before a restart and after it."""
    async with served(world) as one, served(world) as other:
        yield one, other


async def ask(http: httpx2.AsyncClient, known: str, method: str, /, **params: object) -> httpx2.Response:
    """Any request of a client that has a label."""
    call = {"jsonrpc": "2.0", "id": 2, "method": method, "params": params}
    headers = BOTH | {"MCP-Protocol-Version": "2025-06-18", LABEL: known}
    return await http.post("/mcp", json=call, headers=headers)


async def test_another_process_says_that_it_does_not_know_what_a_client_subscribed_to(world: World) -> None:
    """Streamable HTTP, "Session Management": 404, and the client initializes anew. It was left waiting for ever."""
    async with beside(world) as (one, other):
        name = await label(one)
        assert (await ask(one, name, "resources/subscribe", uri=mailbox_uri(world))).status_code == 200
        for method in ("resources/subscribe", "resources/unsubscribe"):
            refused = await ask(other, name, method, uri=mailbox_uri(world))
            assert (refused.status_code, refused.json()["code"]) == (404, "session_not_found")
            assert "initialize" in refused.json()["fix"]
            # too long to be looked into before it is answered
            refused = await ask(other, name, method, uri="x" * 1_000_000)
            assert "session_not_found" in refused.text
        for ask_for in ("GET", "DELETE"):
            assert (await other.request(ask_for, "/mcp", headers=EVENTS | {LABEL: name})).status_code == 404
        anew = await label(other)
        assert (await ask(other, anew, "resources/subscribe", uri=mailbox_uri(world))).status_code == 200
        await arrive(world)
        for http, known in ((one, name), (other, anew)):
            assert mailbox_uri(world) in await first_event(http, known)


async def test_tools_answer_at_every_process_and_after_a_restart(world: World) -> None:
    """Many clients do not begin anew when they are told to; what needs no session asks for none."""
    async with beside(world) as (one, other):
        name = await label(one)
        for http in (one, other):
            answer = await ask(http, name, "tools/list")
            assert answer.status_code == 200 and "check_inbox" in answer.text and LABEL not in answer.headers
            large = await ask(http, name, "tools/call", name="search", arguments={"query": "x" * 1_000_000})
            assert large.status_code == 200 and "invalid_request" in large.text


async def test_a_client_that_begins_anew_with_its_old_label_gets_another(world: World) -> None:
    async with served(world) as http:
        given = (await http.post("/mcp", json=INITIALIZE, headers=BOTH | {LABEL: "old"})).headers[LABEL]
        assert given != "old"
        await subscribe_raw(http, given, mailbox_uri(world))
        await arrive(world)
        assert mailbox_uri(world) in await first_event(http, given)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"[" * 60_000, b'{"method": {}}', b'{"method": "resources/subscribe"']
)
async def test_what_is_no_request_is_refused_with_an_unknown_label_as_with_a_known_one(
    world: World, body: bytes
) -> None:
    async with served(world) as http:
        headers = BOTH | {"Content-Type": "application/json", "MCP-Protocol-Version": "2025-06-18"}
        answers = [
            await http.post("/mcp", content=body, headers=headers | {LABEL: each}) for each in (await label(http), "x")
        ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].text == answers[1].text
