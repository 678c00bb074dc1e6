"""Human sign-in over HTTP: the mailed link, the session, and what the answers do not tell."""

from dataclasses import replace

import pytest
from httpx2 import AsyncClient, Response

from storage.records import Notice
from tests.conftest import Clock, World, make_world
from tests.fakes.web import BASE, FROM_PAGE, browsing, form_of, held, hidden, sign_in
from tools import notices
from tools.context import HOUR, MINUTE
from tools.signin import first_sign_in_link, request_sign_in, session_of


async def ask(browser: AsyncClient, email: str) -> Response:
    return await browser.post("/sign-in", data={"email": email}, headers=FROM_PAGE)


async def mailed(world: World) -> list[Notice]:
    """The notices about signing in that wait to leave."""
    return [notice for notice in await notices.claim(world.system, 100) if notice.kind == "sign_in"]


async def path_of(world: World) -> str:
    return (await first_sign_in_link(world.system, world.account)).removeprefix(BASE)


async def follow(browser: AsyncClient, path: str) -> Response:
    """Open a sign-in link and press its button."""
    form = await browser.get(path)
    return await browser.post(path, data={"csrf": hidden(form, "csrf")}, headers=FROM_PAGE)


async def test_a_mailed_link_signs_in(world: World, browser: AsyncClient) -> None:
    assert (await browser.get("/sign-in")).status_code == 200
    assert (await ask(browser, " Boss@Example.org ")).status_code == 200
    (notice,) = await mailed(world)
    assert notice.recipient == "boss@example.org"
    letter = await notices.write(world.system, notice)
    assert letter is not None and letter.link.startswith(f"{BASE}/sign-in/")
    answer = await follow(browser, letter.link.removeprefix(BASE))
    assert (answer.status_code, answer.headers["location"]) == (303, "/approvals")
    assert (await browser.get("/approvals")).status_code == 200
    assert (await browser.get("/sign-in")).headers["location"] == "/approvals"


@pytest.mark.parametrize("email", ["stranger@example.org", "not an address", "", "ada@agents.example", "\x00"])
async def test_the_answer_does_not_tell_who_is_known(world: World, browser: AsyncClient, email: str) -> None:
    unknown, known = await ask(browser, email), await ask(browser, "boss@example.org")
    for each in (unknown, known):
        # what is left of the address's rate says how often it asked, and not for whom
        del each.headers["X-RateLimit-Remaining"]
    assert (unknown.status_code, unknown.text, unknown.headers) == (known.status_code, known.text, known.headers)
    assert len(await mailed(world)) == 1


async def test_five_links_an_hour(world: World, browser: AsyncClient, clock: Clock) -> None:
    answers = [await ask(browser, "boss@example.org") for _ in range(8)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert len(await mailed(world)) == 5
    clock.at += HOUR
    await ask(browser, "boss@example.org")
    assert len([each for each in await mailed(world) if each.created_at > clock.at - MINUTE]) == 1


async def test_an_overseer_of_two_accounts_gets_a_link_to_each(world: World, clock: Clock) -> None:
    other = await make_world(world.system, clock, "others.example")
    await request_sign_in(world.system, "boss@example.org")
    assert {notice.account_id for notice in await mailed(world)} == {world.account.id, other.account.id}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_opening_the_link_does_not_use_it(world: World, browser: AsyncClient, method: str) -> None:
    path = await path_of(world)
    for _ in range(3):
        opened = await browser.request(method, path, headers={"Sec-Purpose": "prefetch"})
        assert "set-cookie" not in opened.headers
    assert (await follow(browser, path)).status_code == 303


async def test_the_link_works_once(world: World, browser: AsyncClient) -> None:
    path = await path_of(world)
    assert (await follow(browser, path)).status_code == 303
    async with browsing(world.system) as second:
        again = await follow(second, path)
        assert again.status_code == 410 and "set-cookie" not in again.headers


async def test_the_link_lasts_a_quarter_of_an_hour(world: World, browser: AsyncClient, clock: Clock) -> None:
    path = await path_of(world)
    clock.at += 15 * MINUTE
    assert (await follow(browser, path)).status_code == 410
    assert (await follow(browser, "/sign-in/made-up")).status_code == 404


async def test_the_button_needs_its_page(world: World, browser: AsyncClient) -> None:
    path = await path_of(world)
    token = hidden(await browser.get(path), "csrf")
    assert (await browser.post(path)).status_code == 403
    foreign = await browser.post(path, data={"csrf": token}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert (await browser.post("/sign-in", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert (await follow(browser, path)).status_code == 303


async def test_the_session_ends_after_twelve_hours(world: World, browser: AsyncClient, clock: Clock) -> None:
    await sign_in(world, browser)
    clock.at += 12 * HOUR - MINUTE
    assert (await browser.get("/approvals")).status_code == 200
    clock.at += MINUTE
    assert (await browser.get("/approvals")).status_code == 303


async def test_signing_out_ends_the_session_on_the_server(world: World, browser: AsyncClient) -> None:
    await sign_in(world, browser)
    cookies = dict(browser.cookies)
    token = hidden(await browser.get("/approvals"), "csrf")
    assert (await browser.post("/sign-out", data={"csrf": "x"}, headers=FROM_PAGE)).status_code == 403
    assert (await browser.get("/sign-out")).status_code == 405
    answer = await browser.post("/sign-out", data={"csrf": token}, headers=FROM_PAGE)
    assert answer.status_code == 303 and not browser.cookies
    async with browsing(world.system) as thief:
        thief.cookies.update(cookies)
        assert (await thief.get("/approvals")).headers["location"] == "/sign-in"


async def test_the_cookie(world: World, browser: AsyncClient) -> None:
    plain = (await follow(browser, await path_of(world))).headers["set-cookie"]
    assert plain.startswith("gatepost=") and "Secure" not in plain
    site = replace(world.system.site, base_url="https://mail.example.com")
    async with browsing(replace(world.system, site=site)) as over_https:
        secure = (await follow(over_https, await path_of(world))).headers["set-cookie"]
    assert secure.startswith("__Host-gatepost=") and "Secure" in secure
    for cookie in (plain, secure):
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Domain" not in cookie


async def test_the_token_is_not_what_is_stored(world: World, browser: AsyncClient) -> None:
    path = await path_of(world)
    await follow(browser, path)
    (token,) = browser.cookies.values()
    session = await session_of(world.system, token)
    assert session is not None and token not in session.hash
    assert await session_of(world.system, session.hash) is None
    row = (await world.system.db.rows("sign_in_by_hash", hash=world.system.secret.hash(path.rpartition("/")[2])))[0]
    assert path.rpartition("/")[2] not in str(row)


async def test_a_session_form_does_not_fit_another_session(world: World, browser: AsyncClient) -> None:
    approval = await held(world)
    await sign_in(world, browser)
    form = await form_of(browser, f"/approvals/{approval.id}")
    async with browsing(world.system) as other:
        await sign_in(world, other)
        data = form | {"action": "approve"}
        assert (await other.post(f"/approvals/{approval.id}", data=data, headers=FROM_PAGE)).status_code == 403


async def test_a_session_ends_with_the_overseer_s_office(world: World, browser: AsyncClient) -> None:
    await sign_in(world, browser)
    await world.system.db.script("UPDATE account SET overseer = 'next@example.org';")
    assert (await browser.get("/approvals")).status_code == 303


async def test_the_style_sheet_is_served(browser: AsyncClient) -> None:
    style = await browser.get("/static/style.css")
    assert style.headers["content-type"].startswith("text/css") and style.headers["X-Content-Type-Options"] == "nosniff"
