"""Bulk mail as it leaves: the List-Unsubscribe pair inside both signatures; nobody suppressed is connected to."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from policies.suppression import Reason
from server.delivery.stamp import stamp
from server.delivery.worker import Worker
from storage.database import many
from storage.records import Delivery
from tests.conftest import Clock, World, eventually
from tests.fakes.signing import Recording, at_work, signers_of, signing_world
from tools.accounts import trust_categories
from tools.context import Context
from tools.send import SendRequest, send

URL = re.compile(rb"List-Unsubscribe: <(https://mail\.example\.com/unsubscribe/[\w.-]+)>\r\n")


@pytest.fixture
async def world(context: Context, clock: Clock) -> World:
    """A world behind https whose domain can sign."""
    context = replace(context, site=replace(context.site, base_url="https://mail.example.com"))
    return await signing_world(context, clock)


@pytest.fixture
async def carrier(world: World) -> AsyncIterator[Recording]:
    recording = Recording()
    async with at_work(Worker(world.system, recording, signers_of(world.system)).run()):
        yield recording


async def settled(world: World, **fields: object) -> list[Delivery]:
    """Hand a mail in and wait for the end of its deliveries."""
    request = {"to": ["bea@example.com", "carl@example.com"], "subject": "News", "markdown": "Much."} | fields
    sent = await send(world.context, SendRequest.model_validate(request))
    found: list[Delivery] = []

    async def over() -> bool:
        found[:] = await many(world.system.db, Delivery, "deliveries", message_id=sent.message_id)
        return all(delivery.state not in ("queued", "deferred") for delivery in found)

    await eventually(over)
    return found


@pytest.mark.parametrize("category", ["bulk", "broadcast"])
async def test_000_9_both_headers_leave_inside_each_signature(world: World, carrier: Recording, category: str) -> None:
    """RFC 8058 section 4: both fields are covered by a signature; each recipient has a link of their own."""
    await settled(world, category=category)
    links = set()
    for _, _, raw in carrier.carried:
        head = raw.partition(b"\r\n\r\n")[0] + b"\r\n"
        links.update(URL.findall(head))
        assert head.count(b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n") == 1
        signed = re.findall(rb"[; \t]h=([^;]+);", head)
        assert len(signed) == 2
        for names in signed:
            covered = re.sub(rb"\s", b"", names).lower().split(b":")
            assert {b"list-unsubscribe", b"list-unsubscribe-post"} <= set(covered)
    assert len(links) == len(carrier.carried) == 2


@pytest.mark.parametrize("category", ["transactional", "login-link", "password-reset", "mfa-otp", "verification"])
async def test_000_10_other_mail_has_no_such_header(world: World, carrier: Recording, category: str) -> None:
    await trust_categories(world.system, world.mailbox, trusted=True)
    await settled(world, category=category)
    assert len(carrier.carried) == 2
    assert not any(b"\r\nlist-unsubscribe" in raw.partition(b"\r\n\r\n")[0].lower() for _, _, raw in carrier.carried)


async def test_004_5_who_was_suppressed_meanwhile_is_not_connected_to(world: World) -> None:
    request = SendRequest(to=["bea@example.com", "carl@example.com"], subject="News", markdown="Much.")
    sent = await send(world.context, request)
    await world.suppress("bea@example.com", Reason.UNSUBSCRIBE)
    recording = Recording()

    async def over() -> bool:
        found = await many(world.system.db, Delivery, "deliveries", message_id=sent.message_id)
        return all(delivery.state != "queued" for delivery in found)

    async with at_work(Worker(world.system, recording, signers_of(world.system)).run()):
        await eventually(over)
    found = await many(world.system.db, Delivery, "deliveries", message_id=sent.message_id)
    bea, carl = sorted(found, key=lambda delivery: delivery.recipient)
    assert (bea.recipient, bea.state, bea.category) == ("bea@example.com", "bounced", "NotDelivered")
    assert carl.state == "sent" and [recipient for _, recipient, _ in recording.carried] == ["carl@example.com"]


def test_without_https_there_is_no_one_click_and_a_header_of_its_own_stays() -> None:
    """RFC 8058 section 3.1 asks for an HTTPS URI."""
    raw = b"Date: x\r\nFrom: a@example.com\r\n\r\nList-Unsubscribe: in the body\r\n"
    assert stamp(raw, 0, "http://127.0.0.1/u/1") == b"List-Unsubscribe: <http://127.0.0.1/u/1>\r\n" + raw
    own = b"List-Unsubscribe: <mailto:leave@example.com>\r\n" + raw
    assert stamp(own, 0, "https://mail.example.com/u/1") == own
    assert stamp(raw, 0) == raw
