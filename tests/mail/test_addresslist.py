"""Address lists of received mail, sound and forged."""

from email.utils import formataddr, getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.address import Address
from tools.mail.addresslist import looks_ambiguous, read_addresses


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("ann@example.com", [Address("ann@example.com")]),
        ("Ann Lee <ann@EXAMPLE.com>", [Address("ann@example.com", "Ann Lee")]),
        (
            '"Lee, Ann" <ann@example.com>, bo@example.com',
            [Address("ann@example.com", "Lee, Ann"), Address("bo@example.com")],
        ),
        ("ann@example.com (Ann Lee)", [Address("ann@example.com", "Ann Lee")]),
        ("=?utf-8?q?Lee=2C_Ann?= <ann@example.com>", [Address("ann@example.com", "Lee, Ann")]),
        ('"=?utf-8?q?Ann_L=C3=A9e?=" <ann@example.com>', [Address("ann@example.com", "Ann Lée")]),
        ("=?utf-8?q?Ann=0D=0ABcc:_x?= <ann@example.com>", [Address("ann@example.com", "Ann Bcc: x")]),
        ("Ann Lée <ann@example.com>", [Address("ann@example.com", "Ann Lée")]),
        ("ann@exämple.com", [Address("ann@xn--exmple-cua.com")]),
        ("Team: ann@example.com, Bo <bo@example.com>;", [Address("ann@example.com"), Address("bo@example.com", "Bo")]),
        ("undisclosed-recipients:;", []),
        ("<@a.example,@b.example:ann@example.com>", [Address("ann@example.com")]),
        ("Pete (a (nested) one) <pete(his)@example.com>", [Address("pete@example.com", "Pete")]),
        ("pete . lee @ example . com", [Address("pete.lee@example.com")]),
        ("ann@example.com; bo@example.com", [Address("ann@example.com"), Address("bo@example.com")]),
        ('"Ann <ann@example.com>', [Address("ann@example.com", "Ann")]),
        ("ann@example.com bo@example.com", [Address("ann@example.com")]),
        ("<", []),
        ("ann", []),
        ("a@b@", []),
        (f"{'a' * 300}@example.com", []),
    ],
)
def test_address_lists(value: str, addresses: list[Address]) -> None:
    assert read_addresses([value.encode()]) == (tuple(addresses), ())


@pytest.mark.parametrize(
    ("value", "ambiguous"),
    [
        (b"ann@example.com", False),
        (b"Ann <ann@example.com>", False),
        (b'"ann@example.com" <Ann@Example.com>', False),
        (b"boss@bank.example <ann@example.com>", True),
        (b'"boss@bank.example" <ann@example.com>', True),
        (b"=?utf-8?q?boss=40bank=2Eexample?= <ann@example.com>", True),
        ("boss＠bank.example <ann@example.com>".encode(), True),
        (b"ann@example.com (boss@bank.example)", True),
        (b"ann@example.com, bo@example.com", True),
        (b"ann@example.com bo@example.com", True),
        (b"undisclosed:;", True),
        (b"", True),
    ],
)
def test_a_sender_that_clients_may_read_differently_is_ambiguous(value: bytes, ambiguous: bool) -> None:
    assert _ambiguous([value]) is ambiguous


def test_no_from_and_two_from_fields_are_ambiguous() -> None:
    assert _ambiguous([])
    assert _ambiguous([b"ann@example.com", b"ann@example.com"])


names = st.text(
    alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "Zs"], exclude_characters="=?"), max_size=30
)
emails = st.from_regex(r"[a-z0-9.+_-]{1,20}@[a-z0-9-]{1,20}\.example", fullmatch=True)


@given(st.lists(st.tuples(names, emails), min_size=1, max_size=5))
def test_well_formed_lists_read_as_the_standard_library_reads_them(people: list[tuple[str, str]]) -> None:
    value = ", ".join(formataddr(person) for person in people)
    expected = [(" ".join(name.split()), email) for name, email in getaddresses([value])]
    found, defects = read_addresses([value.encode()])
    assert [(" ".join(address.name.split()), address.email) for address in found] == expected
    assert defects == ()


@example([b"@@*"])
@given(st.lists(st.binary(max_size=100) | st.text(alphabet='<>@"\\(),;:. a', max_size=60).map(str.encode), max_size=3))
def test_any_bytes_give_storable_addresses(values: list[bytes]) -> None:
    _ambiguous(values)
    for address in read_addresses(values)[0]:
        assert address.email.isprintable() and "@" in address.email.strip("@")
        assert address.name.splitlines() in ([], [address.name])
        f"{address.email}{address.name}".encode()


@pytest.mark.parametrize("unit", ["(", "()", ",", '"', '\\"', "<", "<>", ":", "@", "a@b ", "a@b,", "a@é.b,", " "])
def test_hostile_fields_are_cheap(unit: str) -> None:
    value = (unit * (64 * 1024 // len(unit))).encode()
    found, _ = cheaply(lambda: read_addresses([value]), 0.5)
    cheaply(lambda: _ambiguous([value]), 0.5)
    assert len(found) <= 1_000


def test_addresses_over_the_limit_are_left_out_and_said_to_be() -> None:
    found, defects = read_addresses([b"ann@example.com, " * 2_000])
    assert len(found) == 1_000
    assert defects == ("too_many_addresses",)


def _ambiguous(values: list[bytes]) -> bool:
    return looks_ambiguous(values, read_addresses(values)[0])
