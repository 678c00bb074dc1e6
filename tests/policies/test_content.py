"""The rules about attachments, links, look-alikes, first contact and duplicates."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.attachments import program, prohibited_attachment
from policies.contact import duplicate, first_contact
from policies.content import CONTENT
from policies.decision import Verdict
from policies.facts import Content, Correspondent, File, Link, Outbound
from policies.lookalike import look_alike, resemblance, skeleton, within_one
from policies.modes import Mode
from policies.outbound import decide
from policies.phishing import credential_request, disguised_link, is_ip, raw_ip_link, shown_host

BOSS = "boss@example.org"
LABEL = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)
HOST = st.builds("{}.{}.example".format, LABEL, LABEL)


def with_links(*links: tuple[str, str], text: str = "Hello", approver: str | None = None) -> Outbound:
    content = Content("Subject", text, tuple(Link(*link) for link in links))
    return Outbound(Mode.AUTONOMOUS, ("a@example.com",), (), approver=approver, content=content)


def with_file(name: str, content_type: str, head: bytes) -> Outbound:
    content = Content("Subject", "Hello", files=(File(name, content_type, head),))
    return Outbound(Mode.AUTONOMOUS, ("a@example.com",), (), content=content)


def to(*correspondents: Correspondent, familiar: tuple[str, ...] = ("agents.example",)) -> Outbound:
    addresses = tuple(each.address for each in correspondents)
    return Outbound(Mode.AUTONOMOUS, addresses, (), correspondents=correspondents, familiar_domains=familiar)


def stranger(address: str) -> Correspondent:
    return Correspondent(address, address.rpartition("@")[2], allowlisted=False, known=False, introduced=False)


@pytest.mark.parametrize(
    ("name", "content_type", "head"),
    [
        ("setup.exe", "application/octet-stream", b""),
        ("Invoice.PDF.Scr", "application/pdf", b"%PDF-1.7"),
        ("tool.exe. ", "text/plain", b""),
        ("macro.js", "text/plain", b"alert"),
        ("report", "application/x-msdownload", b""),
        ("report.pdf", "Application/X-DosExec; x=y", b""),
        ("report.pdf", "application/pdf", b"MZ\x90\x00\x03"),
        ("report.pdf", "application/pdf", b"\x7fELF\x02"),
        ("photo.jpg", "image/jpeg", bytes.fromhex("cffaedfe07")),
        ("notes.txt", "text/plain", bytes.fromhex("4c0000000114020000000000c000000000000046")),
    ],
)
def test_programs_are_denied_by_name_type_and_first_bytes(name: str, content_type: str, head: bytes) -> None:
    """003: content filter, prohibited types."""
    for facts in (with_file(name, content_type, head), replace(with_file(name, content_type, head), approver=BOSS)):
        finding = prohibited_attachment(facts)
        assert finding is not None and finding.verdict is Verdict.DENY and finding.code == "content_blocked"


@pytest.mark.parametrize(
    ("name", "content_type", "head"),
    [
        ("report.pdf", "application/pdf", b"%PDF-1.7"),
        ("exe", "text/plain", b"text"),
        ("table.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK\x03\x04"),
        ("tax.txt", "text/plain", b"MZ is a postal code"),
        ("script.py", "text/x-python", b"#!/usr/bin/env python3"),
    ],
)
def test_documents_pass(name: str, content_type: str, head: bytes) -> None:
    assert prohibited_attachment(with_file(name, content_type, head)) is None


@given(st.text(max_size=50), st.text(max_size=50), st.binary(max_size=48))
def test_any_name_type_and_bytes_get_an_answer(name: str, content_type: str, head: bytes) -> None:
    assert isinstance(program(File(name, content_type, head)), str)
    assert program(File(f"{name}.exe", content_type, head))


@given(HOST, HOST, st.sampled_from(["", "http://", "https://", "www."]), st.sampled_from(["", "/", "/a?b=c"]))
def test_a_link_that_shows_another_domain_is_held(shown: str, goes: str, scheme: str, path: str) -> None:
    """003: content filter, phishing."""
    finding = disguised_link(with_links((f"{scheme}{shown}{path}", f"https://{goes}/x")))
    assert (finding is None) == (shown.split(".")[1:] == goes.split(".")[1:])
    if finding is not None:
        assert finding.verdict is Verdict.HOLD and shown in finding.reason and goes in finding.reason


@given(HOST, LABEL)
def test_a_link_to_what_it_shows_or_to_words_is_left_alone(host: str, label: str) -> None:
    links = [
        (host, f"https://{host}/"),
        (host, f"https://{label}.{host}/"),
        (f"https://{host}/a", f"https://{host}/b"),
        (label, f"https://{host}/"),
        (f"the {label}.pdf", f"https://{host}/"),
        (f"{label}.pdf", f"https://{host}/{label}.pdf"),
        (f"{label}@{host}", f"mailto:{label}@{host}?subject=Hi"),
    ]
    assert disguised_link(with_links(*links)) is None


@pytest.mark.parametrize(
    ("shown", "target"),
    [
        ("our site", "https://bank.example@evil.test/"),
        ("ada@bank.example", "mailto:eve@evil.test"),
        ("ada@bank.example", "https://evil.test/"),
        ("BANK.example", "HTTPS://EVIL.TEST"),
        ("bank.co.uk", "https://evil.co.uk"),
    ],
)
def test_other_disguises_are_held(shown: str, target: str) -> None:
    assert disguised_link(with_links((shown, target))) is not None


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_link_gets_an_answer(shown: str, target: str) -> None:
    for rule in (disguised_link, raw_ip_link, credential_request):
        for goes in (target, f"https://{target}", f"mailto:{target}"):
            finding = rule(with_links((shown, goes), text=shown))
            assert finding is None or finding.verdict is Verdict.HOLD
    assert shown_host(Link(shown, target)) == shown_host(Link(f" {shown} ", target))


@given(st.one_of(st.ip_addresses().map(str), st.integers(0, 2**32 - 1).map(str), st.integers(0, 2**32 - 1).map(hex)))
def test_a_bare_ip_address_is_held_in_every_notation(address: str) -> None:
    """003: content filter, phishing."""
    host = f"[{address}]" if ":" in address else address
    assert is_ip(address) and raw_ip_link(with_links(("here", f"http://{host}:8080/login"))) is not None


@given(HOST)
def test_a_name_is_no_ip_address(host: str) -> None:
    assert not is_ip(host) and raw_ip_link(with_links(("here", f"https://{host}/"))) is None


@pytest.mark.parametrize(
    "text",
    [
        "Please confirm your password within 24 hours.",
        "To keep access, verify\nyour account now",
        "Enter your online banking password below",
        "Update your credit card details here",
    ],
)
def test_asking_for_credentials_beside_a_link_is_held(text: str) -> None:
    link = ("Log in", "https://portal.example/")
    finding = credential_request(with_links(link, text=text))
    assert finding is not None and "portal.example" in finding.reason
    assert credential_request(with_links(text=text)) is None, "without a link it is words"
    assert credential_request(with_links(link, text="Please confirm your appointment")) is None


@pytest.mark.parametrize(
    ("domain", "known"),
    [
        ("exarnple.com", "example.com"),
        ("examp1e.com", "example.com"),
        ("exmaple.com", "example.com"),
        ("examplle.com", "example.com"),
        ("mail.exampel.com", "example.com"),
        ("xn--exmple-cua.com", "example.com"),
        ("xn--80ak6aa92e.com", "apple.com"),
        ("xn--exmple-4nf.com", "other.example"),
    ],
)
def test_a_look_alike_of_a_known_domain_is_held(domain: str, known: str) -> None:
    facts = to(stranger(f"a@{domain}"), familiar=("agents.example", known))
    finding = look_alike(facts)
    assert finding is not None and finding.verdict is Verdict.HOLD and domain in finding.reason
    assert look_alike(replace(facts, familiar_domains=(domain, known))) is None, "known itself"
    listed = replace(stranger(f"a@{domain}"), allowlisted=True)
    assert look_alike(replace(facts, correspondents=(listed,))) is None


@pytest.mark.parametrize(
    ("domain", "known"),
    [
        ("team-b.example.com", "team-a.example.com"),
        ("example.org", "example.com"),
        ("acme.example", "acne.example"),
        ("xn--mnchen-3ya.example", "agents.example"),
        ("xn--80aswg.xn--p1ai", "agents.example"),
        ("partner.example", "agents.example"),
    ],
)
def test_other_companies_are_left_alone(domain: str, known: str) -> None:
    assert resemblance(domain, (known,)) == ""


@given(st.text("abcdefgh", min_size=7, max_size=20), st.integers(0, 19), st.sampled_from("xyz"))
def test_one_letter_off_is_seen_and_two_are_not(name: str, place: int, letter: str) -> None:
    at = place % len(name)
    for changed in (name[:at] + letter + name[at:], name[:at] + letter + name[at + 1 :], name[:at] + name[at + 1 :]):
        assert within_one(name, changed) and within_one(changed, name)
    assert not within_one(name, f"{letter}{letter}{name}") and not within_one(name, letter + name[1:-1] + letter)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_domain_gets_an_answer(domain: str, known: str) -> None:
    assert isinstance(resemblance(domain, (known,)), str)
    assert isinstance(resemblance(f"xn--{domain}", (known,)), str)
    assert skeleton(skeleton(domain)) is not None


@given(st.booleans(), st.booleans(), st.booleans(), st.sampled_from([None, BOSS]))
def test_first_contact_is_held_only_with_an_address_from_a_text(
    allowlisted: bool, known: bool, introduced: bool, approver: str | None
) -> None:
    each = Correspondent("eve@evil.test", "evil.test", allowlisted, known, introduced)
    finding = first_contact(replace(to(each), approver=approver))
    assert (finding is not None) == (introduced and not known and not allowlisted and approver is None)
    if finding is not None:
        assert finding.verdict is Verdict.HOLD and "eve@evil.test" in finding.reason


def test_a_duplicate_is_denied_unless_a_person_approved_it() -> None:
    """003: duplicates."""
    facts = replace(to(), repeated="msg_1")
    finding = duplicate(facts)
    assert finding is not None and (finding.verdict, finding.code) == (Verdict.DENY, "duplicate")
    assert duplicate(replace(facts, approver=BOSS)) is None and duplicate(replace(facts, repeated="")) is None


@given(st.sampled_from(Mode))
def test_what_nobody_looked_up_is_held(mode: Mode) -> None:
    """Fail closed: no content, no acquaintance, no look at what was handed in before."""
    unknown = Outbound(mode, ("a@example.com",), ())
    decision = decide(unknown, CONTENT)
    assert decision.verdict is Verdict.HOLD and len(decision.findings) == len(CONTENT)
    with_approver = decide(replace(unknown, approver=BOSS), CONTENT)
    assert {each.rule for each in with_approver.findings} == {"own_key", "prohibited_attachment"}
