"""C5: no published way to forge an author gets a verdict for the shown one, and nobody speaks in our name."""

from base64 import b64encode
from dataclasses import dataclass

import pytest

from tests.mail.auth.signing import ED25519, NOW, RSA, Private, forwarded, record, signed
from tools.mail.address import domain_of
from tools.mail.auth.authenticator import Authenticator
from tools.mail.auth.spf import Sender
from tools.mail.auth.verdict import Authentication
from tools.mail.auth.zone import Zone
from tools.mail.parse import parse

GOOD, EVIL = "192.0.2.1", "198.51.100.66"

ZONE = {
    "bank.example": {"TXT": [f"v=spf1 ip4:{GOOD} -all"]},
    "_dmarc.bank.example": {"TXT": ["v=DMARC1; p=reject"]},
    "sel._domainkey.bank.example": {"TXT": [record(RSA)]},
    "evil.example": {"TXT": [f"v=spf1 ip4:{EVIL} -all"]},
    "_dmarc.evil.example": {"TXT": ["v=DMARC1; p=reject"]},
    "sel._domainkey.evil.example": {"TXT": [record(ED25519)]},
    "arc._domainkey.evil.example": {"TXT": [record(RSA)]},
}
BANK = b"From: Bank <service@bank.example>"
LINES = (b"To: ada@agents.example", b"Subject: Your account")


def of(domain: str, key: Private, *authors: bytes, **tags: str | None) -> bytes:
    """A mail with the From lines given, the last one signed."""
    tags = {"d": domain, **tags}
    return signed(tags, key=key, fields=(*authors, *LINES), covered=(authors[-1], *LINES))


def by_evil(*authors: bytes, **tags: str | None) -> bytes:
    return of("evil.example", ED25519, *authors, **tags)


@dataclass(frozen=True)
class Seen:
    """What the agent sees of a mail."""

    author: str
    auth: Authentication

    @property
    def verified(self) -> str:
        return self.auth.verified_domain


async def seen(raw: bytes, *, sender: str = "x@evil.example", helo: str = "mx.evil.example") -> Seen:
    parsed = parse(raw)
    authenticator = Authenticator(Zone(ZONE), clock=lambda: NOW, local=True)
    found = await authenticator.authenticate(
        raw, Sender(EVIL, helo, sender), parsed.sender, ambiguous=parsed.sender_ambiguous
    )
    return Seen(parsed.sender.email if parsed.sender else "", found)


async def test_who_is_who_is_verified() -> None:
    found = await seen(of("bank.example", RSA, BANK))
    assert (found.verified, found.author) == ("bank.example", "service@bank.example")
    found = await seen(by_evil(b"From: x@evil.example"))
    assert (found.verified, found.author) == ("evil.example", "x@evil.example")


ENCODED = b"=?utf-8?B?" + b64encode(b"<service@bank.example>") + b"?="
AUTHORS: list[tuple[bytes, ...]] = [
    (BANK,),
    (BANK, b"From: x@evil.example"),
    (b"From: x@evil.example", BANK),
    (b"from : Bank <service@bank.example>", b"From: x@evil.example"),
    (b"From\r\n : Bank <service@bank.example>", b"From: x@evil.example"),
    (b" From: Bank <service@bank.example>", b"From: x@evil.example"),
    (b"From : service@bank.example", b"From: x@evil.example"),
    (b"From: service@bank.example, x@evil.example",),
    (b"From: x@evil.example, service@bank.example",),
    (b"From: <service@bank.example>, <x@evil.example>",),
    (b"From: <x@evil.example>, <service@bank.example>",),
    (b"From: <@evil.example:service@bank.example>",),
    (b"From: <@bank.example,@any.example:x@evil.example>",),
    (b"From: <x@evil.example>service@bank.example",),
    (b"From: service@bank.example<x@evil.example>",),
    (b"From: service@bank.example <x@evil.example>",),
    (b'From: "service@bank.example" <x@evil.example>',),
    (b'From: "<service@bank.example>" <x@evil.example>',),
    (b"From: <service@bank.example> <x@evil.example>",),
    (b"From: <x@evil.example> <service@bank.example>",),
    (b"From: <<service@bank.example><x@evil.example>>",),
    (b"From: <service@bank.example(<x@evil.example>)>",),
    (b"From: (x@evil.example) <service@bank.example>",),
    (b"From: <service@bank.example> (x@evil.example)",),
    (b"From: service@bank.example(comment)@evil.example",),
    (b"From: service@bank.example\\,x@evil.example",),
    (b'From: "service@bank.example\\" <x@evil.example>"<y@evil.example>',),
    (b"From: service@bank.example\x00@evil.example",),
    (b"From: service@bank.example\r@evil.example",),
    (b"From: service@bank.example,@evil.example",),
    (b"From: service@bank.example;x@evil.example",),
    (b"From: group: service@bank.example;, x@evil.example",),
    (b"From: x@evil.example\r\n service@bank.example",),
    (b"From:\r\n Bank\r\n <service@bank.example>",),
    (b"From: " + ENCODED + b" <x@evil.example>",),
    (b"From: " + ENCODED,),
    (b"From: =?utf-8?Q?service=40bank=2Eexample?= x@evil.example",),
    (b"From: service@BANK.example.",),
    (b"From: service@bank.example@evil.example",),
    (b"From: service@evil.example@bank.example",),
    (b"From: service@[192.0.2.1]",),
    (b"From: service@sub.bank.example",),
    (b"From:",),
    (b"Sender: x@evil.example", BANK),
    (b"Resent-From: x@evil.example", BANK),
    (b"Reply-To: x@evil.example", BANK),
    (b"no field", BANK),
    (BANK, b"no field", b"From: x@evil.example"),
]


