"""The approval page in a real browser: what opening it does (nothing), and what pressing its buttons does."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from server.http.web import frame
from server.http.web.routes import web_routes
from tests.conftest import World, eventually, program
from tests.fakes.web import approval_of, held, held_inbound, link, message_of, state
from tools.signin import first_sign_in_link

# what the page does in a browser does not depend on the database
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)

ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PREFETCHES: tuple[dict[str, str], ...] = (
    {"Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {},
)


@dataclass
class Site:
    """The pages on a loopback port, and the posts they got: path and Origin."""

    world: World
    url: str
    posts: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = program("chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS.split())
        yield started
        await started.close()


@pytest.fixture
async def site(world: World) -> AsyncIterator[Site]:
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    context = replace(world.system, site=replace(world.system.site, base_url=url))
    site = Site(replace(world, system=context), url)
    app = recording(site, Starlette(routes=list(web_routes(context))))
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    await eventually(lambda: server.started)
    yield site
    server.should_exit = True
    await task


def recording(site: Site, app: ASGIApp) -> ASGIApp:
    """The application, with its posts written down."""

    async def record(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "POST":
            headers = dict(scope["headers"])
            site.posts.append((scope["path"], headers.get(b"origin", b"").decode()))
        await app(scope, receive, send)

    return record


@asynccontextmanager
async def trap() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that no page may reach: its URL, and the first line of each request it got."""
    caught: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caught.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", caught


async def opened(browser: Browser, url: str, **headers: str) -> Page:
    """The page in a profile of its own."""
    context = await browser.new_context(extra_http_headers=headers)
    page = await context.new_page()
    await page.goto(url)
    return page


async def test_opening_a_link_decides_nothing(site: Site, browser: Browser) -> None:
    approval = await held(site.world)
    before = await state(site.world, approval)
    url = site.url + link(site.world, approval)
    for headers in PREFETCHES:
        page = await opened(browser, url, **headers)
        await page.reload()
        for target in await page.locator("a, iframe").evaluate_all("all => all.map(each => each.href || each.src)"):
            await page.goto(target)
        for method in ("GET", "HEAD", "OPTIONS"):
            await page.request.fetch(url, method=method, headers=headers)
        await page.context.close()
    assert await state(site.world, approval) == before
    assert site.posts == []


async def test_approve(site: Site, browser: Browser) -> None:
    approval = await held(site.world, bcc=["dora@example.com"])
    path = link(site.world, approval)
    page = await opened(browser, site.url + path)
    assert await page.get_by_text("dora@example.com").first.is_visible()
    assert await page.frame_locator("iframe").get_by_text("here it is.").is_visible()
    await page.get_by_role("button", name="Approve and send").click()
    await page.get_by_role("heading", name="Approved: the mail is on its way").wait_for()
    assert (await message_of(site.world, approval)).status == "queued"
    assert site.posts == [(path, site.url)]


async def test_reject_with_a_reason(site: Site, browser: Browser) -> None:
    approval = await held(site.world)
    page = await opened(browser, site.url + link(site.world, approval))
    await page.get_by_label("Reason for rejecting").fill("The price is wrong")
    await page.get_by_role("button", name="Reject").click()
    await page.get_by_text("The price is wrong").wait_for()
    ended = await approval_of(site.world, approval.message_id)
    assert (ended.state, ended.reason) == ("rejected", "The price is wrong")


async def test_edit_then_approve(site: Site, browser: Browser) -> None:
    approval = await held(site.world)
    page = await opened(browser, site.url + link(site.world, approval))
    await page.get_by_text("Edit before deciding").click()
    await page.get_by_label("Cc", exact=True).fill("carl@example.com")
    await page.get_by_label("Text").fill("Dear Bea,\n\nit costs 5 EUR.")
    await page.get_by_role("button", name="Save, then look again").click()
    await page.get_by_role("heading", name="What was edited").wait_for()
    assert await page.get_by_text("+it costs 5 EUR.").is_visible()
    assert (await message_of(site.world, approval)).status == "pending_send_approval"
    await page.get_by_role("button", name="Approve and send").click()
    await page.get_by_role("heading", name="Approved: the mail is on its way").wait_for()
    rows = await site.world.system.db.rows("deliveries", message_id=approval.message_id)
    assert {row["recipient"] for row in rows} == {"bea@example.com", "carl@example.com"}
    edited = await approval_of(site.world, approval.message_id)
    assert "+cc: carl@example.com" in edited.changes


async def test_sign_in_decide_sign_out(site: Site, browser: Browser) -> None:
    await held(site.world)
    page = await opened(browser, await first_sign_in_link(site.world.system, site.world.account))
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("link", name="Offer").click()
    await page.get_by_role("button", name="Approve and send").click()
    await page.get_by_role("heading", name="Decided").wait_for()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("heading", name="Sign in").wait_for()


@pytest.mark.parametrize("cleaned", [True, False], ids=["cleaned", "sandbox alone"])
async def test_hostile_mail_does_nothing(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch, cleaned: bool
) -> None:
    """Cleaning, and the sandbox without the cleaning: either is enough."""
    if not cleaned:
        monkeypatch.setattr(frame, "safe_html", lambda html: html)
    async with trap() as (url, caught):
        approval = await held_inbound(site.world, hostile(url))
        before = await state(site.world, approval)
        page = await opened(browser, "about:blank")
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        body = page.frame_locator("iframe")
        for number in range(4):
            await page.goto(site.url + link(site.world, approval), wait_until="networkidle")
            await body.get_by_text("the end of it").wait_for()
            assert await page.evaluate("window.canary") is None
            assert "canary" not in await page.title()
            # a click may blank the frame, so each has a page of its own
            targets = body.get_by_text(re.compile("^a (link|button)$"))
            if number < await targets.count():
                await targets.nth(number).dispatch_event("click")
                await page.wait_for_load_state("networkidle")
        assert (dialogs, caught, site.posts) == ([], [], [])
        assert await state(site.world, approval) == before
        assert page.url == site.url + link(site.world, approval)


async def test_the_trap_catches(site: Site, browser: Browser) -> None:
    """The test above can fail: outside the frame the same mail reaches the trap."""
    async with trap() as (url, caught):
        page = await opened(browser, "about:blank")
        await page.set_content(hostile(url).decode().partition("\r\n\r\n")[2])
        await eventually(lambda: caught)


def hostile(url: str) -> bytes:
    """A mail that tries to run, load, post and navigate."""
    body = f"""
      <script>window.top.canary = 1; top.document.title = "canary"; alert(1); fetch("{url}/fetch")</script>
      <img src="{url}/img"><img src="x" onerror="alert(2)"><svg onload="alert(3)"></svg>
      <link rel="stylesheet" href="{url}/css"><style>@import "{url}/import"; p {{ background: url("{url}/bg") }}</style>
      <p style="background: url('{url}/style')">styled</p><video src="{url}/video" autoplay></video>
      <object data="{url}/object"></object><embed src="{url}/embed"><iframe src="{url}/frame"></iframe>
      <iframe srcdoc="<script>parent.parent.canary = 1; alert(4)</script>"></iframe>
      <p><a href="{url}/link" target="_top">a link</a> <a href="{url}/blank" target="_blank">a link</a>
      <a href="javascript:alert(5)">a link</a></p>
      <form action="{url}/form" method="post"><button autofocus onfocus="alert(6)">a button</button></form>
      <p>the end of it</p><meta http-equiv="refresh" content="0;url={url}/refresh">
    """
    head = "From: Eve <eve@example.net>\r\nSubject: Hello\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
    return (head + body).encode()
