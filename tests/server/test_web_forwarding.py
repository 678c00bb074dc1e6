"""The page where a reader agrees to get another mailbox's mail: reading it does nothing, and only its own form acts."""

from httpx2 import AsyncClient

from tests.conftest import World, make_world
from tests.fakes.web import BASE, FROM_PAGE, hidden, sign_in
from tools import notices
from tools.forwarding_consent import LIFE
from tools.forwarding_target import forwarding_of, set_target

READER = "reader@example.net"


async def path_for(world: World) -> str:
    """The link that the target of the world's mailbox is mailed."""
    await set_target(world.system, world.mailbox, READER, world.overseer)
    (notice,) = await notices.claim(world.system, 10)
    letter = await notices.write(world.system, notice)
    assert letter is not None and letter.link.startswith(f"{BASE}/forwarding/")
    return letter.link.removeprefix(BASE)


async def status(world: World) -> str:
    return (await forwarding_of(world.system, world.mailbox)).status


async def press(browser: AsyncClient, path: str, action: str) -> str:
    """Press a button of the page; what the page says then."""
    form = {"csrf": hidden(await browser.get(path), "csrf"), "action": action}
    answer = await browser.post(path, data=form, headers=FROM_PAGE)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_the_reader_agrees_and_ends_it_later(world: World, browser: AsyncClient) -> None:
    path = await path_for(world)
    assert f"goes to {READER} as well" in await press(browser, path, "agree") and await status(world) == "active"
    assert "Yes, pass it on" not in (await browser.get(path)).text
    assert f"does not go to {READER}" in await press(browser, path, "decline") and await status(world) == "off"
    assert (await browser.get(path)).status_code == 404


async def test_reading_never_agrees(world: World, browser: AsyncClient) -> None:
    path = await path_for(world)
    before = await world.system.db.rows("events", account_id=world.account.id, after=0, limit=100)
    shown = await browser.get(path)
    assert shown.status_code == 200 and world.mailbox.address in shown.text and READER in shown.text
    assert "has done nothing yet" in shown.text and 'method="post"' in shown.text and "set-cookie" not in shown.headers
    assert (await browser.head(path)).status_code == 200
    assert await status(world) == "unconfirmed"
    assert await world.system.db.rows("events", account_id=world.account.id, after=0, limit=100) == before


async def test_only_the_page_s_own_form_acts(world: World, browser: AsyncClient) -> None:
    path = await path_for(world)
    csrf = hidden(await browser.get(path), "csrf")
    other = await make_world(world.system, world.clock, "other.example")
    theirs = hidden(await browser.get(await path_for(other)), "csrf")
    for form, headers, expected in (
        ({"action": "agree"}, FROM_PAGE, 403),
        ({"action": "agree", "csrf": theirs}, FROM_PAGE, 403),
        ({"action": "agree", "csrf": csrf}, {"Origin": "https://evil.example"}, 403),
        ({"action": "agree", "csrf": csrf}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ({"action": "approve", "csrf": csrf}, FROM_PAGE, 400),
        ({"csrf": csrf}, FROM_PAGE, 400),
    ):
        assert (await browser.post(path, data=form, headers=headers)).status_code == expected
    assert await status(world) == "unconfirmed"


async def test_a_link_that_is_wrong_replaced_or_old_is_said_to_be_so(world: World, browser: AsyncClient) -> None:
    path = await path_for(world)
    csrf = hidden(await browser.get(path), "csrf")
    for wrong in ("/forwarding/x", f"{path}x", path[:-1], "/forwarding/%00", "/forwarding/%ff"):
        assert (await browser.get(wrong)).status_code == 404
        answer = await browser.post(wrong, data={"csrf": csrf, "action": "agree"}, headers=FROM_PAGE)
        assert answer.status_code in (403, 404)
    world.clock.at += LIFE
    for answer in (
        await browser.get(path),
        await browser.post(path, data={"csrf": csrf, "action": "agree"}, headers=FROM_PAGE),
    ):
        assert answer.status_code == 410 and "has expired" in answer.text
    await set_target(world.system, world.mailbox, "second@example.net", world.overseer)
    answer = await browser.post(path, data={"csrf": csrf, "action": "agree"}, headers=FROM_PAGE)
    assert answer.status_code == 404 and await status(world) == "unconfirmed"


async def test_being_signed_in_is_no_answer(world: World, browser: AsyncClient) -> None:
    """Nor does the page know who looks: the overseer who set the target cannot agree without the target's mail."""
    await path_for(world)
    await sign_in(world, browser)
    assert (await browser.get(f"/forwarding/{world.mailbox.id}")).status_code == 404
    assert await status(world) == "unconfirmed"
