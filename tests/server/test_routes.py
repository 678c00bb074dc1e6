"""Routes: which hosts take a domain's mail."""

from collections.abc import Callable, MutableSequence
from random import Random
from typing import Any

import pytest
from dns.rcode import REFUSED, SERVFAIL

from server.delivery.courier import Courier, Timeouts
from server.delivery.names import Names, is_public
from server.delivery.outcome import Bounced, Deferred, Sent
from server.delivery.routes import MAX_HOSTS, DirectRoute, Host, RelayRoute
from server.delivery.tls_report import TlsCounts
from tests.fakes.dns_server import FakeDNSServer, Zone
from tests.fakes.smtp_server import FakeSMTPServer

Found = tuple[Host, ...] | Deferred | Bounced

ONE = {"A": ["198.51.100.1"]}
MX = "mx.example.org"


def direct(
    server: FakeDNSServer,
    port: int = 25,
    *,
    random: Random | None = None,
    allowed: Callable[[str], bool] = lambda address: True,
    own_name: str = "",
) -> DirectRoute:
    names = Names(server.resolver, allowed=allowed)
    return DirectRoute(names, port, random=random or Random(0), counts=TlsCounts(lambda: 0), own_name=own_name)


async def find(zone: Zone, domain: str = "example.org") -> Found:
    async with FakeDNSServer(zone) as server:
        return await direct(server).hosts(domain)


async def test_a_relay_takes_everything() -> None:
    assert await RelayRoute("smtp.example.com", 587).hosts("example.org") == (Host("smtp.example.com", 587),)


async def test_hosts_come_by_preference_with_their_addresses() -> None:
    zone: Zone = {
        "example.org": {"MX": ["20 second.example.org.", "5 first.example.net.", "30 third.example.org."]},
        "first.example.net": {"A": ["198.51.100.1"], "AAAA": ["2001:db8::1"]},
        "second.example.org": {"AAAA": ["2001:db8::2"]},
        "third.example.org": {"A": ["198.51.100.3"]},
    }
    assert await find(zone) == (
        Host("first.example.net", 25, ("198.51.100.1", "2001:db8::1")),
        Host("second.example.org", 25, ("2001:db8::2",)),
        Host("third.example.org", 25, ("198.51.100.3",)),
    )


class Backwards(Random):
    """A shuffle one can foresee: from Z to A."""

    def shuffle(self, x: MutableSequence[Any]) -> None:
        x[:] = sorted(x, key=str, reverse=True)


async def test_the_order_among_equals_is_that_of_chance() -> None:
    names = [f"mx{number}.example.org" for number in range(4)]
    zone: Zone = {"example.org": {"MX": [f"10 {name}." for name in names] + ["20 last.example.org."]}}
    zone = {**zone, **dict.fromkeys([*names, "last.example.org"], ONE)}
    async with FakeDNSServer(zone) as server:
        route = direct(server, random=Backwards())
        found = await route.hosts("example.org")
    assert isinstance(found, tuple)
    assert [host.name for host in found] == [*reversed(names), "last.example.org"]


async def test_a_domain_without_mx_is_its_own_host() -> None:
    assert await find({"example.org": ONE}) == (Host("example.org", 25, ("198.51.100.1",)),)


async def test_with_an_mx_the_domain_is_no_host() -> None:
    found = await find({"example.org": {"MX": [f"10 {MX}."], **ONE}})
    assert isinstance(found, Bounced)
    assert (found.enhanced, found.category) == ("5.4.4", "DNSProblem")


@pytest.mark.parametrize("records", [["0 ."], ["0 .", "10 ."]])
async def test_null_mx_bounces(records: list[str]) -> None:
    found = await find({"example.org": {"MX": records, **ONE}})
    assert found == Bounced(0, "5.1.10", "the domain takes no mail (null MX)", "example.org", "DNSProblem")


async def test_null_mx_beside_another_is_nothing() -> None:
    zone: Zone = {"example.org": {"MX": ["0 .", f"10 {MX}."]}, MX: ONE}
    assert await find(zone) == (Host(MX, 25, ("198.51.100.1",)),)


@pytest.mark.parametrize(
    "domain", ["missing.example.org", "", "a..b", "x" * 64 + ".example", "x." * 200, "[192.0.2.1]", "\\300.example"]
)
async def test_a_domain_that_does_not_exist_bounces(domain: str) -> None:
    found = await find({"example.org": ONE}, domain)
    assert isinstance(found, Bounced)
    assert (found.code, found.category) == (0, "DNSProblem")


