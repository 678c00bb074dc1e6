"""Arrived mail is verified before it is stored, and a mailbox's policy decides what becomes of a forgery."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from storage.database import Transaction
from storage.records import Mailbox, Message
from tests.conftest import World, messages_of
from tools.accounts import create_mailbox
from tools.context import Context, Principal
from tools.errors import Refusal
from tools.mail.auth.authenticator import Authenticator
from tools.mail.auth.zone import Zone
from tools.receive import Arrival, receive
from tools.wires import raw_of

DELIVERED = ("unread", "spam_flagged")
"""A forgery may also look like spam, which is not what these tests are about."""
GOOD, EVIL = "192.0.2.1", "198.51.100.66"


def zone(policy: str = "reject") -> dict[str, object]:
    """bank.example names one host of its own, and asks for a policy."""
    return {
        "bank.example": {"TXT": [f"v=spf1 ip4:{GOOD} -all"]},
        "_dmarc.bank.example": {"TXT": [f"v=DMARC1; p={policy}"]},
        "evil.example": {"TXT": [f"v=spf1 ip4:{EVIL} -all"]},
    }


def verifying(context: Context, names: Mapping[str, object]) -> Context:
    return replace(context, authenticator=Authenticator(Zone(names), clock=context.clock, local=True))


def mail(sender: str = "Bank <service@bank.example>") -> bytes:
    return f"From: {sender}\r\nTo: ada@agents.example\r\nSubject: Hello\r\n\r\nHello.\r\n".encode()


async def arrive(context: Context, *to: str, ip: str, envelope: str, raw: bytes = mail()) -> None:
    await receive(context, Arrival(envelope, to, raw, {"ip": ip, "helo": "mx.example.net", "tls": False}))


async def stored(context: Context, mailbox: Mailbox) -> list[Message]:
    found = await messages_of(context.db, mailbox.account_id)
    return [message for message in found if message.mailbox_id == mailbox.id]


async def with_policy(world: World, mailbox: Mailbox, policy: str) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.run("set_dmarc_policy", id=mailbox.id, dmarc_policy=policy)

    await world.system.db.write(work)


def auth_of(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message.findings)["auth"]
    return found


async def test_a_mail_from_the_domains_own_host_is_verified(world: World) -> None:
    context = verifying(world.system, zone())
    await arrive(context, world.mailbox.address, ip=GOOD, envelope="service@bank.example")
    [message] = await stored(context, world.mailbox)
    assert auth_of(message)["verified_domain"] == "bank.example"
    assert auth_of(message)["failed"] == []
    assert auth_of(message)["aligned"] == ["spf"]


async def test_a_from_in_the_older_form_is_no_line_of_an_mbox(world: World) -> None:
    """RFC 5322 section 4.5.2: white space may stand before the colon, also in the first line of a mail."""
    context = verifying(world.system, zone())
    raw = mail().replace(b"From:", b"From \t:", 1)
    await arrive(context, world.mailbox.address, ip=GOOD, envelope="service@bank.example", raw=raw)
    [message] = await stored(context, world.mailbox)
    assert (message.from_email, auth_of(message)["verified_domain"]) == ("service@bank.example", "bank.example")
    kept = await raw_of(context, message.id, message.revision)
    assert kept.startswith(b"Authentication-Results: ") and kept.endswith(raw)


async def test_a_forgery_is_kept_and_marked_by_default(world: World) -> None:
    context = verifying(world.system, zone())
    await arrive(context, world.mailbox.address, ip=EVIL, envelope="x@evil.example")
    [message] = await stored(context, world.mailbox)
    assert message.status in DELIVERED
    assert auth_of(message)["verified_domain"] == ""
    assert auth_of(message)["failed"] == ["dmarc=fail"]
    assert auth_of(message)["spf"] == {"result": "pass", "domain": "evil.example", "scope": "mfrom"}


@pytest.mark.parametrize(
    ("domain_asks", "mailbox_lets", "kept_apart"),
    [
        ("none", "reject", False),
        ("quarantine", "accept", False),
        ("quarantine", "quarantine", True),
        ("quarantine", "reject", True),
        ("reject", "quarantine", True),
    ],
)
async def test_neither_domain_nor_mailbox_alone_decides(
    world: World, domain_asks: str, mailbox_lets: str, kept_apart: bool
) -> None:
    context = verifying(world.system, zone(domain_asks))
    await with_policy(world, world.mailbox, mailbox_lets)
    await arrive(context, world.mailbox.address, ip=EVIL, envelope="x@evil.example")
    [message] = await stored(context, world.mailbox)
    assert message.status in (["spam_quarantined"] if kept_apart else DELIVERED)


async def test_a_forgery_is_rejected_where_both_want_it(world: World) -> None:
    context = verifying(world.system, zone())
    await with_policy(world, world.mailbox, "reject")
    with pytest.raises(Refusal) as refusal:
        await arrive(context, world.mailbox.address, ip=EVIL, envelope="x@evil.example")
    assert refusal.value.condition.smtp == "550 5.7.26"
    assert await stored(context, world.mailbox) == []
    await arrive(context, world.mailbox.address, ip=GOOD, envelope="service@bank.example")
    assert len(await stored(context, world.mailbox)) == 1


async def test_who_wants_a_forgery_rejected_has_it_out_of_sight_where_another_takes_it(world: World) -> None:
    context = verifying(world.system, zone())
    other = await create_mailbox(world.system, world.account.id, "bob", "agents.example", display_name="Bob")
    await with_policy(world, world.mailbox, "reject")
    await arrive(context, world.mailbox.address, other.address, ip=EVIL, envelope="x@evil.example")
    [message] = await stored(context, other)
    assert message.status in DELIVERED
    assert [kept.status for kept in await stored(context, world.mailbox)] == ["spam_quarantined"]


async def test_an_ambiguous_from_is_never_verified(world: World) -> None:
    context = verifying(world.system, zone())
    raw = mail("service@bank.example, eve@evil.example")
    await arrive(context, world.mailbox.address, ip=GOOD, envelope="service@bank.example", raw=raw)
    [message] = await stored(context, world.mailbox)
    assert auth_of(message)["verified_domain"] == ""
    assert "From does not name one address alone" in auth_of(message)["failed"]


@pytest.mark.parametrize(
    "authors",
    [
        "From: eve@evil.example, service@bank.example\r\n",
        "From: eve@evil.example\r\nFrom: service@bank.example\r\n",
        "From: a@a.example, b@b.example, c@c.example, d@evil.example, service@bank.example\r\n",
        "",
        "From: The bank\r\n",
    ],
)
async def test_nobody_hides_a_forged_author_from_its_domains_policy(world: World, authors: str) -> None:
    """RFC 9989 section 11.5: every author's domain is asked; and who is shown for want of a From is one too."""
    context = verifying(world.system, zone())
    raw = f"{authors}To: ada@agents.example\r\nSubject: Hello\r\n\r\nHello.\r\n".encode()
    envelope = "eve@evil.example" if "eve" in authors else "service@bank.example"
    await arrive(context, world.mailbox.address, ip=EVIL, envelope=envelope, raw=raw)
    [message] = await stored(context, world.mailbox)
    assert (auth_of(message)["dmarc"]["result"], auth_of(message)["dmarc"]["domain"]) == ("fail", "bank.example")
    await with_policy(world, world.mailbox, "reject")
    with pytest.raises(Refusal):
        await arrive(context, world.mailbox.address, ip=EVIL, envelope=envelope, raw=raw)


