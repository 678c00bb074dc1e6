"""Content rules and `preview` at the edges: REST, MCP, and the page where a person reads why a mail waits."""

import html

import httpx2
import pytest

from policies.modes import Mode
from storage.database import many
from storage.records import Event
from tests.conftest import World
from tests.fakes.edges import ERAS, MAIL, application, facts, on_sqlite, talking
from tests.fakes.web import browsing, held, link
from tools.registry import BY_NAME

pytestmark = on_sqlite

TOKEN = "gh" + "p_" + "Aa0Bb1Cc2" * 4
HOSTILE = f"Use {TOKEN} at [<script>alert(1)</script>.bank.example](https://evil.test/<img>) or [bank.example](https://e.test)"


def talk(world: World) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=application(world)),
        base_url="http://127.0.0.1:8025",
        headers={"Authorization": f"Bearer {world.key}"},
    )


async def test_the_page_says_why_with_secrets_masked_and_markup_as_text(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    approval = await held(world, markdown=HOSTILE, subject="<b>Offer</b>")
    async with browsing(world.system) as browser:
        page = (await browser.get(link(world, approval))).text
    assert TOKEN not in approval.reasons
    for text in ("an access token (ghp_…c2)", "A link shows bank.example and goes to e.test"):
        assert text in html.unescape(page)
    assert "<script>alert" not in page and "<b>Offer" not in page and "<img>" not in page


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"markdown": "gp_" + "x1" * 30}, 400, "content_blocked"),
        (
            {"attachments": [{"name": "a.exe", "content_type": "text/plain", "content_base64": "eA=="}]},
            400,
            "content_blocked",
        ),
        ({}, 409, "duplicate"),
    ],
)
async def test_003_refusals_have_their_status_and_code(
    world: World, changes: dict[str, object], status: int, code: str
) -> None:
    """003: content filter 400, duplicate 409."""
    await world.in_mode(Mode.AUTONOMOUS)
    path = BY_NAME["send"].path.format(mailbox_id=world.mailbox.id)
    async with talk(world) as http:
        assert (await http.post(path, json=MAIL)).status_code == 202
        answer = await http.post(path, json=MAIL | changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["details"]["reasons"] and answer.json()["fix"]


async def test_preview_over_rest_sends_nothing(world: World) -> None:
    path = BY_NAME["preview"].path.format(mailbox_id=world.mailbox.id)
    assert path == f"/v1/mailboxes/{world.mailbox.id}/preview"
    before = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=100)
    async with talk(world) as http:
        answer = await http.post(path, json=MAIL | {"markdown": f"Use {TOKEN}"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["verdict"], body["status"]) == ("hold", "pending_send_approval")
    assert {each["rule"] for each in body["findings"]} >= {"oversight", "secret"}
    assert TOKEN not in str(body["findings"])
    assert await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=100) == before


@pytest.mark.parametrize("era", ERAS)
async def test_preview_is_a_tool_that_only_reads(world: World, era: str) -> None:
    async with talking(world.context, era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        shown = facts(await client.call_tool("preview", MAIL))
    annotations = tools["preview"].annotations
    assert annotations is not None and annotations.read_only_hint
    assert shown["recipients"] == [{"address": "bea@example.com", "standing": "first_contact"}]
    assert shown["text"].startswith("Dear Bea") and shown["mode"] == "gated_send"
