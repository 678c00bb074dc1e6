"""SPF: records are read strictly, macros expanded as RFC 7208 shows, and no record makes a check long or loud."""

import contextlib
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.auth.spf import MAX_EXPLANATION, Sender, Spf, check_spf
from tools.mail.auth.spfmacro import SpfSyntaxError, read_domain, read_explanation
from tools.mail.auth.spfrecord import is_spf, parse_spf
from tools.mail.auth.zone import Zone

SENDER = Sender("192.0.2.1", "mx.example.org", "ana@example.com")
# RFC 7208 section 7.4
VALUES = {
    "s": "strong-bad@email.example.com",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "l": "strong-bad",
    "v": "in-addr",
    "p": "mx.example.org",
    "h": "mx.example.org",
    "c": "192.0.2.3",
    "r": "receiver.example",
    "t": "0",
}


async def check(record: str, sender: Sender = SENDER, names: Mapping[str, object] = MappingProxyType({})) -> Spf:
    zone = Zone({"example.com": {"TXT": [record], "A": ["192.0.2.10"]}, **names})
    return await check_spf(sender, zone)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l-}", "strong.bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("a%%b%_c%-d", "a%b c%20d"),
        ("from %{c} to %{r} at %{t}", "from 192.0.2.3 to receiver.example at 0"),
    ],
)
def test_macros_expand_as_the_rfc_shows(text: str, expanded: str) -> None:
    assert read_explanation(text).expand(VALUES) == expanded


def test_a_long_domain_loses_labels_on_the_left() -> None:
    name = read_domain("%{d}.example.com").domain({"d": ".".join(["label"] * 60)})
    assert name.endswith(".label.example.com")
    assert len(name) <= 253


@pytest.mark.parametrize(
    "term",
    [
        *(
            "al",
            "all:",
            "all/8",
            "a:",
            "a/33",
            "a//129",
            "a/08",
            "a:museum",
            "a:example.com/",
            "mx:example..",
            "include",
        ),
        *("include:", "exists", "exists/8:example.com", "ip4", "ip4:192.0.2", "ip4:192.0.2.1/33", "ip4:192.0.2.1/"),
        *(
            "ip6:2001:db8::1/129",
            "ip6:fe80::1%eth0",
            "ip6:192.0.2.1",
            "ptr/8",
            "redirect=",
            "exp=x",
            "++all",
            "a:%{z}.com",
        ),
        *("a:%{d", "a:%d.com", "a:%{d0}.com", "a:%{c}.com", "x=%{", "redirect=a.com redirect=b.com", "!a", "a;b"),
    ],
)
async def test_a_wrong_term_spoils_the_record_wherever_it_stands(term: str) -> None:
    found = await check(f"v=spf1 +all {term}")
    assert (found.result, found.domain) == ("permerror", "example.com")
    assert found.reason


@pytest.mark.parametrize(
    ("record", "known"),
    [(b"v=spf1", True), (b"V=SPF1 -all", True), (b"v=spf10 -all", False), (b"v=spf1-all", False), (b" v=spf1", False)],
)
def test_the_version_says_whether_it_is_one(record: bytes, known: bool) -> None:
    assert is_spf(record) is known


async def test_what_matched_is_told() -> None:
    found = await check("v=spf1 a ~ip4:192.0.2.0/24 -all")
    assert (found.result, found.mechanism, found.scope) == ("softfail", "~ip4:192.0.2.0/24", "mfrom")


@pytest.mark.parametrize("ip", ["192.0.2.1", "::ffff:192.0.2.1"])
async def test_an_ipv4_client_is_one_however_the_socket_calls_it(ip: str) -> None:
    assert (await check("v=spf1 ip4:192.0.2.1 -all", Sender(ip, "mx", "ana@example.com"))).result == "pass"


async def test_the_null_sender_is_checked_by_its_helo() -> None:
    found = await check("v=spf1 exists:%{l}.%{o} -all", Sender("192.0.2.1", "example.com", ""))
    assert (found.result, found.scope) == ("fail", "helo")


@pytest.mark.parametrize("helo", ["", "localhost", "[192.0.2.1]", "a..b", "x" * 64 + ".test"])
async def test_a_helo_that_is_no_domain_is_none(helo: str) -> None:
    found = await check("v=spf1 -all", Sender("192.0.2.1", helo, ""))
    assert (found.result, found.domain) == ("none", "")


async def test_addresses_beyond_ascii() -> None:
    """RFC 8616 section 4."""
    zone = Zone({"xn--bcher-kva.example": {"TXT": ["v=spf1 exists:%{l}.example exists:%{d}.test -all"]}})
    found = await check_spf(Sender("192.0.2.1", "mx.test", "jörg@BÜCHER.example"), zone)
    assert (found.result, found.domain) == ("fail", "xn--bcher-kva.example")


