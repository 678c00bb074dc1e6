"""Signed content taken out of DER and BER, and bytes that are traps."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tests.mail.wrapping import (
    NO_ALGORITHMS,
    OID,
    VERSION,
    ber,
    content_info,
    der,
    in_pieces,
    really_signed,
    signed_data,
    streamed_data,
)
from tools.mail import limits
from tools.mail.cms import Content, Malformed, read_content

SIGNED = b"Content-Type: text/plain\r\n\r\n" + b"A line of a longer letter.\r\n" * 200


@pytest.mark.parametrize(
    "data",
    [
        really_signed(SIGNED),
        signed_data(der(0x04, SIGNED)),
        signed_data(der(0x24, der(0x04, SIGNED[:9]), der(0x04, SIGNED[9:]))),
        signed_data(der(0x24, der(0x24, der(0x04, SIGNED[:9])), in_pieces(SIGNED[9:], 300))),
        streamed_data(SIGNED),
        streamed_data(SIGNED) + b"\r\n what comes behind",
    ],
    ids=["signed", "one piece", "pieces", "pieces of pieces", "lengths left open", "something behind"],
)
def test_what_was_signed_is_found(data: bytes) -> None:
    assert read_content(data) == Content("signed", SIGNED)


@pytest.mark.parametrize("kind", ["enveloped", "encrypted", "auth-enveloped"])
def test_what_is_encrypted_says_so(kind: str) -> None:
    assert read_content(content_info(kind, VERSION, NO_ALGORITHMS)) == Content("encrypted")
    assert read_content(ber(0x30, OID[kind], ber(0xA0, ber(0x30, VERSION)))) == Content("encrypted")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (content_info("signed", VERSION, NO_ALGORITHMS, der(0x30, OID["data"])), "signed"),
        (content_info("signed", VERSION, NO_ALGORITHMS, ber(0x30, OID["data"])), "signed"),
        (content_info("signed", VERSION, NO_ALGORITHMS, der(0x30, OID["digested"], der(0xA0, b"\x04\0"))), "signed"),
        (content_info("digested", VERSION), ""),
    ],
    ids=["certificates alone", "the same with an open length", "no data", "neither signed nor encrypted"],
)
def test_nothing_is_found_where_nothing_is(data: bytes, kind: str) -> None:
    assert read_content(data) == Content("signed" if kind else "", None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"Content-Type: text/plain\r\n\r\nno CMS at all",
        signed_data(der(0x04, SIGNED))[:-40],
        der(0x30, bytes([0x06, 0x80]) + b"\0\0"),
        b"\x30\xff" + b"\xff" * 200,
        signed_data(der(0x24, der(0x02, b"\x01"))),
        signed_data(der(0x24, b"\0\0")),
        signed_data(b"\x1f\x81\x00"),
    ],
    ids=[
        *("empty", "half", "text", "cut off", "an open length of what has no inside", "endless"),
        *("a number among pieces", "an end of nothing", "a long tag"),
    ],
)
def test_what_is_broken_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_content(data)


@pytest.mark.parametrize(
    "data",
    [
        signed_data(b"\x24\x80" * 500_000),
        signed_data(ber(0x24, b"\x04\0" * 2_000_000)),
        ber(0x30, OID["signed"], ber(0xA0, ber(0x30, VERSION, b"\x31\x80" * 1_000_000))),
    ],
    ids=["deep", "in nothing but pieces", "deep, and passed over"],
)
def test_traps_cost_little(data: bytes) -> None:
    def read() -> None:
        with pytest.raises(Malformed):
            read_content(data)

    cheaply(read, 1.0)


def test_a_large_mail_in_small_pieces_is_read() -> None:
    content = bytes(20_000_000)
    assert len(range(0, len(content), 1000)) < limits.CMS_ELEMENTS
    assert cheaply(lambda: read_content(streamed_data(content)), 2.0).signed == content


@given(st.binary(max_size=400), st.data())
def test_any_bytes_are_content_or_refused(data: bytes, draw: st.DataObject) -> None:
    whole = bytearray(streamed_data(b"Content-Type: text/plain\r\n\r\nHi", 7))
    for _ in range(draw.draw(st.integers(0, 4))):
        whole[draw.draw(st.integers(0, len(whole) - 1))] = draw.draw(st.integers(0, 255))
    for each in (data, bytes(whole)):
        with suppress(Malformed):
            read_content(each)
