"""A zone out of JSON answers as the DNS would."""

import pytest

from tools.mail.auth.resolver import LookupFailed, NoSuchName, Resolver, TemporaryFailure
from tools.mail.auth.zone import Zone

ZONE = Zone.from_json("""{
    "Example.COM.": {"TXT": ["v=spf1 -all", ["in two ", "strings"]],
                     "MX": [[20, "b.example.com"], [10, "a.example.com"]]},
    "both.example.com": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "www.example.com": {"CNAME": "both.example.com."},
    "round.example.com": {"CNAME": "round.example.com"},
    "deep.below.example.com": {"A": ["192.0.2.9"]},
    "plain.example.com": {"TXT": "one", "MX": "10 mx.example.com", "A": "192.0.2.3", "SOA": "passed over"},
    "slow.example.com": "TIMEOUT",
    "half.example.com": {"A": ["192.0.2.2"], "TXT": "SERVFAIL"},
    "1.2.0.192.in-addr.arpa": {"PTR": ["both.example.com"]},
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {"PTR": ["both.example.com"]}
}""")


async def test_records_by_their_kind() -> None:
    resolver: Resolver = ZONE
    assert await resolver.txt("example.com") == (b"v=spf1 -all", b"in two strings")
    assert await resolver.mx("EXAMPLE.com.") == ((10, "a.example.com"), (20, "b.example.com"))
    assert await resolver.a("both.example.com") == ("192.0.2.1",)
    assert await resolver.aaaa("both.example.com") == ("2001:db8::1",)
    assert await resolver.addresses("both.example.com") == ("192.0.2.1", "2001:db8::1")


async def test_one_record_may_stand_without_its_list() -> None:
    assert await ZONE.txt("plain.example.com") == (b"one",)
    assert await ZONE.a("plain.example.com") == ("192.0.2.3",)
    assert await ZONE.mx("plain.example.com") == ((10, "mx.example.com"),)


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
async def test_names_of_an_address(ip: str) -> None:
    assert await ZONE.ptr(ip) == ("both.example.com",)


async def test_an_alias_is_followed() -> None:
    assert await ZONE.a("www.example.com") == ("192.0.2.1",)


@pytest.mark.parametrize("name", ["example.com", "below.example.com", "com"])
async def test_a_name_without_such_records_is_empty(name: str) -> None:
    assert await ZONE.a(name) == ()


@pytest.mark.parametrize("name", ["example.org", "nothing.example.com", "", ".", "a..example.com"])
async def test_a_name_that_is_not_there(name: str) -> None:
    with pytest.raises(NoSuchName):
        await ZONE.txt(name)


@pytest.mark.parametrize("name", ["slow.example.com", "half.example.com", "round.example.com"])
async def test_what_cannot_be_known_now(name: str) -> None:
    with pytest.raises(TemporaryFailure):
        await ZONE.txt(name)
    assert issubclass(TemporaryFailure, LookupFailed)


async def test_one_kind_may_fail_alone() -> None:
    assert await ZONE.a("half.example.com") == ("192.0.2.2",)


PUBLISHED = Zone.from_json("""{
    "k._domainkey.example.com": "v=DKIM1; p=",
    "texts.example.com": ["one", "two"],
    "small.example.com": {"txt": ["one"], "mx": [10, "mx.example.com"], "cname": []},
    "www.example.com": [{"CNAME": "listed.example.com"}],
    "listed.example.com": [{"TXT": "one"}, {"TXT": ["t", "wo"]}, {"MX": [10, "mx.example.com"]}, {"MX": "5 a.test"}],
    "spf.example.com": [{"SPF": "v=spf1 -all"}],
    "both.example.com": [{"SPF": "v=spf1 -all"}, {"TXT": "v=spf1 +all"}],
    "none.example.com": [{"SPF": "v=spf1 -all"}, {"TXT": "NONE"}],
    "slow.example.com": [{"A": "192.0.2.1"}, "TIMEOUT"]
}""")


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("k._domainkey.example.com", (b"v=DKIM1; p=",)),
        ("texts.example.com", (b"one", b"two")),
        ("small.example.com", (b"one",)),
        ("www.example.com", (b"one", b"two")),
        ("listed.example.com", (b"one", b"two")),
        ("spf.example.com", (b"v=spf1 -all",)),
        ("both.example.com", (b"v=spf1 +all",)),
        ("none.example.com", ()),
    ],
)
async def test_texts_as_the_published_suites_write_them(name: str, texts: tuple[bytes, ...]) -> None:
    assert await PUBLISHED.txt(name) == texts


async def test_other_records_as_the_published_suites_write_them() -> None:
    assert await PUBLISHED.mx("small.example.com") == ((10, "mx.example.com"),)
    assert await PUBLISHED.mx("listed.example.com") == ((5, "a.test"), (10, "mx.example.com"))
    assert await PUBLISHED.a("slow.example.com") == ("192.0.2.1",)
    for ask in (PUBLISHED.txt, PUBLISHED.aaaa, PUBLISHED.mx):
        with pytest.raises(TemporaryFailure):
            await ask("slow.example.com")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Invalid JSON"),
        ("[]", "should be an object"),
        ('{"example.com": {"TXT": 3}}', "^example.com TXT: "),
        ('{"example.com": [[3]]}', "^example.com TXT: "),
        ('{"example.com": {"MX": ["ten mx"]}}', "^example.com MX: "),
        ('{"example.com": 3}', "^example.com: "),
    ],
)
def test_a_file_that_is_no_zone(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        Zone.from_json(text)
    assert "\n" not in str(refused.value)
