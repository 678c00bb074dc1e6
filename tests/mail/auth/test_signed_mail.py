"""What signatures see of a mail: the same header the parser reads, and canonical forms by the letter; any bytes."""

import asyncio
import time
from hashlib import sha256

import dkim.canonicalization
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.mail.auth.signing import NOW, forwarded, record, signed
from tools.mail.auth import arc
from tools.mail.auth import dkim as ours
from tools.mail.auth.keys import Keys, Unverified, read_key
from tools.mail.auth.signed import SignedMail
from tools.mail.auth.zone import Zone
from tools.mail.canonical import PIECE, body_pieces, relaxed_body, with_crlf
from tools.mail.headers import read_header
from tools.mail.limits import HEADER_FIELDS

ZONE = Zone(
    {"sel._domainkey.example.com": {"TXT": [record()]}, "arc._domainkey.list.example": {"TXT": [record()]}},
)
TEXTS = b"From: |>From |From|a:|b :|:|-c:|--|x|\xe9:| |\t|\r\n|\n|\r|\r\n\r\n|\n\n|\x00|" + b"n" * 199 + b":"
pieces = st.lists(st.sampled_from(TEXTS.split(b"|"))).map(b"".join)


@given(raw=pieces | st.binary())
@example(raw=b"a:" * 3 + b"\n\n\nx")
def test_the_header_is_the_one_the_parser_reads(raw: bytes) -> None:
    header, body = read_header(raw, 0)
    mail = SignedMail(raw)
    assert [name.decode() for name, _ in mail.fields] == [name for name, _ in header.fields]
    assert mail.body == with_crlf(raw[body:])


def test_a_header_beyond_the_parser_is_told_of() -> None:
    few = SignedMail(b"a: b\r\n" * HEADER_FIELDS + b"\r\nbody")
    many = SignedMail(b"a: b\r\n" * (HEADER_FIELDS + 1) + b"\r\nbody")
    large = SignedMail(b"a: " + b"b" * 300_000 + b"\r\n\r\nbody")
    text = SignedMail(b"a: b\r\nno field\r\n" + b"a: b\r\n" * 100_000)
    assert [mail.too_long for mail in (few, many, large, text)] == [False, True, True, False]


lines = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"a", b"\x0b", b"  \t "])).map(b"".join)


def simple_body(body: bytes) -> bytes:
    return b"".join(body_pieces(body, 0, "simple"))


@given(body=lines)
@example(body=b"a\r\r\n\r\n")
@example(body=b"\r\n\r\n")
@example(body=b"\r")
def test_canonical_bodies_are_those_of_dkimpy(body: bytes) -> None:
    # dkimpy leaves white space at the end of a last line that has no CRLF; a mail has one
    body += b"\r\n"
    assert relaxed_body(body) == dkim.canonicalization.Relaxed.canonicalize_body(body)
    assert simple_body(body) == dkim.canonicalization.Simple.canonicalize_body(body)


@given(
    line=st.sampled_from([b"", b" ", b"a", b"a \t b ", b"x" * 100_000, b"\r", b"a\r"]),
    times=st.sampled_from([1, 3, PIECE // 2, PIECE]),
    last=lines,
)
@settings(max_examples=40)
def test_a_body_of_several_pieces_is_one_body(line: bytes, times: int, last: bytes) -> None:
    body = (line + b"\r\n") * (times if len(line) < 10 else 7) + last + b"\r\n"
    assert relaxed_body(body) == dkim.canonicalization.Relaxed.canonicalize_body(body)
    assert simple_body(body) == dkim.canonicalization.Simple.canonicalize_body(body)


@pytest.mark.parametrize(("length", "whole"), [(0, False), (5, False), (7, True), (8, True), (None, True)])
def test_the_hash_of_a_part_says_so(length: int | None, whole: bool) -> None:
    mail = SignedMail(b"A: b\r\n\r\nHello\r\n\r\n")
    assert mail.body_hash("simple", length) == (sha256(b"Hello\r\n"[:length]).digest(), whole)
    empty = SignedMail(b"A: b\r\n\r\n")
    assert empty.body_hash("relaxed", length) == (sha256(b"").digest(), True)


def test_an_empty_body_is_an_empty_line_in_the_simple_form() -> None:
    assert (simple_body(b""), relaxed_body(b"")) == (b"\r\n", b"")


async def judged(raw: bytes) -> tuple[tuple[ours.Signature, ...], arc.Chain]:
    mail, keys = SignedMail(raw), Keys()
    return await ours.verify(mail, ZONE, keys, NOW), await arc.validate(mail, ZONE, keys)


SOUND = forwarded(forwarded(signed(), 1), 2)
edits = st.lists(st.tuples(st.integers(0, len(SOUND)), st.integers(0, 40), st.binary(max_size=3) | pieces), max_size=6)


@settings(max_examples=300)
@given(changes=edits)
def test_a_broken_mail_has_a_verdict(changes: list[tuple[int, int, bytes]]) -> None:
    raw = SOUND
    for place, gone, put in changes:
        raw = raw[:place] + put + raw[place + gone :]
    asyncio.run(judged(raw))


@given(value=st.text() | st.binary())
def test_any_bytes_after_the_name_have_a_verdict(value: str | bytes) -> None:
    data = value.encode("utf-8", "replace") if isinstance(value, str) else value
    for name in (b"DKIM-Signature: ", b"ARC-Seal: i=1;", b"ARC-Message-Signature: i=1;"):
        asyncio.run(judged(name + data + b"\r\nFrom: a@example.com\r\n\r\nHello\r\n"))


@given(text=st.binary() | st.binary().map(lambda data: b"v=DKIM1; p=" + data))
def test_any_record_is_read_or_refused(text: bytes) -> None:
    try:
        key = read_key(text)
    except Unverified as refusal:
        assert refusal.result == "permerror" and refusal.reason
    else:
        assert key.bits


@pytest.mark.parametrize(
    "raw",
    [
        signed({"h": "From:" + ":".join(["To"] * 50_000)}),
        b"\r\n".join([signed().partition(b"\r\n")[0]] * 900) + b"\r\nFrom: a@example.com\r\n\r\nx",
        b"X: " + b"\t " * 1_000_000 + b"\r\n" + signed(),
        b"DKIM-Signature: v=1; " + b"b=" + b" \r\n\t" * 50_000 + b"\r\nFrom: a@example.com\r\n\r\nx",
        signed() + b"\r\n" * 5_000_000,
        signed() + b"\r" * 5_000_000,
        signed({"c": "simple/relaxed"}) + b" \t" * 5_000_000,
        b"\r\n".join(signed({"l": str(5_000_000 + n), "c": "simple/relaxed"}).partition(b"\r\n")[0] for n in range(10))
        + b"\r\nFrom: a@example.com\r\n\r\n"
        + b"x \r\n" * 2_000_000,
        b"ARC-Seal: i=1\r\n" * 900 + b"\r\n",
        b"DKIM-Signature: x\r\n" * 1_000_000 + b"\r\n",
    ],
    ids=[
        "names",
        "signatures",
        "white header",
        "white b",
        "lines",
        "returns",
        "white body",
        "ten lengths",
        "seals",
        "header",
    ],
)
async def test_hostile_mails_take_little_time(raw: bytes) -> None:
    start = time.process_time()
    await judged(raw)
    assert time.process_time() - start < 5
