"""Limits over HTTP: the rate on every answer, 429 with the wait, the headers of warming, the kill switch."""

from dataclasses import replace
from typing import Any

import httpx2

from policies.modes import Mode
from policies.windows import Limits, Tier
from server.http.app import build_app
from server.http.rates import PerMinute, Rates
from tests.conftest import World
from tests.fakes.edges import on_sqlite
from tools.context import MINUTE, Context, Principal
from tools.identity import create_key

pytestmark = on_sqlite

USAGE = "/v1/usage"


async def everything_works() -> dict[str, object]:
    return {"database": True}


def client(context: Context, key: str, app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app),
        base_url="http://127.0.0.1:8025",
        headers={"Authorization": f"Bearer {key}"},
    )


async def test_001_every_answer_tells_the_rate_and_too_many_wait(world: World) -> None:
    """Seed 001: X-RateLimit-Limit and -Remaining on every answer, Retry-After on 429, a new minute a new count."""
    app = build_app(world.system, web_routes=[], ready=everything_works, per_minute=PerMinute(key=3))
    async with client(world.system, world.key, app) as http:
        answers = [await http.get(USAGE) for _ in range(4)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert [each.headers["X-RateLimit-Remaining"] for each in answers] == ["2", "1", "0", "0"]
        assert {each.headers["X-RateLimit-Limit"] for each in answers} == {"3"}
        assert answers[3].json()["code"] == "rate_limited"
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 60
        assert (await http.get("/v1/mailboxes/mbx_nothing/emails")).status_code == 429, "whatever the operation"
        world.clock.at += MINUTE
        assert (await http.get(USAGE)).status_code == 200


async def test_the_keys_of_an_account_share_its_rate(world: World) -> None:
    other = await create_key(world.system, world.account.id, "other", frozenset({"read"}), world.mailbox.id)
    app = build_app(world.system, web_routes=[], ready=everything_works, per_minute=PerMinute(key=10, account=3))
    statuses = []
    for key in (world.key, other.text) * 2:
        async with client(world.system, key, app) as http:
            statuses.append((await http.get(USAGE)).status_code)
    assert statuses == [200, 200, 200, 429]


async def test_another_account_is_not_slowed(world: World) -> None:
    rates = Rates(PerMinute(key=1, account=1), world.clock)
    first, second = (Principal(account, frozenset(), "key k") for account in ("acc_1", "acc_2"))
    assert [rates.take(each).exceeded for each in (first, first, second)] == [False, True, False]


async def test_003_a_warming_refusal_has_its_headers(world: World) -> None:
    """Seed 003: 429 with Retry-After to midnight UTC, X-Warmup-Stage and X-Warmup-Daily-Limit."""
    await world.in_mode(Mode.AUTONOMOUS)
    limits = Limits(mailbox_tiers=(Tier(1, None, 1), Tier(8)))
    system = replace(world.system, site=replace(world.system.site, limits=limits))
    app = build_app(system, web_routes=[], ready=everything_works)
    path = f"/v1/mailboxes/{world.mailbox.id}/send"
    async with client(system, world.key, app) as http:
        first = await http.post(path, json={"to": ["a@example.com"], "subject": "Hi", "markdown": "One"})
        assert first.status_code == 202
        refused = await http.post(path, json={"to": ["a@example.com"], "subject": "Hi", "markdown": "Two"})
        assert refused.status_code == 429 and refused.json()["code"] == "warmup_limit"
        assert refused.headers["X-Warmup-Stage"] == "1" and refused.headers["X-Warmup-Daily-Limit"] == "1"
        assert 0 < int(refused.headers["Retry-After"]) <= 86_400
        found = (await http.get(USAGE)).json()
    (day,) = [each for each in found["limits"] if each["window"] == "day"]
    assert day == {
        "limited": "mailbox",
        "window": "day",
        "limit": 1,
        "used": 1,
        "remaining": 0,
        "stage": 1,
        "resets_at": "2026-01-02T00:00:00.000Z",
    }


async def test_the_kill_switch_over_rest(world: World) -> None:
    app = build_app(world.system, web_routes=[], ready=everything_works)
    overseer = await create_key(world.system, world.account.id, "boss", frozenset({"oversight"}))
    async with client(world.system, world.key, app) as http:
        assert (await http.post("/v1/sending/stop", json={"reason": "odd"})).json()["sending"] == "stopped"
        path = f"/v1/mailboxes/{world.mailbox.id}/send"
        refused = await http.post(path, json={"to": ["a@example.com"], "subject": "Hi", "markdown": "One"})
        assert (refused.status_code, refused.json()["code"]) == (403, "sending_stopped")
        assert (await http.post("/v1/sending/start")).status_code == 403
    async with client(world.system, overseer.text, app) as http:
        assert (await http.post("/v1/sending/start")).json()["sending"] == "on"