@pytest.mark.parametrize("failure", [SERVFAIL, REFUSED, None])
async def test_a_look_up_that_fails_is_tried_again(failure: None) -> None:
    for zone in ({"example.org": failure}, {"example.org": {"MX": [f"10 {MX}."]}, MX: failure}):
        found = await find(zone)
        assert isinstance(found, Deferred)
        assert (found.enhanced, found.category) == ("4.4.3", "DNSProblem")
        assert len(found.text) <= 500


async def test_one_host_that_can_be_found_is_enough() -> None:
    zone: Zone = {"example.org": {"MX": ["1 dead.example.org.", "2 gone.example.org.", f"3 {MX}."]}, MX: ONE}
    assert await find({**zone, "dead.example.org": SERVFAIL}) == (Host(MX, 25, ("198.51.100.1",)),)


async def test_a_crowd_of_hosts_is_cut() -> None:
    names = [f"mx{number}.example.org" for number in range(20)]
    zone: Zone = {"example.org": {"MX": [f"10 {name}." for name in names]}, **dict.fromkeys(names, ONE)}
    found = await find(zone)
    assert isinstance(found, tuple)
    assert len(found) == MAX_HOSTS


async def test_a_domain_beyond_ascii_is_asked_for_by_its_a_label() -> None:
    assert isinstance(await find({"xn--bcher-kva.example": ONE}, "bücher.example"), tuple)


@pytest.mark.parametrize(
    ("domain", "label"),
    [
        ("Bücher.Example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("例え.example", "xn--r8jz45g.example"),
        ("bücher。example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
    ],
)
async def test_u_labels_are_asked_for_by_idna_2008(domain: str, label: str) -> None:
    async with FakeDNSServer({label: {"MX": [f"10 mx.{label}."]}, f"mx.{label}": ONE}) as server:
        assert await direct(server).hosts(domain) == (Host(f"mx.{label}", 25, ("198.51.100.1",)),)
        assert server.asked[0] == (label, "MX")


@pytest.mark.parametrize("domain", ["\u0301a.example", "ü" * 64 + ".example", "a\u2024b.example", "☃\u200d.example"])
async def test_what_is_no_u_label_bounces(domain: str) -> None:
    assert isinstance(await find({"a.example": ONE, "a.b.example": ONE}, domain), Bounced)


@pytest.mark.parametrize(
    ("records", "names"),
    [
        (["10 a", "20 us", "30 b"], ["a"]),
        (["10 a", "20 us", "20 b"], ["a"]),
        (["10 us", "20 a"], ["us"]),
        (["10 us", "10 a"], ["us"]),
        (["10 us"], ["us"]),
        (["10 a", "20 b"], ["a", "b"]),
    ],
)
async def test_a_host_no_better_than_ourselves_is_not_tried(records: list[str], names: list[str]) -> None:
    mx = [f"{record}.example.net." for record in records]
    zone: Zone = {"example.org": {"MX": mx}, **dict.fromkeys(["a.example.net", "b.example.net", "us.example.net"], ONE)}
    async with FakeDNSServer(zone) as server:
        found = await direct(server, own_name="US.example.net").hosts("example.org")
    assert isinstance(found, tuple)
    assert [host.name for host in found] == [f"{name}.example.net" for name in names]


async def test_inner_addresses_are_no_hosts_by_default() -> None:
    zone: Zone = {"example.org": {"MX": [f"10 {MX}."]}, MX: {"A": ["127.0.0.1", "10.0.0.1"], "AAAA": ["::1"]}}
    async with FakeDNSServer(zone) as server:
        found = await direct(server, allowed=is_public).hosts("example.org")
    assert isinstance(found, Bounced)
    assert found.text == "the domain has no mail server with a public address"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("192.88.99.1", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) == public


async def test_a_mail_finds_its_way_by_dns() -> None:
    zone: Zone = {"example.org": {"MX": [f"10 {MX}."]}, MX: {"A": ["127.0.0.1"]}}
    async with FakeDNSServer(zone) as names, FakeSMTPServer() as server:
        route = direct(names, server.port)
        courier = Courier(
            route, "gatepost.test", timeouts=Timeouts(), tls="opportunistic", credentials=None, clock=lambda: 0
        )
        outcome = await courier.deliver("ada@example.com", "bob@example.org", b"Subject: x\r\n\r\nHello\r\n")
        await courier.close()
    assert isinstance(outcome, Sent)
    assert outcome.host == MX
    assert ("example.org", "MX") in names.asked