@pytest.mark.parametrize("authors", AUTHORS)
@pytest.mark.parametrize("sender", ["x@evil.example", "", "service@bank.example"])
async def test_an_author_is_not_verified_by_another_domain(authors: tuple[bytes, ...], sender: str) -> None:
    found = await seen(by_evil(*authors), sender=sender, helo="evil.example")
    assert found.auth.dmarc.domain == domain_of(found.author)
    assert found.verified in ("", domain_of(found.author))
    assert not found.verified.endswith("bank.example")


@pytest.mark.parametrize(
    "tags",
    [
        {"d": "bank.example"},
        {"d": "bank.example", "s": "sel._domainkey.evil.example"},
        {"d": "bank.example", "s": "sel._domainkey.evil.example\0"},
        {"d": "bank.example(.evil.example"},
        {"d": "bank.example\0.evil.example"},
        {"d": "bank.example,evil.example"},
        {"d": "evil.example@bank.example"},
        {"d": "example"},
        {"d": "evil.example", "i": "service@bank.example"},
        {"d": "evil.example; d=bank.example"},
        {"d": "bank.example; d=evil.example"},
        {"d": "evil.example", "h": "To:Subject"},
    ],
)
async def test_a_signature_is_of_the_domain_whose_key_it_is(tags: dict[str, str | None]) -> None:
    assert (await seen(by_evil(BANK, **tags))).verified == ""


@pytest.mark.parametrize(
    ("sender", "helo"),
    [
        ("x@evil.example(.bank.example", ""),
        ("service@bank.example,@evil.example", ""),
        ("service@bank.example\0@evil.example", ""),
        ('"service@bank.example"@evil.example', ""),
        ("@evil.example:service@bank.example", ""),
        ("", "bank.example"),
        ("", "evil.example"),
        ("evil.example", "bank.example"),
        ("postmaster", "bank.example"),
    ],
)
async def test_an_envelope_is_of_the_domain_whose_host_it_is(sender: str, helo: str) -> None:
    raw = b"\r\n".join((BANK, *LINES, b"", b"Hello\r\n"))
    assert (await seen(raw, sender=sender, helo=helo)).verified == ""


SOUND = of("bank.example", RSA, BANK)


@pytest.mark.parametrize(
    "raw",
    [
        b"From: Eve <x@evil.example>\r\n" + SOUND,
        b"Subject: Pay this\r\n" + SOUND,
        b"From: Bank <service@bank.example>\r\nSubject: Pay this\r\nno field\r\n" + SOUND,
        SOUND.replace(b"Subject:", b"Subject: Pay this\r\nSubject:", 1),
        of("bank.example", RSA, BANK, l="14") + b"Pay this\r\n",
        SOUND.replace(b"hundred", b"thousand"),
    ],
)
async def test_a_signed_mail_that_was_changed_is_of_nobody(raw: bytes) -> None:
    assert (await seen(SOUND)).verified == "bank.example"
    assert (await seen(raw)).verified == ""


async def test_what_a_forwarder_says_it_found_is_not_believed() -> None:
    raw = b"\r\n".join((BANK, *LINES, b"", b"Hello\r\n"))
    found = await seen(forwarded(raw, 1, domain="evil.example"))
    assert found.auth.arc.result == "pass"
    assert found.verified == ""
