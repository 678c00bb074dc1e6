"""DANE (RFC 7672): which records can be used, which certificates fit, and what a look-up that fails costs."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.rcode
import dns.rdata
import pytest
import trustme
from dns.rdata import Rdata
from hypothesis import given
from hypothesis import strategies as st

from server.delivery import dane
from server.delivery.outcome import Deferred, Sent
from server.delivery.security import Security, Tlsa
from tests.fakes.certificates import chain, issue, self_signed, serving_context, signed_by, tlsa
from tests.fakes.ladder import DOMAIN, MX, Site, laid

NOW = datetime.now(UTC)
NAMES = (MX, DOMAIN)


def records(*texts: str) -> list[Rdata]:
    return [dns.rdata.from_text("IN", "TLSA", text) for text in texts]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
def test_an_end_entity_is_known_by_itself_alone(selector: int, matching: int) -> None:
    own, other = chain(self_signed("whoever.test")), chain(self_signed("whoever.test"))
    asked = dane.security(records(tlsa(own[0], 3, selector, matching)), NAMES)
    assert (asked.level, asked.names) == ("dane", ())
    assert dane.fits(own, asked, NOW + timedelta(days=4000))
    assert not dane.fits(other, asked, NOW)
    assert not dane.fits([], asked, NOW)


@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
def test_a_trust_anchor_needs_the_name_the_dates_and_the_chain(
    authority: trustme.CA, selector: int, matching: int
) -> None:
    stranger = trustme.CA()
    asked = dane.security(records(tlsa(chain(issue(authority, MX), authority)[1], 2, selector, matching)), NAMES)
    assert asked.names == NAMES
    assert dane.fits(chain(issue(authority, MX), authority), asked, NOW)
    assert dane.fits(chain(issue(authority, DOMAIN), authority), asked, NOW)
    assert not dane.fits(chain(issue(authority, "mx.example.net"), authority), asked, NOW)
    assert not dane.fits(chain(issue(authority, MX, expired=True), authority), asked, NOW)
    assert not dane.fits(chain(issue(authority, MX), authority), asked, NOW - timedelta(days=40_000))
    assert not dane.fits(chain(issue(authority, MX)), asked, NOW), "the anchor must be shown"
    assert not dane.fits(chain(issue(stranger, MX), stranger), asked, NOW)
    assert not dane.fits(chain(issue(stranger, MX), authority), asked, NOW), "shown, yet it signed nothing"


def test_an_anchor_below_a_root_will_do(authority: trustme.CA) -> None:
    below = authority.create_child_ca()
    shown = chain(issue(below, MX), below, authority)
    for anchor in shown[1:]:
        assert dane.fits(shown, dane.security(records(tlsa(anchor, 2)), NAMES), NOW)


def test_a_certificate_that_is_no_authority_vouches_for_nobody(authority: trustme.CA) -> None:
    customer = issue(authority, "customer.test")
    forged = signed_by(customer, MX)
    asked = dane.security(records(tlsa(chain(customer, authority)[1], 2)), NAMES)
    assert dane.fits(chain(issue(authority, MX), authority), asked, NOW)
    assert not dane.fits([*chain(forged), *chain(customer, authority)], asked, NOW)


def test_one_record_that_fits_is_enough(authority: trustme.CA) -> None:
    own, next_one = chain(issue(authority, MX), authority), chain(issue(authority, MX), authority)
    asked = dane.security(records(tlsa(next_one[0]), tlsa(own[0]), "0 0 1 " + "00" * 32), NAMES)
    assert len(asked.tlsa) == 2
    assert dane.fits(own, asked, NOW)


@pytest.mark.parametrize(
    "text", ["0 0 1 " + "00" * 32, "1 1 1 " + "00" * 32, "3 2 1 " + "00" * 32, "3 1 9 00", "255 1 1 " + "00" * 32]
)
def test_what_cannot_be_used_still_asks_for_encryption(text: str) -> None:
    assert dane.security(records(text), NAMES) == Security("encrypted")


@given(
    st.builds(
        Tlsa, st.sampled_from([2, 3]), st.sampled_from([0, 1]), st.sampled_from([0, 1, 2]), st.binary(max_size=80)
    )
)
def test_no_made_up_record_fits(record: Tlsa) -> None:
    assert not dane.fits(SHOWN, Security("dane", (record,), NAMES), NOW)


_AUTHORITY = trustme.CA()
SHOWN = chain(issue(_AUTHORITY, MX), _AUTHORITY)


# ---- on the wire


@pytest.mark.parametrize("usage", [2, 3])
async def test_the_chain_is_taken_from_the_session(authority: trustme.CA, tmp_path: Path, usage: int) -> None:
    issued = issue(authority, MX)
    named = chain(issued, authority)[1 if usage == 2 else 0]
    published = Site(serving_context(issued, authority), tlsa=[tlsa(named, usage)], secure=True)
    async with laid(published, authority, tmp_path) as site:
        assert isinstance(await site.deliver(), Sent)
        assert site.smtp.sessions[0].encrypted
        assert site.counted == [("tlsa", None, 1)]


async def test_another_certificate_defers_and_nothing_is_said(authority: trustme.CA, tmp_path: Path) -> None:
    named = chain(issue(authority, MX))[0]
    wrong = Site(serving_context(issue(authority, MX)), tlsa=[tlsa(named)], secure=True)
    async with laid(wrong, authority, tmp_path) as site:
        outcome = await site.deliver()
        assert isinstance(outcome, Deferred)
        assert (outcome.enhanced, outcome.category, outcome.host) == ("4.7.5", "ConnectionProblem", MX)
        assert outcome.text == (
            f"TLS as asked by the TLSA records of {DOMAIN} is not to be had: "
            "the certificate is not one that the TLSA records name"
        )
        assert [session.verbs for session in site.smtp.sessions] == [["EHLO", "STARTTLS", "EHLO"]]
        assert site.counted == [("tlsa", "validation-failure", 1)]


async def test_without_ad_there_is_no_dane(authority: trustme.CA, tmp_path: Path) -> None:
    wrong = tlsa(chain(issue(authority, MX))[0])
    for secure, trusted in ((False, True), (True, False)):
        published = Site(serving_context(issue(authority, MX)), tlsa=[wrong], secure=secure, trusted=trusted)
        async with laid(published, authority, tmp_path) as site:
            site.dns.unasked = True
            assert isinstance(await site.deliver(), Sent)
            assert not [kind for _, kind in site.dns.asked if kind == "TLSA"]


@pytest.mark.parametrize("unsigned", ["the MX records", "the addresses", "the TLSA records"])
async def test_one_unsigned_step_is_enough_for_no_dane(authority: trustme.CA, tmp_path: Path, unsigned: str) -> None:
    wrong = tlsa(chain(issue(authority, MX))[0])
    published = Site(serving_context(issue(authority, MX)), tlsa=[wrong], secure=True)
    async with laid(published, authority, tmp_path) as site:
        names = {"the MX records": DOMAIN, "the addresses": MX, "the TLSA records": f"_{site.smtp.port}._tcp.{MX}"}
        site.dns.secure = set(site.dns.zone) - {names[unsigned]}
        assert isinstance(await site.deliver(), Sent)


@pytest.mark.parametrize("failure", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, None])
async def test_a_tlsa_look_up_that_fails_defers(
    authority: trustme.CA, tmp_path: Path, failure: dns.rcode.Rcode | None
) -> None:
    published = Site(serving_context(issue(authority, MX)), tlsa=failure, secure=True)
    async with laid(published, authority, tmp_path) as site:
        outcome = await site.deliver()
        assert isinstance(outcome, Deferred)
        assert (outcome.enhanced, outcome.category) == ("4.4.3", "DNSProblem")
        assert site.smtp.sessions == []
        assert site.counted == [("tlsa", "dnssec-invalid", 1)]


@pytest.mark.parametrize("tlsa_records", [[], dns.rcode.NXDOMAIN])
async def test_no_tlsa_records_are_no_dane(
    authority: trustme.CA, tmp_path: Path, tlsa_records: list[str] | dns.rcode.Rcode
) -> None:
    async with laid(Site(None, tlsa=tlsa_records, secure=True), authority, tmp_path) as site:
        assert isinstance(await site.deliver(), Sent)


async def test_unusable_records_ask_for_encryption_and_no_more(authority: trustme.CA, tmp_path: Path) -> None:
    unusable = ["0 0 1 " + "00" * 32]
    encrypted = Site(serving_context(self_signed("other.test")), tlsa=unusable, secure=True)
    async with laid(encrypted, authority, tmp_path) as site:
        assert isinstance(await site.deliver(), Sent)
        assert site.counted == [("tlsa", "tlsa-invalid", 1)]
    async with laid(Site(None, tlsa=unusable, secure=True), authority, tmp_path) as site:
        assert isinstance(await site.deliver(), Deferred)
        assert site.smtp.messages == []


async def test_domains_of_one_host_share_its_sessions_with_usage_3(authority: trustme.CA, tmp_path: Path) -> None:
    issued = issue(authority, MX)
    published = Site(serving_context(issued), tlsa=[tlsa(chain(issued)[0])], secure=True)
    async with laid(published, authority, tmp_path) as site:
        site.dns.zone = {**site.dns.zone, "example.net": site.dns.zone[DOMAIN]}
        site.dns.secure = set(site.dns.zone)
        for domain in (DOMAIN, "example.net"):
            async with asyncio.timeout(30):
                assert isinstance(await site.deliver(domain), Sent)
        assert len(site.smtp.sessions) == 1
