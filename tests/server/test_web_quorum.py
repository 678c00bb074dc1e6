"""The approval page where two must approve: each by a link of their own, and who has done so."""

import pytest
from httpx2 import AsyncClient

from storage.records import Approval
from tests.conftest import World
from tests.fakes.web import (
    BASE,
    FROM_PAGE,
    approval_of,
    form_of,
    held,
    hidden,
    message_of,
    press,
    sign_in,
    state,
)
from tools import notices
from tools.approvals import link_token
from tools.overseers import name_second_overseer
from tools.signin import request_sign_in

VICE = "vice@example.org"
APPROVE = 'value="approve"'
EDIT = {"to": "bea@example.com", "cc": "", "bcc": "", "subject": "Offer", "markdown": "Call me."}


@pytest.fixture
async def browser(world: World, browser: AsyncClient) -> AsyncClient:
    await name_second_overseer(world.system, world.account, VICE, "the operator")
    return browser


async def risky(world: World) -> Approval:
    return await held(world, markdown="The password: hunter2+hunter3")


def link_of(world: World, approval: Approval, person: str) -> str:
    return f"/approve/{link_token(world.system, approval.id, approval.revision, person)}"


async def test_each_has_a_link_and_the_page_says_who_has_approved(world: World, browser: AsyncClient) -> None:
    approval = await risky(world)
    mine, theirs = link_of(world, approval, world.overseer), link_of(world, approval, VICE)
    shown = (await browser.get(mine)).text
    assert "Two people must approve this mail" in shown and "Nobody has approved it yet." in shown
    assert "Approve, as the first of two" in shown
    assert (await press(browser, mine, "approve")).headers["location"] == mine
    after = (await browser.get(mine)).text
    assert f"{world.overseer}</span>, that is you. One more is needed." in after
    assert APPROVE not in after and 'value="reject"' in after and "waits for another" in after
    other = (await browser.get(theirs)).text
    assert f"{world.overseer}</span>. One more is needed." in other and "Approve and send" in other
    assert (await message_of(world, approval)).status == "pending_send_approval"
    assert (await press(browser, theirs, "approve")).status_code == 303
    assert (await message_of(world, approval)).status == "queued"
    for path in (mine, theirs):
        outcome = (await browser.get(path)).text
        assert "Approved: the mail is on its way" in outcome and f"{world.overseer} and {VICE}" in outcome


async def test_reading_a_page_with_a_vote_changes_nothing(world: World, browser: AsyncClient) -> None:
    approval = await risky(world)
    await press(browser, link_of(world, approval, VICE), "approve")
    before = await state(world, approval)
    for person in (VICE, world.overseer):
        for _ in range(2):
            assert (await browser.get(link_of(world, approval, person))).status_code == 200
    assert await state(world, approval) == before


async def test_a_form_sent_twice_is_one_approval(world: World, browser: AsyncClient) -> None:
    approval = await risky(world)
    path = link_of(world, approval, VICE)
    form = await form_of(browser, path) | {"action": "approve"}
    for _ in range(3):
        assert (await browser.post(path, data=form, headers=FROM_PAGE)).status_code == 303
    assert (await message_of(world, approval)).status == "pending_send_approval"
    votes = await world.system.db.rows("votes", approval_id=approval.id, revision=1)
    assert [vote["reviewer"] for vote in votes] == [VICE]


async def test_an_edit_asks_both_anew(world: World, browser: AsyncClient) -> None:
    approval = await risky(world)
    theirs = link_of(world, approval, VICE)
    await press(browser, theirs, "approve")
    await press(browser, link_of(world, approval, world.overseer), "edit", **EDIT)
    edited = await approval_of(world, approval.message_id)
    assert (await browser.get(theirs)).status_code == 404
    assert "Nobody has approved it yet." in (await browser.get(link_of(world, edited, VICE))).text
    for person in (VICE, world.overseer):
        await press(browser, link_of(world, edited, person), "approve")
    assert (await message_of(world, approval)).status == "queued"


async def test_one_rejection_ends_it_for_both(world: World, browser: AsyncClient) -> None:
    approval = await risky(world)
    await press(browser, link_of(world, approval, world.overseer), "approve")
    await press(browser, link_of(world, approval, VICE), "reject", reason="No secrets")
    assert "Rejected: nothing was sent" in (await browser.get(link_of(world, approval, world.overseer))).text


async def sign_in_as_second(world: World, browser: AsyncClient) -> None:
    """Sign the second overseer in, with the link that is mailed to them."""
    await request_sign_in(world.system, "Vice@example.org")
    letters = [await notices.write(world.system, each) for each in await notices.claim(world.system, 9)]
    (letter,) = (each for each in letters if each is not None and "/sign-in/" in each.link)
    assert letter.recipient == VICE
    path = letter.link.removeprefix(BASE)
    form = {"csrf": hidden(await browser.get(path), "csrf")}
    assert (await browser.post(path, data=form, headers=FROM_PAGE)).status_code == 303


async def test_the_second_overseer_signs_in_and_the_list_says_how_it_stands(world: World, browser: AsyncClient) -> None:
    approval = await risky(world)
    await sign_in_as_second(world, browser)
    await press(browser, f"/approvals/{approval.id}", "approve")
    assert "1 of 2 approvals" in (await browser.get("/approvals")).text
    await sign_in(world, browser)
    await press(browser, f"/approvals/{approval.id}", "approve")
    assert (await message_of(world, approval)).status == "queued"


async def test_who_is_an_overseer_no_longer_is_out(world: World, browser: AsyncClient) -> None:
    approval = await risky(world)
    path = link_of(world, approval, VICE)
    form = await form_of(browser, path) | {"action": "approve"}
    await sign_in_as_second(world, browser)
    assert (await browser.get("/approvals")).status_code == 200
    await name_second_overseer(world.system, world.account, None, "the operator")
    assert (await browser.get("/approvals")).headers["location"] == "/sign-in"
    assert (await browser.get(path)).status_code == 404
    assert (await browser.post(path, data=form, headers=FROM_PAGE)).status_code == 404
    assert (await message_of(world, approval)).status == "pending_send_approval"
