"""The bridge to a Gatepost elsewhere carries resources and the word of their change, in both protocol eras."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import cast
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp.types import ErrorData, TextResourceContents

from server.mcp.bridge import upstream
from server.mcp.relay import LISTENING_SECONDS
from server.streams import Streams
from tests.conftest import World, eventually, make_world
from tests.fakes.edges import ERAS, Heard, application, on_sqlite, subscribe, talking_http, unsubscribe
from tests.fakes.serving import serving
from tests.server.test_mcp_resources import arrive
from tests.server.test_stdio import BRIDGE, process
from tools.identity import create_key

pytestmark = on_sqlite


def mailbox_uri(world: World) -> str:
    return f"gatepost://mailboxes/{world.mailbox.id}"


@pytest.mark.parametrize("era", ERAS)
async def test_resources_are_those_of_the_server(world: World, era: str) -> None:
    message_id = await arrive(world)
    async with (
        serving(application(world)) as url,
        upstream(url, world.key) as server,
        Client(server, mode=era) as client,
    ):
        assert [str(each.uri) for each in (await client.list_resources()).resources] == [mailbox_uri(world)]
        assert len((await client.list_resource_templates()).resource_templates) == 3
        (content,) = (await client.read_resource(f"gatepost://messages/{message_id}")).contents
        assert "Hello" in json.dumps(json.loads(cast(TextResourceContents, content).text))
        for wrong in ("gatepost://messages/msg_nobody", "file:///etc/passwd"):
            with pytest.raises(MCPError) as refused:
                await client.read_resource(wrong)
            assert refused.value.error.code == -32602, "the server's own words"


async def test_a_server_that_went_away_is_said_to_have_gone(world: World) -> None:
    async with AsyncExitStack() as stack:
        async with serving(application(world)) as url:
            server = await stack.enter_async_context(upstream(url, world.key))
        client = await stack.enter_async_context(Client(server, mode="auto"))
        for asking in (client.list_resources, client.list_resource_templates, client.list_tools):
            with pytest.raises(MCPError, match="did not answer"):
                await asking()
        with pytest.raises(MCPError, match="did not answer"):
            async with client.listen(resource_subscriptions=[mailbox_uri(world)]):
                pass


async def test_a_listener_is_told_of_changes_elsewhere(world: World) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    async with (
        asyncio.timeout(30),
        serving(application(world)) as url,
        upstream(url, world.key) as server,
        Client(server, mode="auto") as client,
        client.listen(resource_subscriptions=[mailbox_uri(world), mailbox_uri(other)]) as changes,
    ):
        await arrive(other)
        await arrive(world)
        assert await anext(aiter(changes)) == ResourceUpdated(uri=mailbox_uri(world))


async def test_a_listener_learns_that_the_server_went_away(world: World) -> None:
    streams = Streams()
    async with (
        asyncio.timeout(30),
        serving(application(world, streams)) as url,
        upstream(url, world.key) as server,
        Client(server, mode="auto") as client,
        client.listen(resource_subscriptions=[mailbox_uri(world)]) as changes,
    ):
        streams.close()
        assert [change async for change in changes] == [], "it stopped, and ended what it told"


async def test_an_older_client_subscribes_one_by_one(world: World) -> None:
    first, second = await arrive(world, "One"), await arrive(world, "Two")
    one, two = (f"gatepost://messages/{id_}" for id_ in (first, second))
    heard = Heard()
    async with (
        asyncio.timeout(30),
        serving(application(world)) as url,
        upstream(url, world.key) as server,
        Client(server, mode="legacy", message_handler=heard) as client,
    ):
        assert client.server_capabilities.resources is not None and client.server_capabilities.resources.subscribe
        await asyncio.gather(*(subscribe(client, uri) for uri in (one, two, mailbox_uri(world))))
        await client.call_tool("tag", {"message_id": first, "tags": {"seen": ""}})
        await heard.until(one, mailbox_uri(world))
        await unsubscribe(client, one)
        heard.uris.clear()
        for id_ in (first, second):
            await client.call_tool("tag", {"message_id": id_, "tags": {"again": ""}})
        await heard.until(two)
        assert one not in heard.uris
        await unsubscribe(client, two)
        await unsubscribe(client, mailbox_uri(world))
        await eventually(lambda: world.system.db.wakeups.listeners(f"events {world.account.id}") == 0)
        with pytest.raises(MCPError) as refused:
            await subscribe(client, "file:///etc/passwd")
        assert refused.value.error.code == -32602


async def refusal_of(asking: Awaitable[object]) -> ErrorData:
    """The error that is answered, well before the bridge would give up waiting."""
    with pytest.raises(MCPError) as refused:
        async with asyncio.timeout(LISTENING_SECONDS / 2):
            await asking
    return refused.value.error


async def listen(client: Client, uri: str) -> None:
    async with client.listen(resource_subscriptions=[uri]):
        pass


@pytest.mark.parametrize(("era", "ask"), [("auto", listen), ("legacy", subscribe)])
async def test_a_key_that_may_not_read_is_refused_in_the_server_s_words(
    world: World, era: str, ask: Callable[[Client, str], Awaitable[None]]
) -> None:
    made = await create_key(world.system, world.account.id, "sender", frozenset({"send"}), world.mailbox.id)
    headers = {"Authorization": f"Bearer {made.text}"}
    async with (
        serving(application(world)) as url,
        httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as http,
        talking_http(http, era) as direct,
        upstream(url, made.text) as server,
        Client(server, mode=era) as client,
    ):
        said = await refusal_of(ask(direct, mailbox_uri(world)))
        assert said.data["code"] == "missing_scope"
        for _ in range(2):
            assert await refusal_of(ask(client, mailbox_uri(world))) == said
        assert await refusal_of(ask(client, "gatepost://messages/msg_1")) == said


async def test_what_was_subscribed_to_stays_when_more_is_refused(world: World) -> None:
    heard = Heard()
    async with (
        asyncio.timeout(30),
        serving(application(world, Streams(per_key=1))) as url,
        upstream(url, world.key) as server,
        Client(server, mode="legacy", message_handler=heard) as client,
    ):
        await subscribe(client, mailbox_uri(world))
        for _ in range(2):
            refused = await refusal_of(subscribe(client, "gatepost://messages/msg_1"))
            assert refused.data["code"] == "rate_limited", "there are too many streams"
        await arrive(world)
        await heard.until(mailbox_uri(world))
        # nothing is left of what was refused: with no resource there is no stream
        await unsubscribe(client, mailbox_uri(world))
        await eventually(lambda: world.system.db.wakeups.listeners(f"events {world.account.id}") == 0)
        await subscribe(client, "gatepost://messages/msg_1")


async def test_after_the_server_was_away_a_subscriber_is_told_of_all(world: World) -> None:
    heard = Heard()
    async with asyncio.timeout(40), AsyncExitStack() as stack:
        streams = Streams()
        async with serving(application(world, streams)) as url:
            server = await stack.enter_async_context(upstream(url, world.key, 0.05))
            client = await stack.enter_async_context(Client(server, mode="legacy", message_handler=heard))
            await subscribe(client, mailbox_uri(world))
            streams.close()
        # as it stopped it may have been asked once more, which tells of all as well
        heard.uris.clear()
        await arrive(world)
        async with serving(application(world), port=urlsplit(url).port or 0):
            await heard.until(mailbox_uri(world))
            heard.uris.clear()
            await arrive(world)
            await heard.until(mailbox_uri(world))
            await stack.aclose()


@pytest.mark.parametrize("era", ERAS)
async def test_over_stdin_and_stdout(world: World, era: str) -> None:
    heard = Heard()
    async with (
        asyncio.timeout(60),
        serving(application(world)) as url,
        Client(process(BRIDGE, url, world.key), mode=era, message_handler=heard) as client,
    ):
        (mailbox,) = (await client.list_resources()).resources
        if era == "legacy":
            await subscribe(client, str(mailbox.uri))
            await arrive(world)
            await heard.until(mailbox_uri(world))
            return
        async with client.listen(resource_subscriptions=[str(mailbox.uri)]) as changes:
            await arrive(world)
            assert await anext(aiter(changes)) == ResourceUpdated(uri=mailbox_uri(world))
