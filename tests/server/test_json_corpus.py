"""Published JSON, good and bad, as bodies: what is no JSON is refused, and nothing makes the server fail."""

import os
from collections.abc import Callable
from pathlib import Path

from tests.conftest import World, missing
from tests.fakes.edges import on_sqlite, served
from tests.server.test_rest import client
from tools.registry import BY_NAME

pytestmark = on_sqlite

CORPUS = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora")) / "json-parsing"
READ_BY_THE_SDK = {"n_number_NaN.json", "n_number_infinity.json", "n_number_minus_infinity.json"}
"""The SDK's parser takes NaN and Infinity for numbers, and then refuses them as no request."""
EMPTY = {"n_structure_no_data.json", "n_single_space.json"}
"""No body is taken for an empty object, and refused for what that lacks."""
PARSE_ERROR = -32700
NOT_JSON = "The body is not JSON"


def files() -> list[Path]:
    found = sorted(CORPUS.glob("*.json"))
    if not found:
        missing("the published corpora (GATEPOST_CORPORA)")
    return found


async def test_published_json_over_rest(world: World, record_property: Callable[[str, object], None]) -> None:
    """Good JSON is read, and refused for not being a mail; bad JSON is refused as such (RFC 8259)."""
    where = BY_NAME["send"].path.format(mailbox_id=world.mailbox.id)
    wrong: set[str] = set()
    async with client(world.system, world.key) as http:
        for path in files():
            answer = await http.post(where, content=path.read_bytes(), headers={"Content-Type": "application/json"})
            assert answer.status_code == 400, path.name
            told = answer.json()
            assert told["code"] in ("invalid_request", "unknown_argument"), path.name
            refused = NOT_JSON in told["error"]
            if path.name[0] != "i" and refused != (path.name[0] == "n"):
                wrong.add(path.name)
    record_property("score", ("json-parsing", len(files()) - len(wrong), len(files()), "bodies over REST"))
    assert wrong <= EMPTY


async def test_published_json_over_mcp(world: World, record_property: Callable[[str, object], None]) -> None:
    """No file is a call of a tool; bad JSON is a parse error (JSON-RPC 2.0 section 5.1)."""
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    wrong: set[str] = set()
    async with served(world) as http:
        for path in files():
            answer = await http.post("/mcp", content=path.read_bytes(), headers=headers)
            assert answer.status_code == 400, path.name
            if path.name.startswith("n_") and answer.json()["error"]["code"] != PARSE_ERROR:
                wrong.add(path.name)
    record_property("score", ("json-parsing", len(files()) - len(wrong), len(files()), "bodies over MCP"))
    assert wrong <= READ_BY_THE_SDK
