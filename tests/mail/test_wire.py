"""The wire form: one spelling of the envelope, and a digest that nothing else shares."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.wire import Recipient, Wire

wires = st.builds(
    Wire,
    sender=st.text(),
    recipients=st.lists(st.builds(Recipient, address=st.text(), copy=st.booleans())).map(tuple),
    raw=st.binary(),
)
MAIL = Wire("agent@example.com", (Recipient("ana@example.org"), Recipient("boss@example.com", copy=True)), b"Hi\r\n")


def test_envelope_is_compact_json() -> None:
    expected = '{"recipients":[["ana@example.org",false],["boss@example.com",true]],"sender":"agent@example.com"}'
    assert MAIL.envelope() == expected


def test_digest_is_the_published_recipe() -> None:
    # printf of eight length octets, the envelope above and the bytes, through sha256sum
    assert MAIL.digest() == "c68c1673c631e686105273fdae74c2196d899761d8c6e68d41ca0fddc3c72d71"


@given(wires)
def test_comes_back_from_the_database(wire: Wire) -> None:
    assert Wire.of(wire.envelope(), wire.raw) == wire


@given(wires, wires)
def test_digests_differ_when_anything_does(one: Wire, other: Wire) -> None:
    assert (one.digest() == other.digest()) == (one == other)


def test_the_cut_between_envelope_and_bytes_counts() -> None:
    envelope = MAIL.envelope().encode()
    shorter = Wire.of(MAIL.envelope(), b"x" + envelope)
    longer = Wire.of(MAIL.envelope(), envelope + b"x")
    assert len({MAIL.digest(), shorter.digest(), longer.digest()}) == 3


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        MAIL.envelope()[:-1],
        MAIL.envelope() + " ",
        MAIL.envelope().replace(",", ", "),
        MAIL.envelope().replace("false", "0"),
        MAIL.envelope().replace('"ana@example.org"', "null"),
        MAIL.envelope().replace('"agent@example.com"', "1"),
        MAIL.envelope().replace("}", ',"x":1}'),
        '{"sender":"eve@example.org",' + MAIL.envelope()[1:],
        json.dumps({"recipients": "ab", "sender": "agent@example.com"}, separators=(",", ":")),
    ],
)
def test_a_damaged_envelope_is_refused(damaged: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Wire.of(damaged, b"")


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Wire.of(text, b"")