async def test_who_is_shown_for_want_of_a_from_is_warned_of_like_an_author(world: World) -> None:
    context = verifying(world.system, zone("none"))
    whole = mail().replace(b"\r\n\r\n", b"\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <a@b.test>\r\n\r\n")
    await arrive(context, world.mailbox.address, ip=GOOD, envelope="service@bank.example", raw=whole)
    raw = b"To: ada@agents.example\r\nSubject: Hello\r\n\r\nHello.\r\n"
    await arrive(context, world.mailbox.address, ip=EVIL, envelope="service@bank.example", raw=raw)
    forged, _ = await stored(context, world.mailbox)
    assert forged.from_email == "service@bank.example"
    warned = [caution["code"] for caution in json.loads(forged.findings)["warnings"]]
    assert warned == ["unverified_acquaintance"]
    await arrive(context, world.mailbox.address, ip=EVIL, envelope="", raw=raw)
    nobody, *_ = await stored(context, world.mailbox)
    assert (nobody.from_email, "warnings" in json.loads(nobody.findings)) == ("", False)


async def test_the_sandbox_asks_no_dns(world: World) -> None:
    context = verifying(world.system, {})
    rehearsal = context.acting_as(Principal("", frozenset(), "the system", sandbox=True))
    await arrive(rehearsal, world.mailbox.address, ip=GOOD, envelope="service@bank.example")
    [message] = await stored(context, world.mailbox)
    assert "auth" not in json.loads(message.findings)


async def test_this_machine_is_verified_only_where_a_resolver_is_named(world: World) -> None:
    silent = replace(world.system, authenticator=Authenticator(Zone(zone()), clock=world.system.clock, local=False))
    await arrive(silent, world.mailbox.address, ip="127.0.0.1", envelope="service@bank.example")
    [message] = await stored(silent, world.mailbox)
    assert "auth" not in json.loads(message.findings)
