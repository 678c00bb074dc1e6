"""What comes back: late bounces, complaints, and what proves nothing."""

import json
from typing import Any

import pytest

from policies.modes import Mode
from storage.database import many, one
from storage.records import Delivery, Event, Message, Suppression
from tests.conftest import World
from tests.fakes.forged import forged
from tools import deliver
from tools.accounts import create_mailbox
from tools.mail.address import domain_of
from tools.mail.verp import bounce_address
from tools.message_status import StatusRequest, message_status
from tools.outgoing import open_delivery
from tools.receive import Arrival, expects, receive
from tools.send import SendRequest, send

TAKEN = deliver.Settlement("sent", 250, "2.0.0", "taken", "", "mx.example.com", 0)
RECIPIENT = "bea@example.com"


async def handed_over(world: World, settlement: deliver.Settlement | None = TAKEN) -> Delivery:
    """A delivery that was claimed, and settled so; None is an attempt still under way."""
    await world.in_mode(Mode.AUTONOMOUS)
    await send(world.context, SendRequest(to=[RECIPIENT], subject="Offer", markdown="Here it is."))
    (delivery,) = await deliver.claim(world.system, "w1", 10)
    if settlement is not None:
        assert await deliver.settle(world.system, delivery, settlement)
    return delivery


def verp(world: World, delivery: Delivery) -> str:
    domain = domain_of(world.mailbox.address)
    return bounce_address(delivery.id, domain, world.system.secret.derive("bounce address"))


async def come_back(world: World, to: str, raw: str) -> None:
    await receive(world.system, Arrival("", (to,), raw.replace("\n", "\r\n").encode()))


def notification(action: str = "failed", status: str = "5.1.1", words: str = "550 5.1.1 User unknown") -> str:
    return (
        "From: MAILER-DAEMON@mx.example.com\nSubject: Delivery report\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\n\nSee below.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n"
        f"Final-Recipient: rfc822; {RECIPIENT}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {words}\n"
        "\n--b--\n"
    )


def complaint(sender: str, *, kind: str = "abuse") -> str:
    return (
        "From: reports@example.com\nSubject: A complaint\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        "--b\n\nA reader complained.\n--b\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: {kind}\nUser-Agent: Reporter/1\nVersion: 1\nOriginal-Mail-From: <{sender}>\n"
        "--b\nContent-Type: message/rfc822\n\nFrom: ada@agents.example\nTo: redacted\nSubject: Offer\n\nx\n--b--\n"
    )


async def now_is(world: World, delivery: Delivery) -> Delivery:
    found = await one(world.system.db, Delivery, "delivery", id=delivery.id)
    assert found is not None
    return found


async def status_of(world: World, delivery: Delivery) -> str:
    ids = {"id": delivery.message_id, "account_id": world.account.id}
    message = await one(world.system.db, Message, "message_of_account", **ids)
    assert message is not None
    return message.status


async def noted(world: World, type_: str) -> list[dict[str, Any]]:
    found = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=100)
    return [json.loads(event.data) for event in found if event.type == type_]


async def suppression(world: World) -> Suppression | None:
    return await one(world.system.db, Suppression, "suppression", account_id=world.account.id, address=RECIPIENT)


async def test_000_8_a_late_report_flips_sent_to_bounced(world: World) -> None:
    delivery = await handed_over(world)
    assert await status_of(world, delivery) == "sent"
    await come_back(world, verp(world, delivery), notification())
    found = await now_is(world, delivery)
    assert (found.state, found.code, found.enhanced, found.category) == ("bounced", 550, "5.1.1", "NoMailbox")
    assert found.reply == "550 5.1.1 User unknown"
    told = await message_status(world.context, StatusRequest(message_id=delivery.message_id))
    assert told.deliveries[0].reply_untrusted == "550 5.1.1 User unknown", "its codes once"
    assert await status_of(world, delivery) == "bounced"
    (event,) = await noted(world, "delivery.report_received")
    assert (event["kind"], event["action"], event["recipient"]) == ("bounce", "failed", RECIPIENT)
    entry = await suppression(world)
    assert entry is not None and (entry.reason, entry.code) == ("bounce", 550)


async def test_000_8_a_bounce_without_structure_does_so_too(world: World) -> None:
    delivery = await handed_over(world)
    body = f"<{RECIPIENT}>:\n192.0.2.5 does not like recipient.\nRemote host said: 550 No such user\n"
    await come_back(world, verp(world, delivery).upper(), f"From: MAILER-DAEMON@x.example\nSubject: failure\n\n{body}")
    found = await now_is(world, delivery)
    assert (found.state, found.category, found.code) == ("bounced", "NoMailbox", 550)


