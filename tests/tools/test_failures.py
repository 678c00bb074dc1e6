"""Notifications about mail that was handed in over SMTP and failed: who is told, of what, and who is not."""

import pytest

from policies.modes import Mode
from storage.database import one
from storage.records import Delivery, Message, Notice
from tests.conftest import World
from tools import deliver, notices
from tools.accounts import create_mailbox, forward_to
from tools.context import DAY, HOUR
from tools.decide import expire_due, reject
from tools.deliver import Settlement
from tools.errors import Refusal
from tools.letter import Letter
from tools.mail.reports import read_report
from tools.mail.verp import bounce_address
from tools.outgoing import Lost
from tools.receive import Arrival, receive
from tools.send import SendRequest, send
from tools.submit_raw import submit_raw

RAW = (
    b"From: ada@agents.example\r\nTo: bob@example.org\r\nSubject: Hello\r\n"
    b"Message-ID: <one@agents.example>\r\n\r\nSecret words.\r\n"
)
GONE = Settlement("bounced", 550, "5.1.1", "No such user", "NoMailbox", "mx.example.org", 0)
FULL = Settlement("bounced", 452, "4.2.2", "Mailbox full", "AccountProblem", "mx.example.org", 0)
TAKEN = Settlement("sent", 250, "2.0.0", "taken", "", "mx.example.org", 0)
LATER = Settlement("deferred", 451, "4.7.1", "Later", "GreyListed", "mx.example.org", DAY)


async def handed_in(world: World, *recipients: str, settlement: Settlement | None = None) -> Delivery:
    """A mail handed in over SMTP and claimed, settled so; its first delivery."""
    mailbox = await world.in_mode(Mode.AUTONOMOUS)
    await submit_raw(world.context, mailbox, recipients or ("bob@example.org",), RAW)
    delivery, *_ = await deliver.claim(world.system, "worker", 9)
    if settlement is not None:
        assert await deliver.settle(world.system, delivery, settlement)
    return delivery


async def told(world: World) -> list[Letter]:
    """The notifications that wait to leave."""
    found: list[Notice] = await notices.claim(world.system, 10)
    assert all(notice.kind == "failure" for notice in found)
    letters = [await notices.write(world.system, notice) for notice in found]
    return [letter for letter in letters if letter is not None]


async def test_000_7_what_failed_is_told_to_the_postmaster_from_the_null_sender(world: World) -> None:
    await handed_in(world, settlement=GONE)
    (letter,) = await told(world)
    assert (letter.sender, letter.recipient, letter.domain) == ("", "postmaster@agents.example", "agents.example")
    report = read_report(letter.raw)
    (recipient,) = report.recipients
    assert (report.kind, report.original_id) == ("bounce", "one@agents.example")
    assert (recipient.address, recipient.action, recipient.status) == ("bob@example.org", "failed", "5.1.1")
    assert (recipient.reply_code, recipient.diagnostic) == ("550", "550 5.1.1 No such user")
    assert b"Subject: Hello" in letter.raw and b"Secret words." not in letter.raw, "the header, and not the body"


async def test_000_7_or_to_the_domains_forward_to(world: World) -> None:
    await forward_to(world.system, world.account.id, "agents.example", "Ops@example.net")
    await handed_in(world, settlement=FULL)
    (letter,) = await told(world)
    assert letter.recipient == "Ops@example.net" and b"To: <Ops@example.net>" in letter.raw
    assert read_report(letter.raw).recipients[0].status == "4.2.2", "the last reply is what is told"
    await forward_to(world.system, world.account.id, "agents.example", None)
    await handed_in(world, "carl@example.org", settlement=GONE)
    assert [each.recipient for each in await told(world)] == ["postmaster@agents.example"]
    with pytest.raises(Refusal):
        await forward_to(world.system, "acc_other", "agents.example", "eve@example.net")


@pytest.mark.parametrize("settlement", [TAKEN, LATER])
async def test_000_7_what_did_not_fail_for_good_is_not_told(world: World, settlement: Settlement) -> None:
    await handed_in(world, settlement=settlement)
    assert await told(world) == []


