"""DKIM against published mails and key records."""

import os
from pathlib import Path

import pytest

from tools.mail.auth.dkim import Signature, verify
from tools.mail.auth.keys import Keys, Unverified, read_key
from tools.mail.auth.signed import SignedMail
from tools.mail.auth.zone import Zone

CORPUS = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[4] / "shared" / "corpora")) / "dkim-vectors"
THEN = 1_667_900_000_000_000  # 2022-11-08, when the newest of these mails was on its way
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the published corpora (GATEPOST_CORPORA)")


async def verdicts(raw: bytes, records: dict[str, str]) -> list[tuple[str, str]]:
    zone = Zone({name: {"TXT": [text]} for name, text in records.items()})
    found: tuple[Signature, ...] = await verify(SignedMail(raw), zone, Keys(), THEN)
    return [(each.domain, each.result) for each in found]


def with_records(name: str) -> tuple[dict[str, str], bytes]:
    """A file of mail-auth: a line for each key, an empty one, the mail."""
    head, _, raw = (CORPUS / "mail-auth" / name).read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    return dict(line.split(None, 1) for line in head.decode().splitlines()), raw


@pytest.mark.parametrize(
    ("name", "domains"),
    [
        ("001.txt", ["football.example.com"] * 2),
        ("002.txt", ["example.com"]),
        ("003.txt", ["ietf.org"] * 2),
        ("004.txt", ["facebookmail.com"]),
        ("005.txt", ["topicbox.com"]),
        ("006.txt", ["github.com"]),
    ],
)
async def test_mails_from_the_wild_pass_while_their_keys_are_there(name: str, domains: list[str]) -> None:
    records, raw = with_records(name)
    assert await verdicts(raw, records) == [(domain, "pass") for domain in domains]
    assert await verdicts(raw, {}) == [(domain, "permerror") for domain in domains]
    assert await verdicts(raw.replace(b"e", b"a", 1) + b"more\n", records) != [(each, "pass") for each in domains]


async def test_the_mail_of_rfc_6376_signed_twice() -> None:
    records, _ = with_records("001.txt")
    raw = (CORPUS / "dkimpy" / "rfc6376.signed.msg").read_bytes()
    assert await verdicts(raw, records) == [("football.example.com", "pass")] * 2


async def test_a_mail_signed_by_exim() -> None:
    raw = (CORPUS / "dkimpy" / "ed25519test2.msg").read_bytes()
    records = {"sed._domainkey.test.ex": (CORPUS / "dkimpy" / "eximtest.dns").read_text()}
    assert await verdicts(raw, records) == [("test.ex", "pass")]


async def test_degenerate_folding_is_read() -> None:
    raw = (CORPUS / "dkimpy" / "test2.message").read_bytes()
    assert await verdicts(raw, {}) == [("gmail.com", "permerror")]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("test.txt", ""),
        ("test2.txt", ""),
        ("ed25519test.dns", ""),
        ("eximtest.dns", ""),
        ("badk.txt", "kind is unknown"),
        ("badversion.txt", "another version"),
        ("test_bad.txt", "cannot be read"),
        ("test_tlsrpt.txt", "not for mail"),
    ],
)
def test_key_records(name: str, reason: str) -> None:
    try:
        read_key((CORPUS / "dkimpy" / name).read_bytes())
        found = ""
    except Unverified as refusal:
        found = refusal.reason
    assert (reason in found) and bool(reason) == bool(found), found
