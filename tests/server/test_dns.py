"""The live resolver answers as the protocol of authentication says, whatever the DNS does."""

import time
from collections.abc import AsyncIterator

import dns.rcode
import pytest

from server.delivery.names import Names
from server.dns import LiveResolver
from tests.fakes.dns_server import FakeDNSServer, Zone
from tools.mail.auth.resolver import NoSuchName, Resolver, TemporaryFailure

ZONE: Zone = {
    "example.com": {
        "TXT": ['"v=spf1 " "-all"', '"two"'],
        "A": ["192.0.2.1"],
        "AAAA": ["2001:db8::1"],
        "MX": ["20 b.example.com.", "10 A.example.com."],
    },
    "1.2.0.192.in-addr.arpa": {"PTR": ["Mail.example.com."]},
    "broken.example.com": dns.rcode.SERVFAIL,
    "silent.example.com": None,
}


@pytest.fixture
async def server() -> AsyncIterator[FakeDNSServer]:
    async with FakeDNSServer(ZONE) as running:
        yield running


@pytest.fixture
def live(server: FakeDNSServer) -> Resolver:
    return LiveResolver(Names(server.resolver))


async def test_records_of_each_kind(live: Resolver) -> None:
    assert set(await live.txt("Example.com.")) == {b"v=spf1 -all", b"two"}
    assert await live.a("example.com") == ("192.0.2.1",)
    assert await live.aaaa("example.com") == ("2001:db8::1",)
    assert await live.addresses("example.com") == ("192.0.2.1", "2001:db8::1")
    assert await live.mx("example.com") == ((10, "a.example.com"), (20, "b.example.com"))
    assert await live.ptr("192.0.2.1") == ("mail.example.com",)


@pytest.mark.parametrize("name", ["absent.example.com", "", ".", "a..example.com", "a" * 64 + ".test", "a." * 130])
async def test_a_name_that_is_not_there_or_cannot_be(live: Resolver, name: str) -> None:
    with pytest.raises(NoSuchName):
        await live.a(name)


async def test_a_name_without_records_of_the_kind(live: Resolver) -> None:
    assert await live.mx("1.2.0.192.in-addr.arpa") == ()


@pytest.mark.parametrize("name", ["broken.example.com", "silent.example.com"])
async def test_nobody_knows_just_now(live: Resolver, name: str) -> None:
    with pytest.raises(TemporaryFailure):
        await live.txt(name)


async def test_an_answer_is_kept_as_long_as_it_lives(server: FakeDNSServer) -> None:
    later = 0.0
    live = LiveResolver(Names(server.resolver), now=lambda: time.time() + later)
    for _ in range(3):
        await live.txt("example.com")
    assert server.asked.count(("example.com", "TXT")) == 1
    later = 61.0
    await live.txt("example.com")
    assert server.asked.count(("example.com", "TXT")) == 2


async def test_a_name_that_is_not_there_is_kept_for_a_minute(server: FakeDNSServer) -> None:
    later = 0.0
    live = LiveResolver(Names(server.resolver), now=lambda: time.time() + later)
    for _ in range(3):
        with pytest.raises(NoSuchName):
            await live.txt("absent.example.com")
    assert server.asked.count(("absent.example.com", "TXT")) == 1
    later = 61.0
    with pytest.raises(NoSuchName):
        await live.txt("absent.example.com")
    assert server.asked.count(("absent.example.com", "TXT")) == 2


async def test_a_large_answer_is_not_kept() -> None:
    async with FakeDNSServer({"large.example.com": {"TXT": [f'"{letter * 200}"' for letter in "abcd"]}}) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("server.dns.LARGE", 500)
            live = LiveResolver(Names(server.resolver))
            assert len(await live.txt("large.example.com")) == len(await live.txt("large.example.com")) == 4
    assert len(server.asked) == 2


async def test_answers_kept_are_bounded(server: FakeDNSServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.dns.KEPT", 2)
    live = LiveResolver(Names(server.resolver))
    for kind in (live.a, live.aaaa, live.a, live.txt, live.a, live.aaaa):
        await kind("example.com")
    asked = [kind for _, kind in server.asked]
    assert (asked.count("A"), asked.count("AAAA")) == (1, 2)
