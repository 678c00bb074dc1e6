"""The identity claim: it survives what servers tidy on the way, and nothing else."""

import re
from dataclasses import replace
from hashlib import sha256
from hmac import compare_digest, digest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.delivery.site_key import SiteKey
from tools.context import Secret
from tools.mail.identity import NAME, Claim, check, make

KEY = SiteKey(Secret(b"a secret that only the tests know"))
KEYS = {KEY.id: KEY.verify}
CLAIM = Claim(
    key=KEY.id,
    issuer="https://mail.agents.example",
    at=1_767_225_600,
    message_id="msg_1@agents.example",
    sender="ada@agents.example",
    mode="gated_send",
    verdict="allow",
    approval="apr_1",
)
MAIL = (
    b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nFrom: Ada <ada@agents.example>\r\nTo: bea@example.com\r\n"
    b"Subject: An offer\r\nMessage-ID: <msg_1@agents.example>\r\nMIME-Version: 1.0\r\n\r\n"
    b"Dear Bea,\r\n\r\nhere it is.\r\n"
)
SENT = make(MAIL, CLAIM, KEY.sign) + MAIL


def test_what_was_made_verifies_and_says_what_it_binds() -> None:
    checked = check(b"Received: from x by y\r\nDKIM-Signature: v=1\r\n" + SENT, KEYS)
    assert checked.verified and checked.claim == CLAIM


ALTERATIONS = {
    "body": (b"here it is", b"here it was", "The body"),
    "From": (b"Ada <ada@", b"Ada <eve@", "The From address"),
    "display name": (b"Ada <", b"The Bank <", "A header field"),
    "second From": (b"To: bea", b"From: eve@example.net\r\nTo: bea", "The From address"),
    "Message-ID": (b"<msg_1@", b"<msg_2@", "The Message-ID"),
    "To": (b"bea@example.com", b"carl@example.com", "A header field"),
    "Subject": (b"An offer", b"An order", "A header field"),
    "Date": (b"00:00:00", b"00:00:01", "A header field"),
    "added Cc": (b"Subject:", b"Cc: eve@example.net\r\nSubject:", "A header field"),
    "mode": (b"mode=gated_send", b"mode=autonomous", "The signature"),
    "approval": (b"approval=apr_1", b"approval=apr_2", "The signature"),
    "time": (b"t=1767225600", b"t=1767225601", "The signature"),
    "issuer": (b"i=https://mail.agents", b"i=https://mail.other", "The signature"),
    "key": (f"k={KEY.id}".encode(), b"k=0000000000000000", "It is signed with a key"),
}


@pytest.mark.parametrize(("old", "new", "problem"), ALTERATIONS.values(), ids=ALTERATIONS)
def test_what_was_altered_is_named(old: bytes, new: bytes, problem: str) -> None:
    assert SENT.count(old) == 1
    checked = check(SENT.replace(old, new), KEYS)
    assert not checked.verified and any(each.startswith(problem) for each in checked.problems), checked.problems


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (MAIL, "It carries no claim."),
        (make(MAIL, CLAIM, KEY.sign) + SENT, "It carries more than one claim."),
        (SENT.replace(b"v=1;", b"v=2;"), "The claim cannot be read."),
        (SENT.replace(b"a=ed25519-sha256", b"a=none"), "The claim cannot be read."),
        (SENT.replace(b"mode=gated_send;", b""), "The claim cannot be read."),
        (SENT.replace(b"t=1767225600", b"t=soon"), "The claim cannot be read."),
        (b"X: y\r\n" * 1_000_000 + SENT, "Its header is too long."),
        (b"", "It carries no claim."),
    ],
)
def test_what_is_no_claim_is_none(raw: bytes, problem: str) -> None:
    checked = check(raw, KEYS)
    assert (checked.claim, checked.problems) == (None, (problem,))


def test_a_claim_of_another_site_does_not_verify_here() -> None:
    other = SiteKey(Secret(b"another secret"))
    assert not check(SENT, {other.id: other.verify}).verified
    assert not check(SENT, {KEY.id: other.verify}).verified


def test_any_message_id_and_address_can_be_claimed() -> None:
    odd = "a;b=%20c@agents.example"
    mail = MAIL.replace(b"msg_1@agents.example", odd.encode())
    claim = replace(CLAIM, message_id=odd, approval="none")
    checked = check(make(mail, claim, KEY.sign) + mail, KEYS)
    assert checked.verified and checked.claim == claim


def _mac(data: bytes) -> bytes:
    """A stand-in for the signature, as fast as hypothesis wants it."""
    return digest(b"key", data, sha256)


def _is_mac(data: bytes, signature: bytes) -> bool:
    return compare_digest(_mac(data), signature)


@given(st.binary(max_size=300), st.data())
def test_relaxed_white_space_changes_pass_and_any_other_byte_fails(body: bytes, data: st.DataObject) -> None:
    body = body.replace(b"\r", b"").replace(b"\n", b"\r\n") + b"x"
    mail = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    sent = make(mail, CLAIM, _mac) + mail
    keys = {KEY.id: _is_mac}
    wider = re.sub(rb"[ \t]", b" \t ", body) + b" \t\r\n\r\n"
    refolded = re.sub(rb";\r\n ", b"; ", make(mail, CLAIM, _mac)) + mail.replace(b": ", b":\r\n\t", 3)
    assert check(_with(sent, wider), keys).verified
    assert check(refolded, keys).verified
    place = data.draw(st.integers(0, len(body) - 1))
    other = data.draw(st.integers(33, 126).filter(lambda value: value != body[place]))
    altered = body[:place] + bytes([other]) + body[place + 1 :]
    assert not check(_with(sent, altered), keys).verified


def _with(sent: bytes, body: bytes) -> bytes:
    return sent.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body


@given(st.binary(max_size=500))
def test_any_octets_are_checked_without_an_error(noise: bytes) -> None:
    assert not check(noise, KEYS).verified
    assert not check(f"{NAME}: ".encode() + noise + MAIL, KEYS).verified
    assert not check(SENT.replace(b"v=1;", b"v=1;" + noise[:1] + b";"), KEYS).verified
