"""What peers write before anybody knows them: arguments of MAIL and RCPT, PROXY headers. Nothing in them raises."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.room import Room
from server.smtp.arguments import normal, normal_sender, read_argument
from server.smtp.proxy import Source, read_proxy
from tests.cost import cheaply
from tools.mail.address import AddressError, parse_address
from tools.mail.network import network_of

LOCAL = st.text(st.sampled_from("abcXYZ019.!#$%&'*+/=?^_`{|}~-"), min_size=1, max_size=66)
DOMAIN = st.text(st.sampled_from("abcXYZ019.-"), min_size=1, max_size=40)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_argument_or_none(text: bytes) -> None:
    found = read_argument(b"TO:" + text, b"TO:")
    if found is not None:
        assert not set(found.address) & set("\r\n\0")


@given(LOCAL, DOMAIN)
def test_the_short_way_reads_ordinary_addresses_as_the_long_one_does(local: str, domain: str) -> None:
    address = f"{local}@{domain}.example"
    try:
        long = parse_address(address).email
    except AddressError:
        long = ""
    try:
        short = normal(address)
    except AddressError:
        short = ""
    # the long way knows more rules; what both take means the same to both
    assert not long or short == long


@given(st.text(max_size=80))
def test_any_text_is_a_sender_or_an_address_error(text: str) -> None:
    try:
        sender = normal_sender(text)
    except AddressError:
        return
    assert "@" in sender and not set(sender) & set("\r\n\0<>")


@pytest.mark.parametrize("shape", ['<"{}', "<{}", "{}", "<@{}:a@b.example>", "<a@b.example> {}", '<"{}"@b.example>'])
@pytest.mark.parametrize("letter", ["a", " ", '"', "\\", "\\a", ".", "a.", "@", ":", "=", " a=b"])
def test_reading_takes_time_by_length_alone(shape: str, letter: str) -> None:
    # the longest command there is
    text = b"TO:" + shape.format(letter * (12_000 // len(letter))).encode()
    cheaply(lambda: read_argument(text, b"TO:"), 0.05)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_proxy_header_or_a_value_error(data: bytes) -> None:
    for start in (b"", b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n"):
        try:
            found = read_proxy(start + data)
        except ValueError:
            continue
        assert found is None or 0 < found.length <= len(start + data)


@given(st.ip_addresses(v=4), st.integers(0, 40))
def test_both_versions_name_the_same_client(ip: IPv4Address, cut: int) -> None:
    one = f"PROXY TCP4 {ip} 192.0.2.1 1 25\r\n".encode()
    two = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + ip.packed + bytes(8)
    for header in (one, two):
        assert read_proxy(header + b"EHLO") == Source(str(ip), len(header))
        assert read_proxy(header[: min(cut, len(header) - 1)]) is None


def test_a_balancer_may_speak_for_itself() -> None:
    assert read_proxy(b"PROXY UNKNOWN\r\n") == Source("", 15)
    assert read_proxy(b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0") == Source("", 16)
    with pytest.raises(ValueError, match="too short"):
        read_proxy(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04" + bytes(4))
    for wrong in (b"PROXY TCP4 x y 1 2\r\n", b"PROXY TCP6 192.0.2.1 ::1 1 2\r\n", b"PROXY " + b"a" * 120, b"EHLO"):
        with pytest.raises(ValueError, match=r"."):
            read_proxy(wrong)


@given(st.ip_addresses(v=6))
def test_an_ipv6_network_is_its_first_half(ip: IPv6Address) -> None:
    if ip.ipv4_mapped is None:
        assert network_of(str(ip)) == network_of(str(IPv6Address(int(ip) ^ 1)))
        assert network_of(str(ip)) != network_of(str(IPv6Address(int(ip) ^ 1 << 64)))


def test_an_ipv4_network_is_as_wide_as_asked_for() -> None:
    assert network_of("192.0.2.7") == network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("192.0.2.7", v4=24) == "192.0.2.0/24"
    assert network_of("no address") == "no address"


@pytest.mark.parametrize("largest", [100, 1000, 10_000])
def test_the_largest_mail_finds_a_place_in_an_empty_room(largest: int) -> None:
    """Whatever the setting: beyond three quarters of the room it was told 452 for ever."""
    assert Room(1000, largest).take(largest, "agents.example")
