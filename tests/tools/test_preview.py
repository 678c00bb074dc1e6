"""`preview` says what `send` and `reply` would do, writes nothing, and shows what is known of each recipient."""

import pytest

from policies.modes import Mode
from storage.database import many
from storage.records import Event
from tests.conftest import World
from tests.tools.test_content import CARD, arrive, upload
from tools.accounts import allow
from tools.context import Context
from tools.errors import Refusal
from tools.preview import PREVIEW, PreviewRequest, preview
from tools.reply import ReplyRequest, reply
from tools.send import SendRequest, send

DRAFTS: dict[str, dict[str, object]] = {
    "plain": {},
    "several": {"cc": ["bob@example.com"], "bcc": ["carl@example.com"]},
    "allowlisted": {"to": ["friend@example.net"]},
    "secret": {"markdown": f"Charge {CARD}"},
    "own key": {"markdown": "gp_" + "a1" * 30},
    "program": {"attachments": [upload("a.exe", b"x").model_dump()]},
    "phishing": {"markdown": "[bank.example](https://evil.test/)"},
    "look-alike": {"to": ["x@agent5.example"]},
    "first contact": {"to": ["eve@evil.test"]},
    "duplicate": {"subject": "Sent before"},
    "later": {"send_at": "2026-06-01T09:00:00Z"},
    "gated later": {"send_at": "2026-06-01T09:00:00Z", "gate_timing": "schedule_first"},
    "bad address": {"to": ["nobody"]},
}


def fields(**changes: object) -> dict[str, object]:
    return {"to": ["bea@example.com"], "subject": "Offer", "markdown": "Hello"} | changes


async def prepared(world: World, mode: Mode) -> str:
    """A mailbox with an allowlist, a mail that names an address, and a mail that was handed in a moment ago."""
    arrived = await arrive(world, "Write to eve@evil.test")
    await allow(world.system, world.mailbox, "*@example.net")
    await world.in_mode(Mode.AUTONOMOUS)
    await send(world.context, SendRequest.model_validate(fields(subject="Sent before")))
    await world.in_mode(mode)
    return arrived


async def sent(world: World, draft: dict[str, object]) -> tuple[str, list[str], str]:
    """Status, reasons and code of what `send` makes of it."""
    try:
        result = await send(world.context, SendRequest.model_validate(draft))
    except Refusal as refusal:
        reasons = refusal.details.get("reasons", [])
        assert isinstance(reasons, list)
        return "rejected", reasons, refusal.code
    return result.status, result.reasons, ""


async def foreseen(context: Context, draft: dict[str, object]) -> tuple[str, list[str], str]:
    """The same of what `preview` says."""
    try:
        result = await preview(context, PreviewRequest.model_validate(draft))
    except Refusal as refusal:
        return "rejected", [], refusal.code
    deciding = [finding for finding in result.findings if finding.verdict == result.verdict]
    return result.status, [finding.reason for finding in deciding], deciding[0].code


@pytest.mark.parametrize("mode", list(Mode))
async def test_preview_says_what_send_then_does(world: World, mode: Mode) -> None:
    await prepared(world, mode)
    for name, changes in DRAFTS.items():
        draft = fields(**changes)
        before = await foreseen(world.context, draft)
        status, reasons, code = await sent(world, draft)
        if name == "gated later" and status == "scheduled":
            reasons = before[1]  # the gate speaks later
        assert before == (status, reasons, code), name


async def test_preview_of_an_answer_is_that_of_reply(world: World) -> None:
    arrived = await prepared(world, Mode.AUTONOMOUS)
    shown = await preview(world.context, PreviewRequest(message_id=arrived, markdown="Fine, *thanks*."))
    assert (shown.status, shown.subject_untrusted, shown.recipients[0].address) == (
        "queued",
        "Re: News",
        "friend@example.com",
    )
    assert shown.recipients[0].standing == "known" and shown.text.startswith("Fine, thanks.") and shown.size > 300
    assert (await reply(world.context, ReplyRequest(message_id=arrived, markdown="Fine, *thanks*."))).status == "queued"


async def test_each_recipient_has_its_standing(world: World) -> None:
    await prepared(world, Mode.AUTONOMOUS)
    to = ["x@example.net", "bea@example.com", "new@contoso.example", "eve@evil.test"]
    shown = await preview(world.context, PreviewRequest.model_validate(fields(to=to)))
    standings = {each.address: each.standing for each in shown.recipients}
    assert standings == dict(zip(to, ["allowlisted", "known", "first_contact", "first_contact"], strict=True))
    assert shown.verdict == "hold" and shown.mode == "autonomous"
    assert [each.rule for each in shown.findings if each.verdict == "hold"] == ["first_contact"]


async def test_preview_writes_nothing(world: World) -> None:
    await prepared(world, Mode.AUTONOMOUS)
    before = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=100)
    for changes in DRAFTS.values():
        await foreseen(world.context, fields(**changes))
    assert await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=100) == before
    assert not (await world.acquaintance("x@agent5.example"))["known"]
    assert PREVIEW.read_only and PREVIEW.scope == "send"


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        ({"markdown": "x", "subject": "x"}, "missing_recipient"),
        ({"markdown": "x", "to": ["a@example.com"]}, "invalid_request"),
        ({"markdown": "x", "message_id": "msg_00000000000000000000000000"}, "message_not_found"),
    ],
)
async def test_a_draft_that_is_none_is_refused(world: World, draft: dict[str, object], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await preview(world.context, PreviewRequest.model_validate(draft))
    assert refused.value.code == code
