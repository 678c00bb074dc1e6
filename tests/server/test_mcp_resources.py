"""Mailboxes, threads and messages as MCP resources, in both protocol eras, and the word of their change."""

import asyncio
import json
from dataclasses import replace
from typing import cast

import pytest
from mcp import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp.types import TextResourceContents

from tests.conftest import World, make_world
from tests.fakes.edges import ERAS, on_sqlite, served, talking, talking_http
from tools.accounts import create_mailbox
from tools.check_inbox import InboxRequest, check_inbox
from tools.receive import Arrival, receive

pytestmark = on_sqlite


async def arrive(world: World, subject: str = "Hello") -> str:
    """The message's id."""
    raw = f"From: ann@example.com\r\nSubject: {subject}\r\n\r\nHi\r\n".encode()
    await receive(world.system, Arrival("ann@example.com", (world.mailbox.address,), raw))
    return (await check_inbox(world.context, InboxRequest(limit=1))).messages[0].message_id


@pytest.mark.parametrize("era", ERAS)
async def test_resources_are_listed_and_read_as_their_tools_answer(world: World, era: str) -> None:
    message_id = await arrive(world)
    await create_mailbox(world.system, world.account.id, "eve", "agents.example")
    async with talking(world.context, era) as client:
        (mailbox,) = (await client.list_resources()).resources
        assert mailbox.name == "ada@agents.example", "the key's own mailbox and no other"
        templates = (await client.list_resource_templates()).resource_templates
        assert [each.uri_template for each in templates] == [
            "gatepost://mailboxes/{mailbox_id}",
            "gatepost://threads/{thread_id}",
            "gatepost://messages/{message_id}",
        ]
        for uri in (str(mailbox.uri), f"gatepost://messages/{message_id}"):
            (content,) = (await client.read_resource(uri)).contents
            assert "Hello" in json.dumps(json.loads(cast(TextResourceContents, content).text))
    assert (await check_inbox(world.context, InboxRequest(limit=1))).messages[0].status == "unread", (
        "reading never acts"
    )


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_another_s_is_not_there(world: World, era: str) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    theirs = await arrive(other)
    async with talking(world.context, era) as client:
        for uri in (
            f"gatepost://messages/{theirs}",
            "gatepost://messages/msg_nobody",
            f"gatepost://mailboxes/{other.mailbox.id}",
            "gatepost://accounts/x",
            "file:///etc/passwd",
        ):
            with pytest.raises(MCPError) as refused:
                await client.read_resource(uri)
            assert refused.value.error.code == -32602


async def test_a_listener_is_told_what_changed_and_nothing_of_others(world: World) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    uris = [f"gatepost://mailboxes/{each.mailbox.id}" for each in (world, other)]
    async with (
        asyncio.timeout(30),
        served(world) as http,
        talking_http(http, "auto") as client,
        client.listen(resource_subscriptions=uris) as changes,
    ):
        await arrive(other)
        await arrive(world)
        told = await anext(aiter(changes))
    assert told == ResourceUpdated(uri=uris[0])


async def test_a_listener_to_a_thread_hears_of_its_answers(world: World) -> None:
    message_id = await arrive(world)
    thread_id = (await check_inbox(world.context, InboxRequest(limit=1))).messages[0].thread_id
    uris = [f"gatepost://threads/{thread_id}", f"gatepost://messages/{message_id}"]
    async with (
        asyncio.timeout(30),
        served(world) as http,
        talking_http(http, "auto") as client,
        client.listen(resource_subscriptions=uris) as changes,
    ):
        await arrive(world, "Something else")
        await client.call_tool("reply", {"message_id": message_id, "markdown": "Well"})
        told = await anext(aiter(changes))
    assert told == ResourceUpdated(uri=uris[0])


async def test_a_key_that_may_not_read_hears_nothing(world: World) -> None:
    principal = replace(world.context.principal, scopes=frozenset({"send"}))
    async with talking(world.system.acting_as(principal), "auto") as client:
        assert (await client.list_resources()).resources == []
        with pytest.raises(MCPError):
            async with client.listen(resource_subscriptions=[f"gatepost://mailboxes/{world.mailbox.id}"]):
                pass
