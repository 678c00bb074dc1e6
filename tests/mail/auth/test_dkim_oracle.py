"""Our verification of DKIM and ARC beside dkimpy's, over mails that were changed on their way."""

import asyncio
import logging
import re
import time
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mail.auth.signing import BODY, ED25519, FIELDS, RSA, forwarded, record, signed
from tools.mail.auth.arc import Chain, validate
from tools.mail.auth.dkim import Signature, verify
from tools.mail.auth.keys import Keys
from tools.mail.auth.signed import SignedMail
from tools.mail.auth.zone import Zone

# dkimpy has no types, and logs what it refuses
ORACLE: Any = dkim
SILENT = logging.Logger("silent", logging.CRITICAL + 1)

RECORDS = {
    "sel._domainkey.example.com": record(RSA),
    "ed._domainkey.example.com": record(ED25519),
    "arc._domainkey.list.example": record(RSA),
}
ZONE = Zone({name: {"TXT": [text]} for name, text in RECORDS.items()})
PEM = RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

PLAIN = (
    b"\r\n".join((*FIELDS, b"Received: by one", b"Received: by two", b"X-Long: folded\r\n  here\tand there", b"", BODY))
    + b"More,  and\tmore \r\n \r\n\r\nthe end\r\n\r\n"
)


def _by_dkimpy(forms: tuple[bytes, bytes], **more: object) -> bytes:
    mail = ORACLE.DKIM(PLAIN, logger=SILENT)
    return bytes(mail.sign(b"sel", b"example.com", PEM, canonicalize=forms, **more)) + PLAIN


FORMS = [(first, second) for first in (b"relaxed", b"simple") for second in (b"relaxed", b"simple")]
MAILS = [
    *(_by_dkimpy(form) for form in FORMS),
    _by_dkimpy(FORMS[0], length=True),
    _by_dkimpy(FORMS[0], identity=b"ada@mail.example.com", include_headers=[b"x-long", b"from", b"cc"]),
    signed(key=RSA),
    signed({"s": "ed"}, key=ED25519),
    signed({"s": "ed", "c": "simple"}, key=ED25519).replace(b"\r\n", b"\n"),
]
CHAINS = [forwarded(signed(), 1), forwarded(forwarded(signed(), 1), 2).replace(b"\r\n", b"\n")]

STRICTER = ("a second ", "d= and s= ", "h= is malformed", "its key is not", "i= is not", "the tag list", "b= is not")
"""Reasons for which we refuse what dkimpy accepts."""

LINE = re.compile(rb"[!-,./-9;-~][!-9;-~]*:|[ \t]")
ODD = re.compile(rb"\r(?!\n)|[\x00\x0b\x0c]")


def is_regular(raw: bytes) -> bool:
    """Whether dkimpy and our parser see the same fields and characters in a mail."""
    header, empty, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    return (
        bool(empty)
        and all(map(LINE.match, header.split(b"\n")))
        and not header.startswith((b" ", b"\t"))
        and body.endswith(b"\n")
        and not ODD.search(raw)
    )


def ours(raw: bytes) -> Signature:
    return asyncio.run(verify(SignedMail(raw), ZONE, Keys(), int(time.time() * 1_000_000)))[0]


def chain(raw: bytes) -> Chain:
    return asyncio.run(validate(SignedMail(raw), ZONE, Keys()))


def look_up(name: bytes, timeout: int = 5) -> bytes | None:
    text = RECORDS.get(name.decode("latin-1").lower().rstrip("."))
    return text.encode() if text else None


def theirs(raw: bytes, kind: Any = ORACLE.DKIM) -> bool:
    try:
        found = kind(raw, logger=SILENT).verify(dnsfunc=look_up)
    except Exception:  # it raises anything at what is malformed
        return False
    return found is True or (isinstance(found, tuple) and found[0] == b"pass")


@pytest.mark.parametrize("raw", MAILS)
def test_both_accept_what_dkimpy_and_we_sign(raw: bytes) -> None:
    assert theirs(raw) and ours(raw).result == "pass"


TEXTS = (
    b" |\t|\r\n|\n|\r\n |;|=|:|a|From: eve@example.net\r\n|x|\xc3|Received: by three\r\n|Subject: x\r\n|cc: y\r\n|B|,"
    b"|=\r\n\t|; x=1|; t=1|i=2|cv=pass"
)
pieces = st.sampled_from(TEXTS.split(b"|"))
edits = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 3), pieces), min_size=1, max_size=3)


def edited(raw: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """The mail with pieces put in place of others."""
    for place, gone, put in changes:
        place %= len(raw)
        raw = raw[:place] + put + raw[place + gone :]
    return raw


@settings(max_examples=400)
@given(raw=st.sampled_from(MAILS), changes=edits)
def test_a_changed_mail_is_judged_as_dkimpy_does(raw: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    raw = edited(raw, changes)
    if not is_regular(raw) or b"dkim-signature" not in [name for name, _ in SignedMail(raw).fields]:
        return
    found = ours(raw)
    assert (found.result == "pass") is theirs(raw) or found.reason.startswith(STRICTER), (raw, found)


@pytest.mark.parametrize("raw", CHAINS)
def test_both_accept_a_chain(raw: bytes) -> None:
    assert theirs(raw, ORACLE.ARC) and chain(raw).result == "pass"


@settings(max_examples=200)
@given(raw=st.sampled_from(CHAINS), changes=edits)
def test_a_changed_chain_is_judged_as_dkimpy_does(raw: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    raw = edited(raw, changes)
    if is_regular(raw):
        found = chain(raw)
        assert (found.result == "pass") is theirs(raw, ORACLE.ARC) or found.reason.startswith(STRICTER), (raw, found)
