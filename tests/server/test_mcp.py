"""The agent's tools over MCP: what is listed, how calls are answered, and how approval is offered."""

import base64
from dataclasses import replace
from typing import Any, cast

import pytest
from mcp import MCPError
from mcp.types import ElicitResult, InputRequiredResult
from structlog.testing import capture_logs

from policies.modes import Mode
from server.http.limits import MAX_BODY
from tests.conftest import World, make_world
from tests.fakes.edges import ERAS, MAIL, facts, on_sqlite, refusal, served, talking, talking_http
from tests.fakes.forged import forged
from tests.fakes.web import approval_of
from tools.context import Context, Principal, Site
from tools.decide import approve
from tools.registry import OPERATIONS

pytestmark = on_sqlite

FILE_25_MIB = base64.b64encode(bytes(25 * 1024 * 1024)).decode()
LARGE = MAIL | {"attachments": [{"name": "a.bin", "content_type": "image/png", "content_base64": FILE_25_MIB}]}


def words_of(schema: object) -> set[str]:
    """Every keyword and name in a schema."""
    if isinstance(schema, dict):
        return set(schema).union(*(words_of(value) for value in schema.values()))
    return set().union(*(words_of(value) for value in schema)) if isinstance(schema, list) else set()


def acting(world: World, *scopes: str) -> Context:
    return world.system.acting_as(Principal(world.account.id, frozenset(scopes), "key key_x", world.mailbox.id))


@pytest.mark.parametrize("era", ERAS)
async def test_every_tool_tells_a_client_all_it_needs(world: World, era: str) -> None:
    async with talking(acting(world, "read", "send", "admin", "oversight"), era) as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == [operation.name for operation in OPERATIONS if operation.mcp]
    for tool in tools:
        assert tool.title and tool.description and tool.annotations and tool.output_schema
        hints = tool.annotations.model_dump(
            include={"read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint"}
        )
        assert len(hints) == 4 and None not in hints.values()
        assert all(field.get("description") for field in tool.input_schema["properties"].values()), tool.name
        assert not {"$ref", "$defs", "anyOf"} & words_of(tool.input_schema)
        assert not {"$ref", "$defs"} & words_of(tool.output_schema)
        assert tool.output_schema["type"] == "object"


@pytest.mark.parametrize("scopes", [("read",), ("read", "send"), ("admin",)])
async def test_a_key_is_shown_the_tools_it_may_use(world: World, scopes: tuple[str, ...]) -> None:
    context = acting(world, *scopes)
    async with talking(context, "auto") as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert names == {each.name for each in OPERATIONS if each.mcp and context.principal.may(each.scope)}
    assert ("send" in names) == ("send" in scopes)


@pytest.mark.parametrize("era", ERAS)
async def test_the_model_is_told_how_to_behave(world: World, era: str) -> None:
    async with talking(world.context, era) as client:
        told = client.instructions or ""
    assert "Do not resend" in told and "_untrusted" in told


@pytest.mark.parametrize("era", ERAS)
async def test_a_held_mail_is_a_result_like_any_other(world: World, era: str) -> None:
    async with talking(world.context, era) as client:
        sent = facts(await client.call_tool("send", MAIL))
        asked = facts(await client.call_tool("message_status", {"message_id": sent["message_id"]}))
    assert sent["status"] == asked["status"] == "pending_send_approval"
    assert sent["approval_url"].startswith(world.system.site.base_url)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments", "code", "word"),
    [
        ("sned", MAIL, "unknown_tool", "'send'"),
        ("send", MAIL | {"subjct": "x"}, "unknown_argument", "'subject'"),
        ("send", {"to": ["bea@example.com"], "subject": "x"}, "invalid_request", "markdown: field required"),
        ("check_inbox", {"limit": "5"}, "invalid_request", "limit: input should be a valid integer"),
        ("check_inbox", {"limit": True}, "invalid_request", "limit"),
        ("send", MAIL | {"subject": 7}, "invalid_request", "subject"),
        ("send", MAIL | {"subject": "a\r\nBcc: eve@example.net"}, "invalid_header", "line break"),
        ("send", MAIL | {"attachments": [{"nme": "x"}]}, "unknown_argument", "attachments.0.nme"),
        ("message_status", {"message_id": "msg_\0"}, "invalid_request", "message_id"),
        ("message_status", {"message_id": "msg_none"}, "message_not_found", ""),
    ],
)
async def test_a_bad_call_is_refused_in_words(
    world: World, era: str, tool: str, arguments: dict[str, Any], code: str, word: str
) -> None:
    async with talking(world.context, era) as client:
        result = await client.call_tool(tool, arguments)
    assert refusal(result) == code
    body = facts(result)
    assert word in body["error"]
    assert body["fix"] and body["request_id"].startswith("req_")
    assert "pydantic" not in str(body)


