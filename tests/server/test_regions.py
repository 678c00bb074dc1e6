"""From which regions mail may be handed in: the operator's file, and what each edge makes of it."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from policies.modes import Mode
from server.http.app import build_app
from server.regions import Places
from server.settings import Settings, SettingsError
from server.smtp.submission import SubmissionListener, Terms
from tests.conftest import World, missing
from tests.e2e.smtp_talk import stuffed, talking
from tests.fakes.edges import MAIL, on_sqlite
from tests.fakes.mmdb import country, database
from tests.fakes.web import approval_of
from tools.context import HERE, Regions
from tools.decide import approve
from tools.errors import Refusal
from tools.schedule import fire_due
from tools.send import SendRequest, send

NETWORKS = {
    "192.0.2.0/24": country("DE"),
    "198.51.100.0/24": country("KP"),
    "203.0.113.0/24": country("UA", "43"),
    "2001:db8::/32": country("KP"),
    "233.252.0.0/24": {"registered_country": {"iso_code": "DE"}},
}
WHERE = {"192.0.2.7": ("DE",), "198.51.100.7": ("KP",), "203.0.113.7": ("UA", "UA-43")}


@pytest.fixture(autouse=True)
def library() -> None:
    if find_spec("maxminddb") is None:
        missing("maxminddb (the extra `region`)")


def written(path: Path, networks: Mapping[str, object] = NETWORKS) -> Path:
    """The file, put in place as updaters do."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(database(networks))
    return fresh.replace(path)


@pytest.mark.parametrize(
    ("address", "places"),
    [
        *WHERE.items(),
        ("2001:db8::1", ("KP",)),
        ("::ffff:198.51.100.7", ("KP",)),
        ("233.252.0.7", ()),
        ("127.0.0.1", ()),
        ("10.0.0.1", ()),
        ("", ()),
        ("unix:", ()),
    ],
)
def test_where_an_address_is(tmp_path: Path, address: str, places: tuple[str, ...]) -> None:
    assert Places(written(tmp_path / "countries.mmdb")).of(address) == places


@pytest.mark.parametrize("content", [None, b"", b"no database", database(NETWORKS)[:-100]])
def test_a_file_that_cannot_be_read_knows_nobody_and_is_named_once(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "countries.mmdb"
    if content is not None:
        path.write_bytes(content)
    places = Places(path)
    with capture_logs() as logged:
        assert places.of("192.0.2.7") == places.of("198.51.100.7") == ()
    assert [entry.get("file") for entry in logged] == [str(path)]


def test_a_new_file_is_read_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "countries.mmdb"
    places = Places(path)
    assert places.of("192.0.2.7") == ()
    written(path)
    assert places.of("192.0.2.7") == ("DE",)
    written(path, {"192.0.2.0/24": country("FR")})
    assert places.of("192.0.2.7") == ("FR",)
    path.unlink()
    assert places.of("192.0.2.7") == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"region_file": "x.mmdb"}, "goes together"),
        ({"regions_denied": "KP"}, "goes together"),
        ({"region_file": "x.mmdb", "regions_denied": "North Korea"}, "regions_denied.0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.load(None, data=tmp_path, **given)


def barring(world: World, path: Path, *denied: str) -> World:
    """The world on a site that does not serve these regions."""
    regions = Regions(Places(path).of, frozenset(), frozenset(denied))
    site = replace(world.system.site, regions=regions)
    return replace(world, system=replace(world.system, site=site), context=replace(world.context, site=site))


@asynccontextmanager
async def asking(world: World, address: str) -> AsyncIterator[httpx2.AsyncClient]:
    async def ready() -> dict[str, object]:
        return {}

    app = build_app(world.system, web_routes=[], ready=ready)
    transport = httpx2.ASGITransport(app=app, client=(address, 1))
    headers = {"Authorization": f"Bearer {world.key}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025", headers=headers) as http:
        yield http


@on_sqlite
@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("192.0.2.7", 202, "queued"),
        ("198.51.100.7", 451, "region_blocked"),
        ("203.0.113.7", 451, "region_blocked"),
        ("10.0.0.1", 202, "pending_send_approval"),
    ],
)
async def test_003_a_request_out_of_a_region_that_is_not_served(
    world: World, tmp_path: Path, address: str, status: int, said: str
) -> None:
    """Seed 003's compliance error over REST; what comes from nobody knows where waits for a person."""
    await world.in_mode(Mode.AUTONOMOUS)
    barred = barring(world, written(tmp_path / "countries.mmdb"), "KP", "UA-43")
    async with asking(barred, address) as http:
        answer = await http.post(f"/v1/mailboxes/{world.mailbox.id}/send", json=MAIL)
    body = answer.json()
    assert (answer.status_code, body.get("code", body.get("status"))) == (status, said), answer.text


@on_sqlite
async def test_a_person_may_let_out_what_came_from_nobody_knows_where(world: World, tmp_path: Path) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    barred = barring(world, tmp_path / "not there", "KP")
    request = SendRequest.model_validate(MAIL)
    waiting = await send(replace(barred.context, origin="192.0.2.7"), request)
    assert waiting.status == "pending_send_approval"
    approval = await approval_of(world, waiting.message_id)
    await approve(barred.system, approval, 1, world.overseer)
    (delivery,) = await world.system.db.rows("deliveries", message_id=waiting.message_id)
    assert delivery["state"] == "queued"


@on_sqlite
async def test_who_asks_on_this_machine_is_not_far_away(world: World, tmp_path: Path) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    barred = barring(world, tmp_path / "not there", "KP")
    sent = await send(replace(barred.context, origin=HERE), SendRequest.model_validate(MAIL))
    assert sent.status == "queued"


@on_sqlite
async def test_waiting_for_the_gate_is_no_way_around(world: World, tmp_path: Path) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    barred = barring(world, written(tmp_path / "countries.mmdb"), "KP")
    later = {"send_at": "2026-01-02T09:00:00Z", "gate_timing": "schedule_first"}
    held, refused, allowed = (
        SendRequest.model_validate(MAIL | later | {"subject": subject}) for subject in ("Held", "Refused", "Allowed")
    )
    waiting = await send(replace(barred.context, origin="10.0.0.1"), held)
    assert waiting.status == "pending_send_approval"
    with pytest.raises(Refusal, match="not served"):
        await send(replace(barred.context, origin="198.51.100.7"), refused)
    fine = await send(replace(barred.context, origin="192.0.2.7"), allowed)
    assert fine.status == "scheduled"
    world.clock.at += 2 * 86_400_000_000
    await fire_due(barred.system)
    (delivery,) = await world.system.db.rows("deliveries", message_id=fine.message_id)
    assert delivery["state"] == "queued"


@on_sqlite
async def test_submission_over_smtp_is_asked_the_same(world: World, tmp_path: Path) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    path = written(tmp_path / "countries.mmdb", {"127.0.0.0/8": country("KP")})
    listener = SubmissionListener(Terms(barring(world, path, "KP").system, "mx.test", 100_000, None, True))
    port = await listener.start("127.0.0.1", 0)
    try:
        async with talking(port) as talk:
            await talk.greet()
            credentials = base64.b64encode(f"\0{world.mailbox.address}\0{world.key}".encode()).decode()
            assert (await talk.command(f"AUTH PLAIN {credentials}")).startswith("235 ")
            await talk.begin("bob@example.org", sender=world.mailbox.address)
            await talk.send(stuffed(f"From: {world.mailbox.address}\r\nTo: bob@example.org\r\n\r\nHi\r\n".encode()))
            assert (await talk.reply()).startswith("550 5.7.1 The request comes out of a region")
    finally:
        await listener.stop()
