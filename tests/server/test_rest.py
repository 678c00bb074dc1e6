"""REST: the same verbs with the same refusals, in the words of HTTP."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import httpx2
import pytest
from structlog.testing import capture_logs

from server.http.app import build_app
from server.http.limits import MAX_BODY
from storage.errors import Unavailable
from tests.conftest import World, make_world
from tests.fakes.edges import MAIL, facts, on_sqlite, refusal, talking
from tests.fakes.serving import serving
from tools.context import HOUR, Context
from tools.registry import BY_NAME, OPERATIONS

pytestmark = on_sqlite

FILE_25_MIB = base64.b64encode(bytes(25 * 1024 * 1024)).decode()


async def everything_works() -> dict[str, object]:
    return {"database": True}


def application(context: Context) -> Any:
    return build_app(context, web_routes=[], ready=everything_works)


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with the agent's key; no sockets."""
    async with client(world.system, world.key) as found:
        yield found


def client(context: Context, key: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=application(context)),
        base_url="http://127.0.0.1:8025",
        headers={"Authorization": f"Bearer {key}"},
    )


def path(world: World, operation: str, **fields: str) -> str:
    return BY_NAME[operation].path.format(mailbox_id=world.mailbox.id, **fields)


async def test_a_mail_is_handed_in_and_asked_about(world: World, http: httpx2.AsyncClient) -> None:
    sent = await http.post(path(world, "send"), json=MAIL)
    assert sent.status_code == 202
    assert sent.json()["status"] == "pending_send_approval"
    asked = await http.get(path(world, "message_status", message_id=sent.json()["message_id"]))
    assert asked.status_code == 200
    assert asked.json()["status"] == "pending_send_approval"


async def test_a_query_is_read_as_what_the_request_wants(world: World, http: httpx2.AsyncClient) -> None:
    for _ in range(2):
        await http.post(path(world, "send"), json=MAIL)
    listed = await http.get(path(world, "check_inbox"), params={"direction": "outbound", "limit": "1"})
    assert len(listed.json()["messages"]) == 1


async def test_the_key_may_come_in_a_header_of_its_own(world: World, http: httpx2.AsyncClient) -> None:
    http.headers.pop("Authorization")
    answer = await http.get(path(world, "check_inbox"), headers={"X-API-Key": world.key})
    assert answer.status_code == 200


BAD_CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("send", MAIL | {"subjct": "x"}, "unknown_argument"),
    ("send", {"to": ["bea@example.com"], "subject": "x"}, "invalid_request"),
    ("send", MAIL | {"to": "bea@example.com"}, "invalid_request"),
    ("send", MAIL | {"to": ["nobody"]}, "invalid_address"),
    ("send", MAIL | {"to": []}, "invalid_request"),
    ("send", MAIL | {"to": [f"b{n}@example.com" for n in range(51)]}, "too_many_recipients"),
    ("send", MAIL | {"subject": 7}, "invalid_request"),
    ("send", MAIL | {"subject": "a\r\nBcc: eve@example.net"}, "invalid_header"),
    ("send", MAIL | {"subject": "\0"}, "invalid_request"),
    ("send", MAIL | {"attachments": [{"nme": "x"}]}, "unknown_argument"),
    (
        "send",
        MAIL | {"attachments": [{"name": "x", "content_type": "a/b", "content_base64": "?"}]},
        "invalid_attachment",
    ),
    (
        "send",
        MAIL | {"attachments": [{"name": "x", "content_type": "image/png", "content_base64": FILE_25_MIB}]},
        "attachments_too_large",
    ),
    ("reply", {"message_id": "msg_none", "markdown": "Yes."}, "message_not_found"),
    ("check_inbox", {"limit": 1000}, "invalid_request"),
    ("check_inbox", {"limt": 1}, "unknown_argument"),
    ("check_inbox", {"cursor": "nonsense"}, "invalid_cursor"),
    ("message_status", {"message_id": "msg_none"}, "message_not_found"),
]


@pytest.mark.parametrize(("name", "arguments", "code"), BAD_CALLS)
async def test_rest_and_mcp_refuse_alike(
    world: World, http: httpx2.AsyncClient, name: str, arguments: dict[str, Any], code: str
) -> None:
    async with talking(world.context, "auto") as agent:
        told = await agent.call_tool(name, arguments)
    operation = BY_NAME[name]
    in_path = {field: arguments[field] for field in operation.path_fields if field in arguments}
    rest = {field: value for field, value in arguments.items() if field not in in_path}
    where = path(world, name, **in_path)
    answer = await (http.get(where, params=rest) if operation.method == "GET" else http.post(where, json=rest))
    assert refusal(told) == answer.json()["code"] == code
    assert facts(told)["fix"] == answer.json()["fix"]
    assert 400 <= answer.status_code < 500


