"""A world with held mail and a browser on its pages, for the tests of what people see."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from httpx2 import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette

from policies.modes import Mode
from server.http.web.routes import web_routes
from storage.database import one
from storage.records import Approval, ApprovalLink, Message
from tests.conftest import World
from tools import approvals
from tools.approvals import link_token
from tools.context import Context
from tools.receive import Arrival, receive
from tools.send import SendRequest, send
from tools.signin import first_sign_in_link

BASE = "http://127.0.0.1:8025"
FROM_PAGE = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}


@asynccontextmanager
async def browsing(context: Context) -> AsyncIterator[AsyncClient]:
    """A client of the pages that keeps cookies and does not follow redirects."""
    app = Starlette(routes=list(web_routes(context)))
    async with AsyncClient(transport=ASGITransport(app=app), base_url=BASE) as client:
        yield client


async def held(world: World, **fields: object) -> Approval:
    """A mail of the agent that waits for a person."""
    given = {"to": ["Bea <bea@example.com>"], "subject": "Offer", "markdown": "Dear Bea,\n\nhere it **is**."}
    result = await send(world.context, SendRequest.model_validate(given | fields))
    assert result.status == "pending_send_approval"
    return await approval_of(world, result.message_id)


async def held_inbound(world: World, raw: bytes) -> Approval:
    """A mail from outside that waits to be let in."""
    await world.in_mode(Mode.GATED_ALL)
    peer: dict[str, str | bool] = {"helo": "mx.example.net", "ip": "192.0.2.7"}
    await receive(world.system, Arrival("eve@example.net", (world.mailbox.address,), raw, peer))
    rows = await world.system.db.rows("waiting", account_id=world.account.id, mailbox_id=None, now=0, limit=10)
    return await approval_of(world, next(row["message_id"] for row in rows if row["direction"] == "inbound"))


async def approval_of(world: World, message_id: str) -> Approval:
    """The newest approval of a message."""
    approval = await one(world.system.db, Approval, "approval_of_message", message_id=message_id)
    assert approval is not None
    return approval


async def message_of(world: World, approval: Approval) -> Message:
    """The message an approval is about."""
    return await approvals.message_of(world.system.db, approval)


def token_of(world: World, approval: Approval) -> str:
    """The token of the link that was mailed for the approval's revision."""
    return link_token(world.system, approval.id, approval.revision, world.overseer)


def link(world: World, approval: Approval) -> str:
    """The path of that link."""
    return f"/approve/{token_of(world, approval)}"


async def state(world: World, approval: Approval) -> tuple[object, ...]:
    """All that a decision changes: approval, message, link, deliveries and the number of events."""
    db, hash_ = world.system.db, world.system.secret.hash(token_of(world, approval))
    return (
        await approval_of(world, approval.message_id),
        await message_of(world, approval),
        await one(db, ApprovalLink, "approval_link", hash=hash_),
        [dict(row) for row in await db.rows("deliveries", message_id=approval.message_id)],
        len(await db.rows("events", account_id=world.account.id, after=0, limit=1000)),
    )


def hidden(response: Response, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', response.text)
    assert found is not None, response.text
    return found.group(1)


async def form_of(browser: AsyncClient, path: str) -> dict[str, str]:
    """The hidden fields of the page."""
    shown = await browser.get(path)
    assert shown.status_code == 200, shown.text
    return {name: hidden(shown, name) for name in ("csrf", "revision")}


async def press(browser: AsyncClient, path: str, action: str, **fields: str) -> Response:
    """Open the page and press a button on it."""
    data = await form_of(browser, path) | {"action": action} | fields
    return await browser.post(path, data=data, headers=FROM_PAGE)


async def sign_in(world: World, browser: AsyncClient) -> None:
    """Sign the overseer in, with the link the server prints on its first start."""
    path = (await first_sign_in_link(world.system, world.account)).removeprefix(BASE)
    form = await browser.get(path)
    answer = await browser.post(path, data={"csrf": hidden(form, "csrf")}, headers=FROM_PAGE)
    assert answer.status_code == 303
