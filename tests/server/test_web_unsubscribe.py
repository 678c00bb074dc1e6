"""One-click unsubscribing over HTTP (RFC 8058): the POST acts and needs its token alone, the GET never does."""

from httpx2 import AsyncClient

from policies.modes import Mode
from storage.database import many, one
from storage.records import Event, Suppression
from tests.conftest import World, make_world
from tests.fakes.web import BASE
from tools import deliver
from tools.outgoing import open_delivery
from tools.send import SendRequest, send

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BEA = "bea@example.com"


async def path_for(world: World) -> str:
    """The link of a bulk mail to Bea."""
    await world.in_mode(Mode.AUTONOMOUS)
    request = SendRequest(to=["Bea@example.com"], subject="News", markdown="Much.", category="bulk")
    await send(world.context, request)
    (delivery,) = await deliver.claim(world.system, "worker", 1)
    url = (await open_delivery(world.system, delivery)).unsubscribe_url
    assert url is not None and url.startswith(f"{BASE}/unsubscribe/")
    return url.removeprefix(BASE)


async def reason(world: World) -> str | None:
    found = await one(world.system.db, Suppression, "suppression", account_id=world.account.id, address=BEA)
    return found.reason if found else None


async def events_of(world: World) -> list[Event]:
    return await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=100)


async def test_000_9_one_click_suppresses_for_that_account_alone(world: World, browser: AsyncClient) -> None:
    other = await make_world(world.system, world.clock, "others.example")
    path = await path_for(world)
    for _ in range(2):
        # as a mail program's server posts it: from elsewhere, without cookies
        answer = await browser.post(path, data=ONE_CLICK, headers={"Origin": "https://mail.example.net"})
        assert answer.status_code == 200 and "Unsubscribed" in answer.text
        assert "set-cookie" not in answer.headers
    assert await reason(world) == "unsubscribe" and await reason(other) is None
    assert [event.type for event in await events_of(world)].count("suppression.added") == 1


async def test_000_9_as_multipart_too(world: World, browser: AsyncClient) -> None:
    answer = await browser.post(await path_for(world), files={"List-Unsubscribe": (None, "One-Click")})
    assert answer.status_code == 200 and await reason(world) == "unsubscribe"


async def test_000_9_reading_never_unsubscribes(world: World, browser: AsyncClient) -> None:
    path = await path_for(world)
    before = await events_of(world)
    page = await browser.get(path)
    assert page.status_code == 200 and "<button" in page.text
    assert 'name="List-Unsubscribe" value="One-Click"' in page.text and 'method="post"' in page.text
    assert (await browser.head(path)).status_code == 200
    assert await reason(world) is None and await events_of(world) == before


async def test_a_post_without_the_words_does_nothing(world: World, browser: AsyncClient) -> None:
    path = await path_for(world)
    for body in ({}, {"List-Unsubscribe": "Yes"}, {"other": "One-Click"}):
        assert (await browser.post(path, data=body)).status_code == 400
    assert await reason(world) is None


async def test_a_wrong_token_is_not_found(world: World, browser: AsyncClient) -> None:
    path = await path_for(world)
    head, _, tag = path.rpartition(".")
    changed = ("A" if tag[0] != "A" else "B") + tag[1:]
    for wrong in (f"{head}.{changed}", head, f"{head}.", "/unsubscribe/x", f"/unsubscribe/dlv_other.{tag}"):
        assert (await browser.get(wrong)).status_code == 404
        assert (await browser.post(wrong, data=ONE_CLICK)).status_code == 404
    assert await reason(world) is None
