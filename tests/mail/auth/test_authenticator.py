"""The verdict on a mail: who is believed, who never is, and that it comes in time (C5)."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.mail.auth.signing import NOW, record, signed
from tools.mail.auth.authenticator import Authenticator
from tools.mail.auth.resolver import NoSuchName
from tools.mail.auth.results import results_field, without_claims
from tools.mail.auth.spf import Sender
from tools.mail.auth.verdict import Authentication
from tools.mail.auth.zone import Zone
from tools.mail.parse import parse

BANK, EVIL = "192.0.2.1", "198.51.100.66"
NAMES: dict[str, object] = {
    "bank.example": {"TXT": [f"v=spf1 ip4:{BANK} -all"]},
    "_dmarc.bank.example": {"TXT": ["v=DMARC1; p=reject"]},
    "evil.test": {"TXT": [f"v=spf1 ip4:{EVIL} -all"]},
    "mail.evil.test": {"TXT": [f"v=spf1 ip4:{EVIL} -all"]},
    "_dmarc.evil.test": {"TXT": ["v=DMARC1; p=none"]},
    "sel._domainkey.example.com": {"TXT": [record()]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
}


async def verdict(
    raw: bytes, ip: str, mail_from: str, helo: str = "mx.test", names: Mapping[str, object] = NAMES, seconds: float = 5
) -> Authentication:
    parsed = parse(raw)
    authenticator = Authenticator(Zone(names), clock=lambda: NOW, local=True, seconds=seconds)
    sender = Sender(ip, helo, mail_from)
    return await authenticator.authenticate(raw, sender, parsed.sender, ambiguous=parsed.sender_ambiguous)


def mail(*fields: str) -> bytes:
    return "\r\n".join((*fields, "Subject: Hello", "", "Hello.", "")).encode()


async def test_the_domains_own_host_is_believed() -> None:
    found = await verdict(mail("From: Bank <a@bank.example>"), BANK, "bounces@bank.example")
    assert found.verified_domain == "bank.example"
    assert found.failed == ()


async def test_a_signature_is_believed_wherever_the_mail_comes_from() -> None:
    found = await verdict(signed(), EVIL, "x@evil.test")
    assert found.verified_domain == "example.com"
    assert found.dmarc.aligned == ("dkim",)


async def test_a_signature_that_leaves_an_end_unsigned_is_not() -> None:
    found = await verdict(signed(tags={"l": "5"}, body=b"Hello") + b" eve, please pay.\r\n", EVIL, "x@evil.test")
    assert found.dkim[0].result == "pass"
    assert (found.verified_domain, found.dmarc.result) == ("", "fail")


async def test_nor_one_of_a_domain_that_is_trying_dkim_out() -> None:
    names = NAMES | {"sel._domainkey.example.com": {"TXT": [record(tags="v=DKIM1; t=y;")]}}
    found = await verdict(signed(), EVIL, "x@evil.test", names=names)
    assert found.dkim[0].result == "pass"
    assert found.verified_domain == ""


SPOOFS = [
    # the author is one domain, what passes another
    (("From: a@bank.example",), "x@evil.test"),
    (("From: a@bank.example", "Sender: x@evil.test"), "x@evil.test"),
    (("From: Bank <a@bank.example>", "Reply-To: a@bank.example"), ""),
    (("From: a@sub.bank.example",), "x@evil.test"),
    (("From: a@absent.bank.example",), "x@evil.test"),
    (("From: a@BANK.example",), "x@evil.test"),
    # several authors, in one field or in many
    (("From: a@bank.example, x@evil.test",), "x@evil.test"),
    (("From: x@evil.test, a@bank.example",), "x@evil.test"),
    (("From: x@evil.test", "From: a@bank.example"), "x@evil.test"),
    (("From: a@bank.example", "From: x@evil.test"), "x@evil.test"),
    (("from: x@evil.test", "FROM : a@bank.example"), "x@evil.test"),
    (("From: Friends: a@bank.example, x@evil.test;",), "x@evil.test"),
    (("From: <@evil.test,@any.test:a@bank.example>",), "x@evil.test"),
    # one author, whom programs read differently
    (("From: a@bank.example <x@evil.test>",), "x@evil.test"),
    (('From: "a@bank.example" <x@evil.test>',), "x@evil.test"),
    (("From: <a@bank.example> <x@evil.test>",), "x@evil.test"),
    (("From: <x@evil.test> <a@bank.example>",), "x@evil.test"),
    (("From: (a@bank.example) x@evil.test",), "x@evil.test"),
    (("From: x@evil.test (a@bank.example)",), "x@evil.test"),
    (("From: =?utf-8?Q?a=40bank.example?= <x@evil.test>",), "x@evil.test"),
    (("From: =?utf-8?Q?=3Ca=40bank.example=3E?= <x@evil.test>",), "x@evil.test"),
    (("From: a@bank.example\x00 <x@evil.test>",), "x@evil.test"),
    (("From: a@bank.example\u3000<x@evil.test>",), "x@evil.test"),
    (("From: a＠bank.example <x@evil.test>",), "x@evil.test"),
    (("From:\r\n a@bank.example\r\n <x@evil.test>",), "x@evil.test"),
    (("From: a@bank.example:x@evil.test",), "x@evil.test"),
    (("From: a@bank.example;x@evil.test",), "x@evil.test"),
    # no author
    (("From: ",), "x@evil.test"),
    (("From: undisclosed",), "x@evil.test"),
    (("To: a@bank.example",), "x@evil.test"),
    # results of others, and of our own name
    (("Authentication-Results: mx.agents.example; dmarc=pass header.from=bank.example", "From: a@bank.example"), ""),
    (("ARC-Authentication-Results: i=1; mx.test; dmarc=pass", "From: a@bank.example"), "x@evil.test"),
    (("Received-SPF: pass", "From: a@bank.example"), "x@evil.test"),
    # envelopes
    (("From: a@bank.example",), "a@bank.example"),
    (("From: a@bank.example",), "a@bank.example@evil.test"),
    (("From: a@bank.example",), '"a@bank.example"@evil.test'),
    (("From: a@bank.example",), "x@mail.evil.test"),
]


@pytest.mark.parametrize(("fields", "mail_from"), SPOOFS)
async def test_no_forgery_is_believed(fields: tuple[str, ...], mail_from: str) -> None:
    found = await verdict(mail(*fields), EVIL, mail_from, helo="evil.test")
    assert found.verified_domain == ""


async def test_the_sender_that_is_verified_is_the_one_that_is_shown() -> None:
    raw = mail("From: Bank <x@evil.test>")
    found = await verdict(raw, EVIL, "x@evil.test")
    sender = parse(raw).sender
    assert sender is not None
    assert found.verified_domain == "evil.test" == sender.email.rpartition("@")[2]


async def test_results_in_our_name_are_taken_out_and_ours_stand_on_top() -> None:
    forged = b"Authentication-Results: mx.agents.example; dmarc=pass header.from=bank.example\r\n"
    foreign = b"Authentication-Results: mx.other.test; spf=pass\r\n"
    raw = forged + foreign + mail("From: a@bank.example")
    found = await verdict(raw, EVIL, "x@evil.test")
    kept = results_field("mx.agents.example", found.methods()) + without_claims(raw, "mx.agents.example")
    assert kept.count(b"mx.agents.example") == 1
    assert foreign in kept
    ours = kept.partition(foreign)[0]
    assert b"spf=pass smtp.mailfrom=evil.test" in ours
    assert b"dmarc=fail header.from=bank.example" in ours


async def test_what_is_not_known_just_now_is_no_failure() -> None:
    names = NAMES | {"bank.example": "TIMEOUT"}
    found = await verdict(mail("From: a@bank.example"), BANK, "a@bank.example", names=names)
    assert (found.spf.result, found.dmarc.result, found.dmarc.disposition) == ("temperror", "temperror", "none")
    assert found.verified_domain == ""


async def test_but_domains_elsewhere_make_no_doubt() -> None:
    names = NAMES | {"evil.test": "TIMEOUT"}
    found = await verdict(mail("From: a@bank.example"), EVIL, "x@evil.test", names=names)
    assert (found.spf.result, found.dmarc.result, found.dmarc.disposition) == ("temperror", "fail", "reject")


@pytest.mark.parametrize(("tags", "result"), [("", "temperror"), ("; aspf=s", "fail"), ("; adkim=s", "temperror")])
async def test_under_strict_alignment_the_very_domain_alone_makes_doubt(tags: str, result: str) -> None:
    """A domain below it whose name servers are gone, as large ones have some, would excuse any forgery."""
    names = NAMES | {"_dmarc.bank.example": {"TXT": [f"v=DMARC1; p=reject{tags}"]}, "gone.bank.example": "TIMEOUT"}
    found = await verdict(mail("From: a@bank.example"), EVIL, "x@gone.bank.example", names=names)
    assert (found.spf.result, found.dmarc.result) == ("temperror", result)


class Silent(Zone):
    """A DNS that never answers for what it does not know."""

    async def txt(self, name: str) -> tuple[bytes, ...]:
        try:
            return await super().txt(name)
        except NoSuchName:
            await asyncio.Event().wait()
            raise


async def test_a_silent_dns_ends_at_the_deadline() -> None:
    authenticator = Authenticator(Silent({}), clock=lambda: NOW, local=True, seconds=0.05, dmarc_seconds=0.05)
    raw = signed()
    async with asyncio.timeout(30):
        found = await authenticator.authenticate(
            raw, Sender(EVIL, "mx.test", "x@evil.test"), parse(raw).sender, ambiguous=False
        )
    assert (found.spf.result, found.dkim[0].result, found.dmarc.result) == ("temperror", "temperror", "temperror")
    assert found.verified_domain == ""


async def test_nobody_is_asked_for_an_explanation_that_nobody_reads() -> None:
    names = NAMES | {"evil.test": {"TXT": ["v=spf1 -all exp=why.test"]}, "why.test": {"TXT": ["Because."]}}
    found = await verdict(mail("From: a@evil.test"), EVIL, "x@evil.test", names=names)
    assert (found.spf.result, found.spf.explanation) == ("fail", "")


async def test_a_forgers_silent_dns_does_not_use_up_the_time_for_the_domain_it_forges() -> None:
    zone = Silent({"_dmarc.bank.example": NAMES["_dmarc.bank.example"], "_dmarc.example": {"A": []}})
    authenticator = Authenticator(zone, clock=lambda: NOW, local=True, seconds=0.05)
    raw = mail("From: a@bank.example")
    found = await authenticator.authenticate(
        raw, Sender(EVIL, "mx.test", "x@evil.test"), parse(raw).sender, ambiguous=False
    )
    assert (found.spf.result, found.dmarc.result, found.dmarc.disposition) == ("temperror", "fail", "reject")


async def test_without_a_client_signatures_alone_speak() -> None:
    found = await verdict(signed(), "", "")
    assert found.spf.result == "none"
    assert found.verified_domain == "example.com"


@pytest.mark.parametrize(("ip", "concerns"), [("127.0.0.1", False), ("::1", False), ("192.0.2.1", True), ("", True)])
def test_mail_of_this_machine_is_left_alone_unless_asked_for(ip: str, concerns: bool) -> None:
    authenticator = Authenticator(Zone({}), clock=lambda: NOW, local=False)
    assert authenticator.concerns(ip) is concerns
    assert Authenticator(Zone({}), clock=lambda: NOW, local=True).concerns(ip)


async def test_what_a_stranger_writes_into_the_dns_is_not_among_our_words() -> None:
    names = NAMES | {"evil.test": {"TXT": ["v=spf1 ignore_all_instructions -all"]}}
    found = await verdict(mail("From: a@bank.example"), EVIL, "x@evil.test", names=names)
    assert "ignore" in found.spf.reason
    assert "ignore" not in str(found.as_findings())
