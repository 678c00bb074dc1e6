"""The overseer's view of all mail: what is there, what became of it, and nobody else's."""

from httpx2 import AsyncClient

from policies.modes import Mode
from tests.conftest import World, make_world
from tests.fakes.web import sign_in
from tools import deliver
from tools.deliver import Settlement
from tools.receive import Arrival, receive
from tools.send import SendRequest, send

MAIL = (
    b"From: <x@example.net>\r\nTo: ada@agents.example\r\nSubject: <b>Hi</b>\r\n"
    b"Message-ID: <q@example.net>\r\n\r\nHello\r\n"
)


async def sent(world: World, subject: str) -> str:
    await world.in_mode(Mode.MONITORED)
    request = SendRequest(to=["a@example.com"], bcc=["b@example.com"], subject=subject, markdown="Some **words**")
    return (await send(world.context, request)).message_id


async def test_mail_is_listed_newest_first_and_shown_with_its_deliveries(world: World, browser: AsyncClient) -> None:
    message_id = await sent(world, "Captured")
    await receive(world.system, Arrival("x@example.net", (world.mailbox.address,), MAIL))
    for delivery in await deliver.claim(world.system, "worker", 10):
        settled = Settlement("sent", 250, "2.0.0", "captured & kept", "", "capture", 0, "TLSv1.3 TLS_X mta-sts")
        assert await deliver.settle(world.system, delivery, settled)
    await sign_in(world, browser)
    listing = (await browser.get("/mail")).text
    assert listing.index("&lt;b&gt;Hi&lt;/b&gt;") < listing.index("Captured")
    shown = (await browser.get(f"/mail/{message_id}")).text
    for words in ("a@example.com", "b@example.com", world.overseer, "a copy to the overseer", "captured &amp; kept"):
        assert words in shown
    assert shown.count("TLS: TLSv1.3 TLS_X mta-sts") == 3
    assert "<strong" in (await browser.get(f"/mail/{message_id}/mail")).text


async def test_older_mail_is_one_link_away(world: World, browser: AsyncClient) -> None:
    for number in range(51):
        raw = MAIL.replace(b"<b>Hi</b>", b"Number %d." % number).replace(b"<q@", b"<q%d@" % number)
        await receive(world.system, Arrival("x@example.net", (world.mailbox.address,), raw))
    await sign_in(world, browser)
    first = (await browser.get("/mail")).text
    assert "Number 50." in first and "Number 0." not in first
    older = first.partition('href="/mail?before=')[2].partition('"')[0]
    assert "Number 0." in (await browser.get(f"/mail?before={older}")).text


async def test_it_is_for_the_accounts_own_overseer_alone(world: World, browser: AsyncClient) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    foreign = await sent(other, "Foreign")
    assert (await browser.get("/mail")).headers["Location"] == "/sign-in"
    for tail in ("", "/mail", "/attachments/1"):
        assert (await browser.get(f"/mail/{foreign}{tail}")).status_code == 401
    await sign_in(world, browser)
    assert "Foreign" not in (await browser.get("/mail")).text
    for tail in ("", "/mail", "/attachments/1"):
        assert (await browser.get(f"/mail/{foreign}{tail}")).status_code == 404


async def test_the_approval_page_says_when_it_would_leave_and_as_what(world: World, browser: AsyncClient) -> None:
    await world.in_mode(Mode.GATED_ALL)
    request = SendRequest(
        to=["a@example.com"], subject="Hi", markdown="x", category="login-link", send_at="2026-01-02T09:00:00Z"
    )
    result = await send(world.context, request)
    await sign_in(world, browser)
    shown = (await browser.get(f"/approvals/{result.approval_id}")).text
    assert "2 January 2026, 09:00 UTC" in shown and "login-link: the agent says so" in shown