async def test_a_refusal_in_full(world: World, http: httpx2.AsyncClient) -> None:
    answer = await http.post(path(world, "send"), json={}, headers={"X-Request-Id": "mine-1"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine-1"
    assert set(answer.json()) == {"error", "code", "fix", "details", "docs", "request_id"}
    assert set(answer.json()["details"]["problems"]) == {"to", "subject", "markdown"}


async def test_a_refusal_as_a_problem(world: World, http: httpx2.AsyncClient) -> None:
    answer = await http.post(path(world, "send"), json={}, headers={"Accept": "application/problem+json"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code == 400
    assert answer.json()["title"] == "The request does not fit the operation."
    assert answer.json()["code"] == "invalid_request"


@pytest.mark.parametrize("given", [b"two words", b"x" * 65, "é".encode(), b""])
async def test_a_request_id_that_is_unsafe_to_log_is_not_taken(http: httpx2.AsyncClient, given: bytes) -> None:
    answer = await http.get("/healthz", headers=[(b"X-Request-Id", given)])
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "not JSON"),
        (b'{"a":' * 10_000, "nested too deeply"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b'{"subject": "\\ud800"}', ""),
        (b"\xff\xfe", "not JSON"),
        (b"", "field required"),
        (b'{"markdown": "x", "subject": "x", "to": [' + b"[" * 150 + b"]" * 150 + b"]}", ""),
    ],
)
async def test_an_odd_body_is_an_invalid_request(
    world: World, http: httpx2.AsyncClient, body: bytes, word: str
) -> None:
    answer = await http.post(path(world, "send"), content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert word in answer.json()["error"]


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_beyond_the_limit_is_refused(world: World, http: httpx2.AsyncClient, declared: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // (1024 * 1024) + 1):
            yield bytes(1024 * 1024)

    answer = await http.post(path(world, "send"), content=bytes(MAX_BODY + 1) if declared else chunks())
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")
    assert answer.json()["details"] == {"limit_bytes": MAX_BODY}


async def test_the_same_idempotency_key_sends_once(world: World, http: httpx2.AsyncClient) -> None:
    first = await http.post(path(world, "send"), json=MAIL, headers={"Idempotency-Key": "one"})
    second = await http.post(path(world, "send"), json=MAIL, headers={"Idempotency-Key": "one"})
    other = await http.post(path(world, "send"), json=MAIL | {"subject": "x"}, headers={"Idempotency-Key": "one"})
    assert first.json()["message_id"] == second.json()["message_id"]
    assert second.json()["replayed"] is True
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_what_is_said_twice_must_agree(world: World, http: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one"}
    same = await http.post(path(world, "send"), json=MAIL | {"mailbox_id": world.mailbox.id}, headers=headers)
    other = await http.post(path(world, "send"), json=MAIL | {"mailbox_id": "mbx_other"})
    keys = await http.post(path(world, "send"), json=MAIL | {"idempotency_key": "two"}, headers=headers)
    query = await http.get(path(world, "check_inbox"), params={"limit": ["1", "2"]})
    assert same.status_code == 202
    assert [each.json()["code"] for each in (other, keys, query)] == ["invalid_request"] * 3


async def test_a_query_beside_a_body_is_refused(world: World, http: httpx2.AsyncClient) -> None:
    answer = await http.post(path(world, "send"), json=MAIL, params={"dry_run": "true"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_argument")


@pytest.mark.parametrize(
    ("header", "code", "challenge"),
    [
        ("", "missing_key", "Bearer"),
        ("Basic YTpi", "missing_key", "Bearer"),
        ("Bearer ", "missing_key", "Bearer"),
        ("Bearer gp_wrong", "invalid_key", 'Bearer error="invalid_token"'),
    ],
)
async def test_every_operation_needs_a_key(
    world: World, http: httpx2.AsyncClient, header: str, code: str, challenge: str
) -> None:
    for operation in OPERATIONS:
        # so that the tries before are forgotten
        world.clock.at += 2 * HOUR
        where = operation.path.replace("{", "").replace("}", "")
        answer = await http.request(operation.method, where, headers={"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["www-authenticate"] == challenge


async def test_a_wrong_key_is_written_nowhere(world: World, http: httpx2.AsyncClient) -> None:
    with capture_logs() as logs:
        answer = await http.get(path(world, "check_inbox"), headers={"Authorization": "Bearer gp_wrong-key"})
    assert "gp_wrong-key" not in answer.text + str(answer.headers) + str(logs)


async def test_another_accounts_mailbox_and_message_are_not_there(world: World, http: httpx2.AsyncClient) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    async with client(world.system, other.key) as theirs:
        sent = await theirs.post(path(other, "send"), json=MAIL)
    message_id = sent.json()["message_id"]
    mailbox = await http.get(path(other, "message_status", message_id=message_id))
    message = await http.get(path(world, "message_status", message_id=message_id))
    none = await http.get(path(world, "message_status", message_id="msg_none"))
    assert (mailbox.status_code, mailbox.json()["code"]) == (404, "mailbox_not_found")
    assert (message.status_code, message.json()["code"]) == (404, "message_not_found")
    assert message.json()["error"] == none.json()["error"]


@pytest.mark.parametrize(
    ("method", "where", "code", "status"),
    [
        ("GET", "/v1/nothing", "not_found", 404),
        ("DELETE", "/v1/mailboxes/mbx_x/send", "method_not_allowed", 405),
        ("POST", "/openapi.json", "method_not_allowed", 405),
        ("PUT", "/mcp", "method_not_allowed", 405),
    ],
)
async def test_what_is_not_there_is_said_in_json(
    http: httpx2.AsyncClient, method: str, where: str, code: str, status: int
) -> None:
    answer = await http.request(method, where)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ("allow" in answer.headers) == (status == 405)


async def test_people_get_a_page(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]:80"])
async def test_a_foreign_host_gets_nothing(http: httpx2.AsyncClient, host: str) -> None:
    for where in ("/v1/openapi.json", "/"):
        assert (await http.get(where, headers={"Host": host})).status_code == 421
    assert (await http.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["mail.example.com", "MAIL.example.com:443", "localhost:1", "[::1]:8025", "127.0.0.1"])
async def test_the_sites_own_names_are_served(world: World, host: str) -> None:
    site = replace(world.system.site, base_url="https://mail.example.com:8443")
    async with client(replace(world.system, site=site), world.key) as http:
        assert (await http.get("/openapi.json", headers={"Host": host})).status_code == 200


async def test_an_unexpected_error_is_logged_and_not_told(world: World) -> None:
    broken = replace(world.system, site=replace(world.system.site, max_attachment_bytes=cast(int, None)))
    with capture_logs() as logs:
        async with client(broken, world.key) as http:
            answer = await http.post(path(world, "send"), json=MAIL)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "NoneType" not in answer.text
    assert [line["request_id"] for line in logs] == [answer.json()["request_id"]]


async def test_a_fault_outside_the_verbs_is_not_told_either(world: World) -> None:
    async def broken() -> dict[str, object]:
        raise RuntimeError("a private sentence")

    app = build_app(world.system, web_routes=[], ready=broken)
    with capture_logs() as logs:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost") as http:
            answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "private" not in answer.text
    assert logs[0]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("table", ["api_key", "message"])
async def test_a_database_that_cannot_serve_is_a_503(world: World, http: httpx2.AsyncClient, table: str) -> None:
    await world.system.db.script(f"ALTER TABLE {table} RENAME TO elsewhere;")
    answer = await http.get(path(world, "check_inbox"))
    assert (answer.status_code, answer.json()["code"]) == (503, "try_again")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(("state", "status"), [({"database": True}, 200), ({"database": False}, 503), (None, 503)])
async def test_readiness(world: World, state: dict[str, object] | None, status: int) -> None:
    async def ready() -> dict[str, object]:
        if state is None:
            raise Unavailable("gone")
        return state

    app = build_app(world.system, web_routes=[], ready=ready)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost") as http:
        assert (await http.get("/readyz")).status_code == status


async def test_over_a_real_connection(world: World) -> None:
    async with (
        serving(application(world.system)) as url,
        httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {world.key}"}) as http,
    ):
        sent = await http.post(path(world, "send"), json=MAIL)
        assert sent.status_code == 202
