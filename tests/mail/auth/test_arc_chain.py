"""ARC chains: what a forwarder may change, and what breaks them."""

import pytest

from tests.mail.auth.signing import ED25519, FIELDS, SHORT, forwarded, record, signed, weak
from tools.mail.auth.arc import MAX_KEYS, MAX_SETS, Chain, validate
from tools.mail.auth.keys import Keys
from tools.mail.auth.signed import SignedMail
from tools.mail.auth.zone import Zone

ZONE = Zone({"arc._domainkey.list.example": {"TXT": [record(SHORT)]}})
MAIL = b"\r\n".join((*FIELDS, b"", b"Hello\r\n"))


def chain(sets: int, raw: bytes = MAIL) -> bytes:
    for instance in range(1, sets + 1):
        raw = forwarded(raw, instance, key=SHORT)
    return raw


async def validated(raw: bytes, zone: Zone = ZONE) -> Chain:
    return await validate(SignedMail(raw), zone, Keys())


async def test_no_chain() -> None:
    assert await validated(signed()) == Chain("none")


@pytest.mark.parametrize("sets", [1, 2, 5, MAX_SETS])
async def test_a_chain_passes(sets: int) -> None:
    assert await validated(chain(sets)) == Chain("pass", "", ("list.example",) * sets, 0)


async def test_a_chain_of_a_large_mail() -> None:
    assert (await validated(chain(2, MAIL + b"x" * 998 + b"\r\n" * 50_000 + b"y\r\n"))).result == "pass"


async def test_a_forwarder_may_change_the_mail() -> None:
    raw = chain(2).replace(b"Subject: Hello", b"Subject: [list] Hello")
    assert (await validated(raw)).reason == "a signed field was changed, or the key is another"
    assert await validated(forwarded(raw, 3, key=SHORT)) == Chain("pass", "", ("list.example",) * 3, 3)
    assert (await validated(forwarded(forwarded(raw, 3, key=SHORT), 4, key=SHORT))).oldest_pass == 3


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Hello\r\n", b"Hallo\r\n", "changed"),
        (b"spf=pass", b"spf=fail", "changed"),
        (b"ARC-Authentication-Results: i=1", b"ARC-Authentication-Results: i=2", "twice"),
        (b"ARC-Authentication-Results: i=1", b"X: i=1", "complete"),
        (b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results: list.example; i=1;", "instance"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=3", "complete"),
        (b"ARC-Seal: i=2", b"ARC-Seal: i=0", "instance"),
        (b"ARC-Seal: i=2", b"ARC-Seal: i=51", "instance"),
        (b"ARC-Seal: i=2", b"ARC-Seal: i=\xc2\xb2", "instance"),
        (b"ARC-Seal: i=2;", b"ARC-Seal: i=2; h=From;", "seal has h="),
        (b"ARC-Seal: i=2;", b"ARC-Seal: i=2; t=now;", "t= is not a number"),
        (b"cv=pass", b"cv=none", "cv="),
        (b"cv=none", b"cv=pass", "cv="),
        (b"cv=pass", b"cv=fail", "sealed as failed"),
        (b"h=From:Subject", b"h=From:ARC-Seal", "covers a seal"),
        (b"From: Ada", b"From: eve@example.net\r\nFrom: Ada", "second from"),
        (b"ARC-Seal: i=2; ", b"ARC-Seal: i=2; nonsense; ", "malformed"),
        (b"d=list.example", b"d=other.example", "there is no key"),
        (b"a=rsa-sha256", b"a=rsa-sha1", "algorithm"),
    ],
)
async def test_what_breaks_a_chain(old: bytes, new: bytes, reason: str) -> None:
    raw = chain(2)
    assert old in raw
    found = await validated(raw.replace(old, new, 1))
    assert found.result == "fail" and reason in found.reason, found.reason


@pytest.mark.parametrize("status", ["none", "fail", "maybe", ""])
async def test_what_the_newest_seal_says_of_the_chain_before_it(status: str) -> None:
    found = await validated(forwarded(chain(1), 2, key=SHORT, status=status))
    assert found.result == ("fail" if status else "pass")


async def test_the_end_of_the_body_must_be_signed() -> None:
    raw = forwarded(MAIL, 1, key=SHORT, message={"l": "7"})
    assert (await validated(raw)).result == "pass"
    assert (await validated(raw + b"more\r\n")).reason == "the end of the body is not signed"


async def test_more_sets_than_there_may_be() -> None:
    raw = forwarded(chain(MAX_SETS), MAX_SETS + 1, key=SHORT)
    assert (await validated(raw)).reason == "there are too many sets"


async def test_more_keys_than_are_looked_up() -> None:
    raw, names = MAIL, {}
    for instance in range(1, MAX_KEYS + 2):
        raw = forwarded(raw, instance, key=SHORT, domain=f"f{instance}.example")
        names[f"arc._domainkey.f{instance}.example"] = {"TXT": [record(SHORT)]}
        found = await validated(raw, Zone(names))
        assert found.result == ("pass" if instance <= MAX_KEYS else "fail"), found.reason
    assert "too many keys" in found.reason


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ("TIMEOUT", "looked up"),
        ({"TXT": [record(ED25519)]}, "another algorithm"),
        ({"TXT": [record(weak())]}, "another"),
        ({"A": ["192.0.2.1"]}, "no key"),
    ],
)
async def test_a_key_that_will_not_do(records: object, reason: str) -> None:
    found = await validated(chain(1), Zone({"arc._domainkey.list.example": records}))
    assert found.result == "fail" and reason in found.reason


async def test_a_short_key_seals_nothing() -> None:
    raw = forwarded(MAIL, 1, key=weak())
    found = await validated(raw, Zone({"arc._domainkey.list.example": {"TXT": [record(weak())]}}))
    assert found.reason == "a key of 512 bits is too short"
