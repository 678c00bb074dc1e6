"""What models really send: taken where it can mean one thing only, and otherwise refused with what to do."""

import base64
from dataclasses import dataclass
from typing import Any

import pytest
from mcp.types import CallToolResult

from policies.modes import Mode
from tests.conftest import World
from tests.fakes.edges import MAIL, facts, on_sqlite, refusal, served, talking
from tools.accounts import create_mailbox
from tools.context import Principal

pytestmark = on_sqlite

FILE = {"name": "a.txt", "content_type": "text/plain"}


@dataclass(frozen=True)
class Agent:
    """Calls tools, each over a connection of its own."""

    world: World

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        async with talking(self.world.context, "auto") as client:
            return await client.call_tool(name, arguments)


@pytest.fixture
async def agent(world: World) -> Agent:
    await world.in_mode(Mode.AUTONOMOUS)
    return Agent(world)


async def sent(agent: Agent, **changes: Any) -> dict[str, Any]:
    return facts(await agent.call_tool("send", MAIL | changes))


async def test_what_is_left_out_may_be_null(agent: Agent) -> None:
    nothing = dict.fromkeys(
        ("cc", "bcc", "attachments", "category", "idempotency_key", "send_at", "gate_timing", "expect_reply_within")
    )
    assert (await sent(agent, **nothing, mailbox_id=None))["status"] == "queued"
    page = facts(await agent.call_tool("check_inbox", {"direction": None, "status": None, "limit": None}))
    assert page["messages"] == []


async def test_what_is_wanted_may_not(agent: Agent) -> None:
    found = await agent.call_tool("send", MAIL | {"to": None})
    assert refusal(found) == "invalid_request" and "to: takes a list" in facts(found)["error"]


async def test_over_rest_null_is_the_same(world: World) -> None:
    async with served(world) as http:
        answer = await http.post(f"/v1/mailboxes/{world.mailbox.id}/send", json=MAIL | {"cc": None, "category": None})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"to": "bea@example.com"}, "invalid_request", 'to: takes a list, such as ["one", "two"], also for one'),
        ({"to": ["bea@example.com, carl@example.com"]}, "invalid_address", "make each an item of the list"),
        ({"cc": ["Bea <bea@example.com>; carl@example.com"]}, "invalid_address", "make each an item of the list"),
        ({"to": ["Brown, Bea <bea@example.com>"]}, "invalid_address", "must stand in double quotes"),
        ({"subject": "  "}, "invalid_request", "subject: it shows nothing"),
        ({"markdown": " \n\t\u200b"}, "invalid_request", "markdown: it shows nothing"),
        ({"markdown": "Hi Bea,\\n\\nhere it is."}, "invalid_request", "give real ones"),
        ({"send_at": "2025-06-01T09:00:00Z"}, "invalid_time", "it is 2026-01-01T00:00:00Z"),
    ],
)
async def test_what_cannot_be_taken_is_told_with_the_way_out(
    agent: Agent, world: World, changes: dict[str, Any], code: str, says: str
) -> None:
    found = await agent.call_tool("send", MAIL | changes)
    assert refusal(found) == code
    assert says in facts(found)["error"] and facts(found)["fix"]
    assert await world.messages() == []


async def test_a_change_is_looked_at_as_the_mail_was(agent: Agent) -> None:
    scheduled = await sent(agent, send_at="2026-02-01T09:00:00Z")
    for markdown in (" ", "Hi,\\n\\nhere"):
        change = {"message_id": scheduled["message_id"], "markdown": markdown}
        assert refusal(await agent.call_tool("edit_scheduled", change)) == "invalid_request"


async def test_what_only_looks_like_it_is_sent(agent: Agent) -> None:
    assert (await sent(agent, markdown="Write `a\\n\\nb`,\nnot less."))["status"] == "queued"
    assert (await sent(agent, markdown="It lies in C:\\new\\notes."))["status"] == "queued"


async def test_base64_may_be_broken_into_lines(agent: Agent) -> None:
    lines = base64.encodebytes(bytes(200)).decode()
    assert "\n" in lines
    assert (await sent(agent, attachments=[FILE | {"content_base64": lines}]))["status"] == "queued"


async def test_a_file_may_come_without_words(agent: Agent) -> None:
    assert (await sent(agent, markdown=" ", attachments=[FILE | {"content_base64": "aGk="}]))["status"] == "queued"


async def test_a_mail_that_is_handed_in_twice_is_told_of_the_first(agent: Agent) -> None:
    first = await sent(agent)
    again = await agent.call_tool("send", MAIL)
    assert refusal(again) == "duplicate"
    assert facts(again)["details"]["first_message_id"] == first["message_id"]
    status = facts(await agent.call_tool("message_status", {"message_id": first["message_id"]}))
    assert status["status"] == "queued"


async def test_a_key_with_changed_words_is_told_of_the_mail_it_made(agent: Agent, world: World) -> None:
    first = await sent(agent, idempotency_key="offer 1")
    again = await agent.call_tool("send", MAIL | {"markdown": "Dear Bea, here it comes.", "idempotency_key": "offer 1"})
    assert refusal(again) == "idempotency_conflict"
    assert facts(again)["details"] == {"message_id": first["message_id"], "status": "queued"}
    assert len(await world.messages()) == 1


async def test_two_agents_may_choose_the_same_key(agent: Agent, world: World) -> None:
    other = await create_mailbox(world.system, world.account.id, "eva", "agents.example")
    keyed = MAIL | {"idempotency_key": "1"}
    whole = world.system.acting_as(Principal(world.account.id, frozenset({"read", "send"}), "key key_x"))
    async with talking(whole, "auto") as client:
        made = [
            facts(await client.call_tool("send", keyed | {"mailbox_id": box}))
            for box in (world.mailbox.id, other.id, other.id)
        ]
    assert [each["replayed"] for each in made] == [False, False, True]
    assert (await sent(agent, idempotency_key="1"))["message_id"] == made[0]["message_id"], "however it is named"


@pytest.mark.parametrize("since", ["", "2026-01-01T00:00:00Z", "msg_1", "1~"])
async def test_a_cursor_that_is_none_is_told_apart(agent: Agent, since: str) -> None:
    found = await agent.call_tool("wait_for_message", {"timeout_seconds": 1, "since": since})
    assert refusal(found) == "invalid_cursor"


async def test_an_unknown_tool_is_answered_with_those_there_are_for_the_key(agent: Agent) -> None:
    found = await agent.call_tool("list_pendings", {})
    assert refusal(found) == "unknown_tool"
    async with talking(agent.world.context, "auto") as connected:
        listed = [tool.name for tool in (await connected.list_tools()).tools]
    assert facts(found)["details"]["tools"] == listed and "list_pending" not in facts(found)["error"]


async def test_dates_of_other_mail_programs_are_read(agent: Agent) -> None:
    found = facts(await agent.call_tool("search", {"query": "after:2026/01/01 offer"}))
    assert found["messages"] == []