async def test_eleven_terms_that_ask_are_too_many() -> None:
    ten = " ".join(["a:example.com"] * 10)
    assert (await check(f"v=spf1 {ten} -all")).result == "fail"
    assert (await check(f"v=spf1 {ten} a:example.com -all")).result == "permerror"


async def test_records_that_include_each_other_end() -> None:
    found = await check(
        "v=spf1 include:b.example -all", names={"b.example": {"TXT": ["v=spf1 include:example.com -all"]}}
    )
    assert found.result == "permerror"


async def test_three_look_ups_that_find_nothing_are_too_many() -> None:
    assert (await check("v=spf1 a:x.test a:y.test -all")).result == "fail"
    assert (await check("v=spf1 a:x.test a:y.test a:z.test -all")).result == "permerror"


async def test_a_look_up_that_fails_is_a_temperror_only_if_it_is_reached() -> None:
    slow: dict[str, object] = {"slow.test": "TIMEOUT"}
    assert (await check("v=spf1 a:slow.test +all", names=slow)).result == "temperror"
    assert (await check("v=spf1 +all a:slow.test", names=slow)).result == "pass"


async def test_an_explanation_is_bounded_and_never_an_error() -> None:
    spoken = await check("v=spf1 -all exp=why.test", names={"why.test": {"TXT": ["No mail from %{i}. " + "x" * 2000]}})
    assert spoken.explanation.startswith("No mail from 192.0.2.1. x")
    assert len(spoken.explanation) == MAX_EXPLANATION
    for told in ("TIMEOUT", {"TXT": ["%{z}"]}, {"TXT": ["grüße"]}, {"TXT": ["one", "two"]}):
        found = await check("v=spf1 -all exp=why.test", names={"why.test": told})
        assert (found.result, found.explanation) == ("fail", "")


class Endless:
    """A resolver in which every name has many records, and all of them lead on."""

    def __init__(self, record: bytes) -> None:
        self.record = record
        self.asked = 0

    async def txt(self, name: str) -> tuple[bytes, ...]:
        self.asked += 1
        return (self.record,)

    async def a(self, name: str) -> tuple[str, ...]:
        self.asked += 1
        return ("198.51.100.1",)

    async def aaaa(self, name: str) -> tuple[str, ...]:
        return ()

    async def addresses(self, name: str) -> tuple[str, ...]:
        return await self.a(name)

    async def mx(self, name: str) -> tuple[tuple[int, str], ...]:
        self.asked += 1
        return tuple((10, f"mx{number}.test") for number in range(10))

    async def ptr(self, ip: str) -> tuple[str, ...]:
        self.asked += 1
        return tuple(f"host{number}.test" for number in range(1000))


@pytest.mark.parametrize(
    "record",
    ["include:%{d}", "redirect=x%{d}", "mx mx mx mx mx mx mx mx mx mx mx", " ".join(["ptr"] * 11), "a:%{p}.test " * 11],
)
async def test_no_record_asks_without_an_end(record: str) -> None:
    resolver = Endless(f"v=spf1 {record}".encode())
    found = await check_spf(SENDER, resolver)
    assert found.result == "permerror"
    assert resolver.asked <= 120


@given(st.binary(max_size=300))
def test_any_bytes_are_a_record_or_refused(text: bytes) -> None:
    try:
        parse_spf(b"v=spf1 " + text)
    except SpfSyntaxError as error:
        assert str(error)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=80))
async def test_no_envelope_raises(helo: str, mail_from: str, record: str) -> None:
    found = await check(f"v=spf1 a:%{{l}}.%{{h}}.%{{p}} {record}", Sender("2001:db8::1", helo, mail_from))
    assert found.result in ("none", "neutral", "pass", "fail", "softfail", "temperror", "permerror")


@pytest.mark.parametrize("piece", ["%{d}", "a", "/", "%", "%{", "a ", "1", ".", "-", "%%"])
def test_a_long_record_is_read_at_once(piece: str) -> None:
    record = b"v=spf1 a:" + (piece * 8000).encode()[:8000]

    def read() -> None:
        with contextlib.suppress(SpfSyntaxError):
            parse_spf(record)

    cheaply(read, 0.5)


async def test_a_name_that_is_not_there_is_none() -> None:
    found = await check_spf(Sender("192.0.2.1", "mx.test", "ana@absent.test"), Zone({}))
    assert (found.result, found.domain) == ("none", "absent.test")
