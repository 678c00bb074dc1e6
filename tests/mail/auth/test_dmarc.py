"""DMARC by the tree walk of RFC 9989: whose domain it is, whose policy holds, and what vouches."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.auth.dmarc import Dmarc, DmarcRecord, Method, Policy, Vouched, check_dmarc, parse_dmarc
from tools.mail.auth.zone import Zone


async def check(author: str, *vouched: Vouched, names: Mapping[str, object]) -> Dmarc:
    return await check_dmarc(author, vouched, Zone(names))


def published(*lines: str) -> dict[str, object]:
    """`example.com p=none` as a record at _dmarc.example.com."""
    pairs = (line.split(" ", 1) for line in lines)
    return {f"_dmarc.{name}": {"TXT": [f"v=DMARC1; {tags}"]} for name, tags in pairs}


@pytest.mark.parametrize(
    ("record", "read"),
    [
        (b"v=DMARC1; p=reject", DmarcRecord("reject")),
        (b"v=DMARC1;p=none;", DmarcRecord("none")),
        (b" v = DMARC1 ; P = Reject ; t=Y", DmarcRecord("reject", testing=True)),
        (b"v=DMARC1; p=none; sp=quarantine; np=reject", DmarcRecord("none", "quarantine", "reject")),
        (b"v=DMARC1; p=none; adkim=s", DmarcRecord("none", strict=frozenset({"dkim"}))),
        (b"v=DMARC1; p=none; aspf=S; adkim=x", DmarcRecord("none", strict=frozenset({"spf"}))),
        (b"v=DMARC1; p=none; psd=y", DmarcRecord("none", suffix="y")),
        (b"v=DMARC1; p=none; psd=maybe; pct=0; x=1; ; junk", DmarcRecord("none")),
        (b"v=DMARC1", DmarcRecord(None)),
        (b"v=DMARC1; p=maybe", DmarcRecord(None)),
        (b"v=DMARC1; p=reject; sp=maybe; rua=mailto:a@example.com", DmarcRecord("none")),
        (b"v=DMARC1; rua=mailto:a@example.com", DmarcRecord("none")),
        (b"v=DMARC1; rua=nobody", DmarcRecord(None)),
        (b"v=dmarc1; p=reject", None),
        (b"v=DMARC10; p=reject", None),
        (b"p=reject; v=DMARC1", None),
        (b"v=spf1 -all", None),
        (b"", None),
    ],
)
def test_a_record_is_read_as_far_as_it_makes_sense(record: bytes, read: DmarcRecord | None) -> None:
    assert parse_dmarc(record) == read


@given(st.binary(max_size=200))
def test_any_bytes_are_read(text: bytes) -> None:
    assert parse_dmarc(b"v=DMARC1;" + text) is not None


@pytest.mark.parametrize(
    ("author", "vouches", "records", "result", "found_at"),
    [
        # the same domain, with and without a walk
        ("example.com", "example.com", ["example.com p=reject"], "pass", "example.com"),
        ("example.com", "example.com", [], "none", ""),
        ("example.com", "evil.test", ["example.com p=reject"], "fail", "example.com"),
        # one organization, both ways
        ("example.com", "mail.example.com", ["example.com p=reject"], "pass", "example.com"),
        ("mail.example.com", "example.com", ["example.com p=reject"], "pass", "example.com"),
        ("a.example.com", "b.c.example.com", ["example.com p=reject"], "pass", "example.com"),
        ("a.example.com", "badexample.com", ["example.com p=reject"], "fail", "example.com"),
        # strict
        ("example.com", "mail.example.com", ["example.com p=reject; adkim=s"], "fail", "example.com"),
        ("example.com", "mail.example.com", ["example.com p=reject; aspf=s"], "pass", "example.com"),
        # the highest record names the organization; one of its own below it counts for its name alone
        ("a.b.example.com", "example.com", ["b.example.com p=none", "example.com p=reject"], "pass", "example.com"),
        # psd=n: from there on it is another organization
        (
            "a.b.example.com",
            "example.com",
            ["b.example.com p=reject; psd=n", "example.com p=none"],
            "fail",
            "b.example.com",
        ),
        ("a.b.example.com", "c.b.example.com", ["b.example.com p=reject; psd=n"], "pass", "b.example.com"),
        # psd=y: one label below is the organization (RFC 9989 appendix B.4.3)
        ("giant.bank.example", "mail.giant.bank.example", ["bank.example p=reject; psd=y"], "pass", "bank.example"),
        ("giant.bank.example", "mail.mega.bank.example", ["bank.example p=reject; psd=y"], "fail", "bank.example"),
        (
            *("giant.bank.example", "mail.mega.bank.example"),
            *(["bank.example p=none; psd=y", "giant.bank.example p=reject"], "fail", "giant.bank.example"),
        ),
        ("bank.example", "bank.example", ["bank.example p=reject; psd=y"], "pass", "bank.example"),
        # no record anywhere: nothing is one's organization but oneself
        ("a.example.com", "example.com", [], "none", ""),
    ],
)
async def test_who_is_of_whom(author: str, vouches: str, records: list[str], result: str, found_at: str) -> None:
    found = await check(author, Vouched("dkim", vouches), names=published(*records))
    assert (found.result, found.found_at) == (result, found_at)
    assert bool(found.aligned) == (result == "pass" or author == vouches)


@pytest.mark.parametrize(
    ("author", "tags", "policy", "disposition"),
    [
        ("example.com", "p=reject", "reject", "reject"),
        ("www.example.com", "p=reject; sp=quarantine; np=none", "quarantine", "quarantine"),
        ("www.example.com", "p=reject; np=none", "reject", "reject"),
        ("absent.example.com", "p=none; sp=none; np=reject", "reject", "reject"),
        ("absent.example.com", "p=quarantine; sp=none", "none", "none"),
        ("example.com", "p=reject; t=y", "reject", "quarantine"),
        ("example.com", "p=quarantine; t=y", "quarantine", "none"),
        ("example.com", "p=none; t=y", "none", "none"),
        ("example.com", "p=quarantine; pct=0", "quarantine", "quarantine"),
    ],
)
async def test_whose_policy_it_is(author: str, tags: str, policy: Policy, disposition: Policy) -> None:
    names = published(f"example.com {tags}") | {"www.example.com": {"A": ["192.0.2.1"]}}
    found = await check(author, names=names)
    assert (found.result, found.policy, found.disposition) == ("fail", policy, disposition)


async def test_of_several_records_none_counts() -> None:
    several: dict[str, object] = {"_dmarc.a.example.com": {"TXT": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}}
    found = await check("a.example.com", names=several | published("example.com p=quarantine"))
    assert (found.policy, found.found_at) == ("quarantine", "example.com")


async def test_other_texts_do_not_count() -> None:
    texts = {"_dmarc.example.com": {"TXT": ["google-site-verification=x", "v=DMARC1; p=reject"]}}
    assert (await check("example.com", names=texts)).policy == "reject"


async def test_a_look_up_that_fails_is_no_answer() -> None:
    names = {"_dmarc.example.com": "SERVFAIL"}
    found = await check("example.com", Vouched("dkim", "example.com"), names=names)
    assert (found.result, found.disposition) == ("temperror", "none")


@pytest.mark.parametrize("author", ["", "localhost"])
async def test_an_author_without_a_domain(author: str) -> None:
    assert (await check(author, names={})).result == "permerror"


async def test_every_method_that_vouches_is_told() -> None:
    vouched = [Vouched("dkim", "evil.test"), Vouched("dkim", "example.com"), Vouched("spf", "b.example.com")]
    found = await check("example.com", *vouched, names=published("example.com p=reject"))
    assert found.aligned == ("dkim",)  # the same domain needs no walk
    found = await check("a.example.com", *vouched, names=published("example.com p=reject"))
    methods: tuple[Method, ...] = ("dkim", "spf")
    assert found.aligned == methods


class Counting(Zone):
    """A zone that notes what it was asked."""

    def __init__(self, names: Mapping[str, object]) -> None:
        super().__init__(names)
        self.asked: list[str] = []

    async def txt(self, name: str) -> tuple[bytes, ...]:
        self.asked.append(name)
        return await super().txt(name)


async def test_the_walk_is_eight_questions_at_most() -> None:
    """The order of RFC 9989 section 4.10: the domain, then its last seven labels and less."""
    zone = Counting({})
    await check_dmarc("a.b.c.d.e.f.g.h.i.j.example.com", [], zone)
    assert zone.asked == [
        "_dmarc.a.b.c.d.e.f.g.h.i.j.example.com",
        "_dmarc.f.g.h.i.j.example.com",
        "_dmarc.g.h.i.j.example.com",
        "_dmarc.h.i.j.example.com",
        "_dmarc.i.j.example.com",
        "_dmarc.j.example.com",
        "_dmarc.example.com",
        "_dmarc.com",
    ]


async def test_domains_elsewhere_cost_no_question() -> None:
    zone = Counting(published("example.com p=reject"))
    elsewhere = [Vouched("dkim", f"a.b.c.d.evil{number}.test") for number in range(100)]
    found = await check_dmarc("example.com", elsewhere, zone)
    assert found.result == "fail"
    assert len(zone.asked) <= 8