async def test_000_7_what_agents_hand_in_otherwise_has_its_events(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await send(world.context, SendRequest(to=["bob@example.org"], subject="Hi", markdown="x"))
    (delivery,) = await deliver.claim(world.system, "worker", 9)
    assert await deliver.settle(world.system, delivery, GONE)
    assert await told(world) == []


async def test_000_7_a_copy_to_the_overseer_is_nobodys_failure(world: World) -> None:
    mailbox = await world.in_mode(Mode.MONITORED)
    await submit_raw(world.context, mailbox, ("bob@example.org",), RAW)
    for delivery in await deliver.claim(world.system, "worker", 9):
        assert await deliver.settle(world.system, delivery, GONE if delivery.is_copy else TAKEN)
    assert await told(world) == []


async def test_000_7_a_late_report_to_our_own_envelope_sender_is_passed_on(world: World) -> None:
    """What the other server sends back comes to an address of ours, so nobody else would learn of it."""
    delivery = await handed_in(world, settlement=TAKEN)
    sender = bounce_address(delivery.id, "agents.example", world.system.secret.derive("bounce address"))
    raw = b"From: MAILER-DAEMON@x.example\r\nSubject: failure\r\n\r\n<bob@example.org>:\r\n550 5.1.1 unknown user\r\n"
    await receive(world.system, Arrival("", (sender,), raw))
    (letter,) = await told(world)
    assert read_report(letter.raw).recipients[0].reply_code == "550"


async def test_000_7_what_a_hard_bounce_stops_is_told_as_well(world: World) -> None:
    first = await handed_in(world)
    mailbox = await world.in_mode(Mode.AUTONOMOUS)
    await submit_raw(world.context, mailbox, ("bob@example.org",), RAW.replace(b"<one@", b"<two@"))
    assert await deliver.settle(world.system, first, GONE)
    reports = {read_report(letter.raw).original_id: letter.raw for letter in await told(world)}
    assert set(reports) == {"one@agents.example", "two@agents.example"}
    assert b"the recipient is suppressed (bounce)" in reports["two@agents.example"]


async def test_000_7_a_mail_that_is_lost_here_is_told_by_its_id(world: World) -> None:
    delivery = await handed_in(world)
    await world.system.db.script("DELETE FROM wire")
    await deliver.refuse(world.system, delivery, Lost("the stored mail is missing"))
    (letter,) = await told(world)
    report = read_report(letter.raw)
    assert (report.kind, report.original_id) == ("bounce", "one@agents.example")


@pytest.mark.parametrize("ending", ["rejected", "expired"])
async def test_000_7_a_held_mail_that_nobody_lets_go_is_told_for_every_recipient(world: World, ending: str) -> None:
    """It was answered 250: the program that handed it in would otherwise take it for delivered."""
    held = await submit_raw(world.context, world.mailbox, ("bob@example.org", "carl@example.org"), RAW)
    assert held.approval is not None
    assert [notice.kind for notice in await notices.claim(world.system, 10)] == ["approval"]
    if ending == "rejected":
        await reject(world.system, held.approval, 1, world.overseer, "Wrong price.")
    else:
        world.clock.at += 73 * HOUR
        await expire_due(world.system)
    (notice,) = [each for each in await notices.claim(world.system, 10) if each.kind == "failure"]
    letter = await notices.write(world.system, notice)
    assert letter is not None and letter.recipient == "postmaster@agents.example"
    why = "Wrong price." if ending == "rejected" else "Nobody decided in time."
    report = read_report(letter.raw)
    assert (report.kind, report.original_id) == ("bounce", "one@agents.example")
    assert {each.address for each in report.recipients} == {"bob@example.org", "carl@example.org"}
    assert {(each.status, each.diagnostic) for each in report.recipients} == {("5.7.1", f"not sent: {why}")}


async def test_000_7_a_notification_brings_no_other(world: World) -> None:
    """It arrives at the postmaster's mailbox like any mail; where it cannot, nobody is told of that."""
    postmaster = await create_mailbox(world.system, world.account.id, "postmaster", "agents.example")
    await handed_in(world, settlement=GONE)
    (notice,) = await notices.claim(world.system, 10)
    letter = await notices.write(world.system, notice)
    assert letter is not None
    await receive(world.system, Arrival(letter.sender, (letter.recipient,), letter.raw))
    read = {"mailbox_id": postmaster.id, "rfc_message_id": f"{notice.id}@agents.example"}
    arrived = await one(world.system.db, Message, "message_by_rfc_id", **read)
    assert arrived is not None and arrived.status == "unread" and "No such user" in arrived.body_text
    await notices.settle(world.system, notice, sent=False, reply="550 no", final=True)
    world.clock.at += 3 * DAY
    assert await told(world) == [] and await deliver.claim(world.system, "worker", 9) == {}