async def test_what_was_given_is_not_repeated_in_the_error(world: World) -> None:
    async with talking(world.context, "auto") as client:
        result = await client.call_tool("send", MAIL | {"markdown": ["a private sentence"]})
    assert "private" not in str(facts(result))


async def test_a_key_without_the_scope_is_refused(world: World) -> None:
    async with talking(acting(world, "read"), "auto") as client:
        assert refusal(await client.call_tool("send", MAIL)) == "missing_scope"


async def test_another_accounts_message_is_not_there(world: World) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    async with talking(other.context, "auto") as client:
        theirs = facts(await client.call_tool("send", MAIL))["message_id"]
    async with talking(world.context, "auto") as client:
        seen = facts(await client.call_tool("message_status", {"message_id": theirs}))
        none = facts(await client.call_tool("message_status", {"message_id": "msg_none"}))
    assert seen["code"] == none["code"] == "message_not_found"
    assert seen["error"] == none["error"]


@pytest.mark.parametrize("era", ERAS)
async def test_attachments_that_are_too_large_are_refused_in_words(world: World, era: str) -> None:
    async with talking(world.context, era) as client:
        assert refusal(await client.call_tool("send", LARGE)) == "attachments_too_large"


async def test_an_unexpected_error_is_logged_and_not_told(world: World) -> None:
    broken = replace(world.context, site=cast(Site, None))
    with capture_logs() as logs:
        async with talking(broken, "auto") as client:
            body = facts(await client.call_tool("send", MAIL))
    assert body["code"] == "internal_error"
    assert "NoneType" not in str(body)
    assert [line["request_id"] for line in logs] == [body["request_id"]]


# approval in the conversation


async def test_a_client_that_opens_pages_is_offered_the_approval_page(world: World) -> None:
    asked: list[Any] = []

    async def decide(_: Any, params: Any) -> ElicitResult:
        asked.append(params)
        (row,) = await world.system.db.rows("waiting", account_id=world.account.id, mailbox_id=None, now=0, limit=10)
        approval = await approval_of(world, row["message_id"])
        await approve(world.system, approval, approval.revision, world.overseer)
        return ElicitResult(action="accept")

    async with talking(world.context, "auto", elicitation_callback=decide) as client:
        result = facts(await client.call_tool("send", MAIL))
        inbox = facts(await client.call_tool("check_inbox", {"direction": "any"}))
    assert [params.mode for params in asked] == ["url"]
    assert asked[0].url.startswith(f"{world.system.site.base_url}/approvals/")
    assert result["status"] == "queued"
    assert [message["message_id"] for message in inbox["messages"]] == [result["message_id"]]


@pytest.mark.parametrize("action", ["accept", "decline", "cancel"])
async def test_a_mail_stays_held_until_somebody_decides(world: World, action: Any) -> None:
    async def answer(_: Any, __: Any) -> ElicitResult:
        return ElicitResult(action=action)

    async with talking(world.context, "auto", elicitation_callback=answer) as client:
        result = facts(await client.call_tool("send", MAIL))
        inbox = facts(await client.call_tool("check_inbox", {"direction": "any"}))
    assert result["status"] == "pending_send_approval"
    assert result["approval_url"]
    assert len(inbox["messages"]) == 1


