"""Published strings that break programs, in every place where an agent writes text: equal when read, or refused."""

import base64
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client

from tests.conftest import World
from tests.fakes.edges import MAIL, facts, on_sqlite, refusal, talking
from tests.server.test_rest import client, path
from tests.tools.test_move_message import arrived
from tools.context import MINUTE
from tools.mail.filename import safe_name

pytestmark = on_sqlite

CORPUS = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora")) / "strings-naughty"
OWN = ["plain", "a\0b", "\ud800", "a\r\nBcc: eve@example.net", " ", "\u202eabc", "x" * 20_000, "'; DROP TABLE message"]
CODES = {"invalid_request", "invalid_header", "invalid_address", "invalid_query", "invalid_attachment"}


def strings() -> list[str]:
    """Our own and, if they are here, the published ones."""
    try:
        return list(dict.fromkeys([*OWN, *json.loads((CORPUS / "blns.json").read_text(encoding="utf-8"))]))
    except FileNotFoundError:
        return OWN


class Agent:
    """Each method writes a text in a place and gives what is read there then; None where it was refused with a code."""

    def __init__(self, world: World, http: httpx2.AsyncClient, mcp: Client, message_id: str) -> None:
        self.world = world
        self.http = http
        self.mcp = mcp
        self.message_id = message_id

    async def subject(self, text: str) -> str | None:
        return await self._sent({"subject": text}, lambda view: view["message"]["subject_untrusted"])

    async def file_name(self, text: str) -> str | None:
        file = {"name": text, "content_type": "text/plain", "content_base64": base64.b64encode(b"x").decode()}
        return await self._sent({"attachments": [file]}, lambda view: view["attachments"][0]["name_untrusted"])

    async def display_name(self, text: str) -> str | None:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        to = [f'"{quoted}" <bea@example.com>']
        return await self._sent({"to": to}, lambda view: view["message"]["to"][0]["name_untrusted"])

    async def body(self, text: str) -> str | None:
        fenced = f"~~~~~~~~~~~~\n{text}\n~~~~~~~~~~~~"
        return await self._sent({"markdown": fenced}, lambda view: view["text_untrusted"])

    async def key(self, text: str) -> str | None:
        return text if await self._sent({"idempotency_key": text}, lambda view: "sent") else None

    async def tag(self, text: str) -> str | None:
        given = {"tags": {"note": text}}
        told = await self._told("PUT", path(self.world, "tag", message_id=self.message_id), given)
        return None if told is None else str(told["tags"]["note"])

    async def tag_name(self, text: str) -> str | None:
        given = {"tags": {text: "1"}}
        told = await self._told("PUT", path(self.world, "tag", message_id=self.message_id), given)
        return None if told is None else next(name for name in told["tags"] if name == text)

    async def note(self, text: str) -> str | None:
        given = {"email": "bea@example.com", "name": text[:200], "notes": text}
        told = await self._told("POST", "/v1/contacts", given)
        return None if told is None else str(told["notes"])

    async def query(self, text: str) -> str | None:
        if not encodable(text):  # no URL holds it
            return None
        answer = await self.http.get(path(self.world, "search"), params={"query": text})
        return text if checked(answer) else None

    async def over_mcp(self, text: str) -> str | None:
        if not encodable(text):  # no client of MCP can write it
            return None
        self.world.clock.at += 2 * MINUTE
        told = await self.mcp.call_tool("send", MAIL | {"subject": text})
        if told.is_error:
            assert refusal(told) in CODES
            return None
        read = await self.mcp.call_tool("read_message", {"message_id": facts(told)["message_id"]})
        subject: str = facts(read)["message"]["subject_untrusted"]
        return subject

    async def _sent(self, given: Mapping[str, object], read: Callable[[Any], str]) -> str | None:
        self.world.clock.at += 2 * MINUTE  # the same mail again within one would be refused for that
        told = await self._told("POST", path(self.world, "send"), MAIL | dict(given))
        if told is None:
            return None
        view = await self.http.get(path(self.world, "get_message", message_id=told["message_id"]))
        assert view.status_code == 200
        return read(view.json())

    async def _told(self, method: str, where: str, given: Mapping[str, object]) -> Any:
        # half a character has a form in JSON, and none in UTF-8
        answer = await self.http.request(method, where, content=json.dumps(given))
        return checked(answer)


def encodable(text: str) -> bool:
    """Whether UTF-8 has a form for it: half a character has none."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def checked(answer: httpx2.Response) -> Any:
    """What was answered; None where it was refused in good form."""
    if answer.status_code < 300:
        return answer.json()
    assert answer.status_code == 400 and answer.json()["code"] in CODES, answer.text
    return None


PLACES = ("subject", "file_name", "display_name", "body", "key", "tag", "tag_name", "note", "query", "over_mcp")
CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f]")


def shown_as_code(text: str) -> str:
    """A text in a block of code, as a mail says it: moved in, with one kind of line end, and signs for controls."""
    lines = CONTROLS.sub("\ufffd", text.replace("\r\n", "\n")).split("\n")
    return "".join(f"    {line}\n" for line in lines)


AS_READ: dict[str, Callable[[str], str]] = {"file_name": safe_name, "body": shown_as_code}
"""How a text is read in a place where that is not as it was written."""


@pytest.mark.parametrize("place", PLACES)
async def test_text_comes_back_or_is_refused(
    world: World, place: str, record_property: Callable[[str, object], None]
) -> None:
    texts = strings()
    changed: dict[str, str] = {}
    as_read = AS_READ.get(place, str)
    async with client(world.system, world.key) as http, talking(world.context, "auto") as mcp:
        agent = Agent(world, http, mcp, await arrived(world))
        for text in texts:
            found = await getattr(agent, place)(text)
            if found is not None and found != as_read(text):
                changed[text] = found
    record_property("score", ("strings-naughty", len(texts) - len(changed), len(texts), place.replace("_", " ")))
    assert changed == {}