async def test_words_alone_bounce_the_mail_and_leave_the_address(world: World) -> None:
    delivery = await handed_over(world)
    await come_back(world, verp(world, delivery), notification(status="5.3.0", words="550 unknown user"))
    found = await now_is(world, delivery)
    assert (found.state, found.category) == ("bounced", "NoMailbox")
    assert await suppression(world) is None


@pytest.mark.parametrize("late", [TAKEN, deliver.Settlement("deferred", 451, "4.3.0", "later", "", "mx", 9)])
async def test_000_8_a_report_that_overtakes_our_settling_stands(world: World, late: deliver.Settlement) -> None:
    delivery = await handed_over(world, None)
    await come_back(world, verp(world, delivery), notification())
    assert await deliver.settle(world.system, delivery, late)
    found = await now_is(world, delivery)
    assert (found.state, found.attempts, found.lease) == ("bounced", 1, "")
    assert await status_of(world, delivery) == "bounced"
    assert not await deliver.settle(world.system, delivery, late), "the lease is gone"


async def test_a_second_report_changes_nothing(world: World) -> None:
    delivery = await handed_over(world)
    await come_back(world, verp(world, delivery), notification())
    await come_back(world, verp(world, delivery), notification(status="5.2.2", words="552 5.2.2 full"))
    assert (await now_is(world, delivery)).enhanced == "5.1.1"
    assert len(await noted(world, "delivery.bounced")) == 1
    assert len(await noted(world, "delivery.report_received")) == 2


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
async def test_other_reports_change_nothing(world: World, action: str) -> None:
    delivery = await handed_over(world)
    await come_back(world, verp(world, delivery), notification(action, "4.4.1" if action == "delayed" else "2.0.0", ""))
    assert (await now_is(world, delivery)).state == "sent"
    assert len(await noted(world, "delivery.report_received")) == 1


async def test_a_report_without_the_token_changes_nothing(world: World) -> None:
    """C7: neither a wrong token nor a mailbox's own address is believed."""
    delivery = await handed_over(world)
    local, _, domain = verp(world, delivery).partition("@")
    wrong = f"{forged(local)}@{domain}"
    assert not await expects(world.system, wrong)
    for address in (wrong, world.mailbox.address):
        await come_back(world, address, notification())
        await come_back(world, address, complaint(verp(world, delivery)))
    assert (await now_is(world, delivery)).state == "sent"
    assert await suppression(world) is None
    assert not await noted(world, "delivery.report_received") and not await noted(world, "message.complained")


@pytest.mark.parametrize("address", ["the bounce address", "fbl@agents.example", "abuse@agents.example"])
async def test_000_14_a_complaint_names_tenant_message_and_recipient(world: World, address: str) -> None:
    await create_mailbox(world.system, world.account.id, "abuse", "agents.example")
    delivery = await handed_over(world)
    to = verp(world, delivery) if address == "the bounce address" else address
    assert await expects(world.system, to)
    for _ in range(2):
        await come_back(world, to, complaint(verp(world, delivery)))
    (event,) = await noted(world, "message.complained")
    assert (event["recipient"], event["feedback_type"], event["delivery_id"]) == (RECIPIENT, "abuse", delivery.id)
    assert (await now_is(world, delivery)).state == "sent"
    entry = await suppression(world)
    assert entry is not None and entry.reason == "complaint"


async def test_000_14_a_complaint_with_redacted_addresses_is_traced_by_the_feedback_id(world: World) -> None:
    delivery = await handed_over(world)
    token = (await open_delivery(world.system, delivery)).feedback_token
    for feedback_id in (f"m:a:{forged(token)}:gatepost", f"m:a:{token}:gatepost"):
        assert not await noted(world, "message.complained")
        raw = complaint("redacted@agents.example").replace(
            "Subject: Offer", f"Feedback-ID: {feedback_id}\nSubject: Offer"
        )
        await come_back(world, "fbl@agents.example", raw)
    (event,) = await noted(world, "message.complained")
    assert event["delivery_id"] == delivery.id
    assert not await expects(world.system, f"b+{token}@agents.example"), "who reads it cannot make the mail bounce"


@pytest.mark.parametrize("kind", ["forged", "not-spam"])
async def test_000_14_what_proves_no_complaint_is_only_noted(world: World, kind: str) -> None:
    delivery = await handed_over(world)
    sender = "b+dlv_1+aaaaaaaaaaaaaaaa@agents.example" if kind == "forged" else verp(world, delivery)
    await come_back(world, "fbl@agents.example", complaint(sender, kind="abuse" if kind == "forged" else kind))
    assert not await noted(world, "message.complained")
    assert await suppression(world) is None
    (event,) = await noted(world, "feedback.received")
    assert event["proven"] is False


async def test_only_our_own_domains_take_feedback(world: World) -> None:
    assert await expects(world.system, "FBL@agents.example")
    assert not await expects(world.system, "fbl@elsewhere.example")
    assert await expects(world.system, "abuse@agents.example"), "every domain has one, and somebody gets its mail"