@pytest.mark.parametrize(("era", "mode"), [("legacy", Mode.GATED_SEND), ("auto", Mode.AUTONOMOUS)])
async def test_nobody_is_asked_where_there_is_nothing_to_ask(world: World, era: str, mode: Mode) -> None:
    async def never(_: Any, __: Any) -> ElicitResult:
        raise AssertionError("asked")

    await world.in_mode(mode)
    async with talking(world.context, era, elicitation_callback=never) as client:
        assert not (await client.call_tool("send", MAIL)).is_error


@pytest.mark.parametrize(
    ("elicitation", "kind"),
    [(None, "complete"), ({}, "complete"), ({"form": {}}, "complete"), ({"url": {}}, "input_required")],
)
async def test_only_a_client_that_says_it_opens_pages_is_asked(
    world: World, elicitation: dict[str, Any] | None, kind: str
) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {} if elicitation is None else {"elicitation": elicitation},
    }
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "send", "arguments": MAIL, "_meta": meta},
    }
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "send"}
    async with served(world) as http:
        answer = await http.post("/mcp", json=call, headers=headers | {"Accept": "application/json, text/event-stream"})
    result = answer.json()["result"]
    assert result["resultType"] == kind
    assert ("structuredContent" in result) == (kind == "complete")


async def answer_later(_: Any, __: Any) -> ElicitResult:
    return ElicitResult(action="accept")


async def question(world: World) -> str:
    """The sealed state that comes with the offer."""
    async with talking(world.context, "auto", elicitation_callback=answer_later) as client:
        asked = await client.session.call_tool("send", MAIL, allow_input_required=True)
    assert isinstance(asked, InputRequiredResult) and asked.request_state
    return asked.request_state


async def test_request_state_tells_nothing_and_cannot_be_forged(world: World) -> None:
    state = await question(world)
    assert "ask_" not in state
    async with talking(world.context, "auto", elicitation_callback=answer_later) as client:
        again = facts(await client.call_tool("send", MAIL, request_state=state))
        assert again["status"] == "pending_send_approval"
        for wrong in ("ask_1", forged(state)):
            with pytest.raises(MCPError, match="requestState"):
                await client.call_tool("send", MAIL, request_state=wrong)
        with pytest.raises(MCPError, match="requestState"):
            await client.call_tool("send", MAIL | {"subject": "Another"}, request_state=state)


async def test_request_state_is_of_no_use_to_another_key(world: World) -> None:
    state = await question(world)
    other = await make_world(world.system, world.clock, "other.example")
    async with talking(other.context, "auto", elicitation_callback=answer_later) as client:
        with pytest.raises(MCPError, match="requestState"):
            await client.call_tool("send", MAIL, request_state=state)


# over HTTP


@pytest.mark.parametrize("era", ERAS)
async def test_tools_over_http(world: World, era: str) -> None:
    async with served(world) as http, talking_http(http, era) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        sent = facts(await client.call_tool("send", MAIL))
        large = await client.call_tool("send", LARGE)
        unknown = facts(await client.call_tool("send", MAIL | {"subjct": "x"}))
    assert {"send", "check_inbox"} <= names
    assert sent["status"] == "pending_send_approval"
    assert refusal(large) == "attachments_too_large"
    assert unknown["code"] == "unknown_argument"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_the_endpoint_takes_post_alone(world: World, method: str) -> None:
    async with served(world) as http:
        answer = await http.request(method, "/mcp")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer gp_wrong"}, 401),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
    ],
)
async def test_who_may_not_talk_to_the_endpoint(world: World, headers: dict[str, str], status: int) -> None:
    async with served(world) as http:
        answer = await http.post("/mcp", json={}, headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["code"] in ("missing_key", "invalid_key")


async def test_a_body_beyond_the_limit_is_refused(world: World) -> None:
    async with served(world) as http:
        answer = await http.post("/mcp", content=bytes(MAX_BODY + 1))
    assert answer.status_code == 413


async def test_deep_json_harms_nobody(world: World) -> None:
    async with served(world) as http:
        answer = await http.post(
            "/mcp",
            content=b'{"a":' * 100_000,
            headers={"Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
        )
        alive = await http.get("/healthz")
    assert answer.status_code == 400
    assert alive.status_code == 200
