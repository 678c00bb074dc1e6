"""Attachments over REST: saved, never opened, and only by who may read the mail."""

from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import httpx2
import pytest

from server.http.app import build_app
from tests.conftest import World, make_world
from tests.fakes.edges import on_sqlite
from tools.get_attachment import DOWNLOAD
from tools.receive import Arrival, receive

pytestmark = on_sqlite

PAGE = b"<html><script>alert(1)</script></html>"


async def everything_works() -> dict[str, object]:
    return {"database": True}


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a key; no sockets."""
    app = build_app(world.system, web_routes=[], ready=everything_works)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8025") as client:
        yield client


async def arrived(world: World, http: httpx2.AsyncClient, name: str, content: bytes) -> tuple[dict[str, Any], str]:
    """An attached file as `get_message` tells of it, and its message's id."""
    message = EmailMessage()
    message["From"], message["To"] = "bea@example.org", world.mailbox.address
    message.set_content("See.")
    message.add_attachment(content, maintype="text", subtype="html", filename=name)
    await receive(world.system, Arrival("bea@example.org", (world.mailbox.address,), message.as_bytes()))
    base = f"/v1/mailboxes/{world.mailbox.id}/emails"
    message_id = (await http.get(base, headers=key(world))).json()["messages"][0]["message_id"]
    shown = (await http.get(f"{base}/{message_id}", headers=key(world))).json()
    return shown["attachments"][0], message_id


def key(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.key}"}


def place(world: World, message_id: str, attachment: str) -> str:
    return DOWNLOAD.format(mailbox_id=world.mailbox.id, message_id=message_id, attachment=attachment)


@pytest.mark.parametrize("by", ["attachment_id", "name_untrusted"])
async def test_a_download_can_do_nothing_in_a_browser(world: World, http: httpx2.AsyncClient, by: str) -> None:
    info, message_id = await arrived(world, http, "Größe <b>.html", PAGE)
    answer = await http.get(place(world, message_id, info[by]), headers=key(world))
    assert answer.status_code == 200 and answer.content == PAGE
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20_b_.html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


async def test_the_same_file_as_text_and_its_path(world: World, http: httpx2.AsyncClient) -> None:
    info, _ = await arrived(world, http, "page.html", b"<html><p>Hello</p></html>")
    path = f"/v1/mailboxes/{world.mailbox.id}/attachments/{info['attachment_id']}"
    shown = (await http.get(path, params={"max_tokens": "200"}, headers=key(world))).json()
    assert shown["text_untrusted"] == "Hello"
    assert (await http.get(shown["download"], headers=key(world))).content == b"<html><p>Hello</p></html>"


async def test_who_may_not_read_the_mail_gets_no_file(world: World, http: httpx2.AsyncClient) -> None:
    info, message_id = await arrived(world, http, "a.html", PAGE)
    path = place(world, message_id, info["attachment_id"])
    other = await make_world(world.system, world.clock, "others.example")
    assert (await http.get(path)).status_code == 401
    assert (await http.get(path, headers=key(other))).json()["code"] == "mailbox_not_found"
    assert (await http.get(place(other, message_id, info["attachment_id"]), headers=key(other))).status_code == 404
    missing = await http.get(place(world, message_id, "att_none_1"), headers=key(world))
    assert (missing.status_code, missing.json()["code"]) == (404, "attachment_not_found")
    assert (await http.post(path, headers=key(world))).status_code == 405
