"""The TLS ladder on the wire: what each policy makes of each certificate, and the smart host's."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from server.delivery.courier import Courier
from server.delivery.outcome import Bounced, Deferred, Outcome, Sent
from server.delivery.routes import RelayRoute
from tests.fakes.certificates import FLAWS, chain, issue, self_signed, serving_context, tlsa
from tests.fakes.couriers import PATIENT, RAW, RECIPIENT, SENDER, Clock
from tests.fakes.ladder import DOMAIN, MX, Site, laid
from tests.fakes.policy_server import policy
from tests.fakes.smtp_server import FakeSMTPServer


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the test's authority one of the system's."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(authority.cert_pem.bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


CERTIFICATES: dict[str, Callable[[trustme.CA], trustme.LeafCert | None]] = {
    "good": lambda authority: issue(authority, MX),
    "wrong name": lambda authority: issue(authority, "mx.example.net"),
    "self-signed": lambda authority: self_signed(MX),
    "expired": lambda authority: issue(authority, MX, expired=True),
    "none": lambda authority: None,
}
ENFORCE, TESTING = policy("enforce", MX), policy("testing", MX)
SECURE, CLEAR, WAITS = "encrypted", "clear", "deferred"

TABLE: dict[str, tuple[str, ...]] = {
    "no policy": (SECURE, SECURE, SECURE, SECURE, CLEAR),
    "sts testing": (SECURE, SECURE, SECURE, SECURE, CLEAR),
    "sts enforce": (SECURE, WAITS, WAITS, WAITS, WAITS),
    "dane, this one": (SECURE, SECURE, SECURE, SECURE, WAITS),
    "dane, another": (WAITS, WAITS, WAITS, WAITS, WAITS),
    "dane, this one + sts enforce": (SECURE, SECURE, SECURE, SECURE, WAITS),
    "dane, another + sts enforce": (WAITS, WAITS, WAITS, WAITS, WAITS),
    "dane, unusable": (SECURE, SECURE, SECURE, SECURE, WAITS),
    "dane, unusable + sts enforce": (SECURE, WAITS, WAITS, WAITS, WAITS),
}
"""What becomes of a mail, by policy, in the order of CERTIFICATES."""

COUNTED: dict[str, tuple[str | None, ...]] = {
    "no policy": (None, None, None, None, "starttls-not-supported"),
    "sts testing": (
        None,
        "certificate-host-mismatch",
        "certificate-not-trusted",
        "certificate-expired",
        "starttls-not-supported",
    ),
    "dane, another": (*("validation-failure",) * 4, "starttls-not-supported"),
}
"""How TLS reports name it, where that tells more than the table."""

VOUCHED: dict[str, tuple[str, ...]] = {
    "no policy": ("opportunistic", "opportunistic", "opportunistic", "opportunistic", "none"),
    "sts testing": ("mta-sts", "opportunistic", "opportunistic", "opportunistic", "none"),
    "sts enforce": ("mta-sts", "", "", "", ""),
    "dane, this one": ("dane", "dane", "dane", "dane", ""),
    "dane, another": ("", "", "", "", ""),
    "dane, this one + sts enforce": ("dane", "dane", "dane", "dane", ""),
    "dane, another + sts enforce": ("", "", "", "", ""),
    "dane, unusable": ("opportunistic", "opportunistic", "opportunistic", "opportunistic", ""),
    "dane, unusable + sts enforce": ("mta-sts", "", "", "", ""),
}
"""What is told of the line a mail left by."""


def site(policy_name: str, certificate: str, authority: trustme.CA) -> Site:
    issued = CERTIFICATES[certificate](authority)
    records = []
    if "dane" in policy_name:
        named = issued if "this one" in policy_name and issued else issue(authority, MX)
        records = ["1 1 1 " + "00" * 32] if "unusable" in policy_name else [tlsa(chain(named)[0])]
    published = {"testing": TESTING, "enforce": ENFORCE}.get(policy_name.split(" ")[-1])
    return Site(serving_context(issued) if issued else None, tlsa=records, secure=bool(records), policy=published)


async def attempt(
    policy_name: str, certificate: str, authority: trustme.CA, folder: Path
) -> tuple[str, list[str | None], str]:
    """What became of a mail, the results that were counted, and what vouched for the line."""
    async with laid(site(policy_name, certificate, authority), authority, folder) as laid_out:
        outcome = await laid_out.deliver()
        counted: list[str | None] = [result for _, result, number in laid_out.counted for _ in range(number)]
        if isinstance(outcome, Deferred):
            assert (outcome.enhanced, outcome.category) == ("4.7.5", "ConnectionProblem")
            assert laid_out.smtp.messages == []
            assert not any("MAIL" in session.verbs for session in laid_out.smtp.sessions)
            return WAITS, counted, outcome.tls
        assert isinstance(outcome, Sent)
        assert laid_out.smtp.messages == [RAW]
        if not laid_out.smtp.sessions[-1].encrypted:
            return CLEAR, counted, outcome.tls
        version, cipher, voucher = outcome.tls.split(" ")
        assert version == "TLSv1.3" and cipher.startswith("TLS_")
        return SECURE, counted, voucher


async def test_the_table_of_policies_and_certificates(authority: trustme.CA, tmp_path: Path) -> None:
    """Prints the table too: `pytest -s`."""
    found: dict[str, list[tuple[str, list[str | None], str]]] = {}
    for number, name in enumerate(TABLE):
        folder = tmp_path / str(number)
        folder.mkdir()
        found[name] = [await attempt(name, certificate, authority, folder) for certificate in CERTIFICATES]
    print(f"{'policy':30}", *(f"{certificate:12}" for certificate in CERTIFICATES))
    for name, row in found.items():
        print(f"{name:30}", *(f"{became:12}" for became, _, _ in row))
    assert {name: tuple(became for became, _, _ in row) for name, row in found.items()} == TABLE
    assert all(len(results) == 1 for row in found.values() for _, results, _ in row), "one session is counted once"
    assert {name: tuple(results[0] for _, results, _ in found[name]) for name in COUNTED} == COUNTED
    assert {name: tuple(voucher for _, _, voucher in row) for name, row in found.items()} == VOUCHED


async def test_what_is_not_to_be_had_is_told_in_words(authority: trustme.CA, tmp_path: Path) -> None:
    async with laid(site("sts enforce", "wrong name", authority), authority, tmp_path) as laid_out:
        outcome = await laid_out.deliver()
    assert isinstance(outcome, Deferred)
    assert outcome.text.startswith("TLS as asked by the MTA-STS policy of example.org is not to be had: ")
    words = "the certificate does not verify: Hostname mismatch, certificate is not valid for 'mx.example.org'."
    assert outcome.text.endswith(words)


@pytest.mark.parametrize("listed", ["*.example.org", "mx.example.org"])
async def test_a_listed_host_is_used(listed: str, authority: trustme.CA, tmp_path: Path) -> None:
    published = Site(serving_context(issue(authority, MX)), policy=policy("enforce", listed))
    async with laid(published, authority, tmp_path) as laid_out:
        assert isinstance(await laid_out.deliver(), Sent)


async def test_a_host_that_is_not_listed_is_not_asked(authority: trustme.CA, tmp_path: Path) -> None:
    published = Site(serving_context(issue(authority, MX)), policy=policy("enforce", "mail.example.net"))
    async with laid(published, authority, tmp_path) as laid_out:
        outcome = await laid_out.deliver()
        assert outcome == Deferred(
            0,
            "4.7.5",
            "none of the domain's mail servers is listed in its MTA-STS policy: mail.example.net",
            DOMAIN,
            "ConnectionProblem",
        )
        assert laid_out.smtp.sessions == []
        assert laid_out.counted == [("sts", "validation-failure", 1)]


async def test_while_it_is_only_tested_it_is_asked(authority: trustme.CA, tmp_path: Path) -> None:
    published = Site(serving_context(issue(authority, MX)), policy=policy("testing", "mail.example.net"))
    async with laid(published, authority, tmp_path) as laid_out:
        assert isinstance(await laid_out.deliver(), Sent)
        assert laid_out.counted == [("sts", "validation-failure", 1), ("sts", None, 1)]


async def test_a_policy_that_is_only_tested_takes_nothing_from_tlsa_records(
    authority: trustme.CA, tmp_path: Path
) -> None:
    async with laid(site("dane, unusable + sts testing", "none", authority), authority, tmp_path) as laid_out:
        assert isinstance(await laid_out.deliver(), Deferred)


async def test_dane_goes_before_a_policy_that_does_not_list_the_host(authority: trustme.CA, tmp_path: Path) -> None:
    issued = issue(authority, MX)
    published = Site(
        serving_context(issued),
        tlsa=[tlsa(chain(issued)[0])],
        secure=True,
        policy=policy("enforce", "mail.example.net"),
    )
    async with laid(published, authority, tmp_path) as laid_out:
        assert isinstance(await laid_out.deliver(), Sent)
        assert laid_out.web.requests == []


async def test_a_session_opened_for_less_is_not_used_for_more(authority: trustme.CA, tmp_path: Path) -> None:
    async with laid(site("sts enforce", "self-signed", authority), authority, tmp_path) as laid_out:
        laid_out.dns.zone = {**laid_out.dns.zone, "example.net": {"MX": [f"10 {MX}."]}}
        assert isinstance(await laid_out.deliver(DOMAIN), Deferred)
        # the failure is that domain's alone
        assert isinstance(await laid_out.deliver("example.net"), Sent)
        assert isinstance(await laid_out.deliver(DOMAIN), Deferred)
        assert isinstance(await laid_out.deliver("example.net"), Sent)
        assert len(laid_out.smtp.messages) == 2


async def test_a_restart_does_not_forget_the_policy(authority: trustme.CA, tmp_path: Path) -> None:
    published = site("sts enforce", "good", authority)
    async with laid(published, authority, tmp_path) as laid_out:
        assert isinstance(await laid_out.deliver(), Sent)
    published.policy = None
    published.tls = serving_context(self_signed(MX))
    async with laid(published, authority, tmp_path) as laid_out:
        assert isinstance(await laid_out.deliver(), Deferred)


async def test_old_tls_is_none(authority: trustme.CA, tmp_path: Path) -> None:
    old = serving_context(issue(authority, MX))
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.deprecated_call():
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with laid(Site(old, policy=ENFORCE), authority, tmp_path) as laid_out:
        assert isinstance(await laid_out.deliver(), Deferred)
        assert laid_out.counted == [("sts", "validation-failure", 1)]


# ---- the smart host


async def relay(server: FakeSMTPServer) -> Outcome:
    courier = Courier(
        RelayRoute("localhost", server.port),
        "gatepost.test",
        timeouts=PATIENT,
        tls="require",
        credentials=("user", "secret"),
        clock=Clock(),
    )
    try:
        return await courier.deliver(SENDER, RECIPIENT, RAW)
    finally:
        await courier.close()


async def test_a_smart_host_gets_the_password_under_its_own_certificate(authority: trustme.CA) -> None:
    tls = serving_context(issue(authority, "localhost"))
    async with FakeSMTPServer(tls=tls, extensions=("AUTH PLAIN",)) as server:
        outcome = await relay(server)
        assert isinstance(outcome, Sent) and outcome.tls.split(" ")[2] == "pkix"
    assert server.sessions[0].verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


async def test_what_is_refused_after_tls_tells_of_the_line_too(authority: trustme.CA) -> None:
    tls = serving_context(issue(authority, "localhost"))
    async with FakeSMTPServer({"AUTH": "535 5.7.8 no"}, tls=tls, extensions=("AUTH PLAIN",)) as server:
        outcome = await relay(server)
        assert isinstance(outcome, Deferred) and outcome.tls.endswith(" pkix")
    async with FakeSMTPServer({"RCPT": "550 5.1.1 no"}, tls=tls, extensions=("AUTH PLAIN",)) as server:
        outcome = await relay(server)
        assert isinstance(outcome, Bounced) and outcome.tls.endswith(" pkix")


@pytest.mark.parametrize("flaw", [*FLAWS, "no TLS", "STARTTLS refused"])
async def test_a_smart_host_that_is_not_the_right_one_gets_nothing(
    flaw: str, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = FLAWS.get(flaw, issue)(authority, "localhost")
    script = {"STARTTLS": "454 4.7.0 not now"} if flaw == "STARTTLS refused" else {}
    tls = None if flaw == "no TLS" else serving_context(issued)
    async with FakeSMTPServer(script, tls=tls, extensions=("AUTH PLAIN",)) as server:
        outcome = await relay(server)
    assert isinstance(outcome, Deferred)
    assert outcome.category == "ConnectionProblem"
    assert {verb for session in server.sessions for verb in session.verbs} <= {"EHLO", "STARTTLS"}
