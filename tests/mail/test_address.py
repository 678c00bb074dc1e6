"""Addresses: one spelling in, one mailbox out, and no exception but AddressError."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from unicodedata import is_normalized

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.address import (
    Address,
    AddressError,
    canonical,
    check_pattern,
    domain_of,
    matches,
    parse_address,
)

CORPUS = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora")) / "addresses"

READ = {"ISEMAIL_VALID_CATEGORY", "test_email_valid", "test_email_valid_intl_local_part"}
REFUSED = {
    "ISEMAIL_ERR",
    "test_email_invalid_syntax",
    "test_email_invalid_syntax_strict",
    "test_email_unsafe_character",
}


def by_intention(text: str) -> bool:
    """Whether another answer than the published one is ours.

    A name before an address is read, a quoted local part refused (no mailbox in use has one), as is one that is not in
    normal form; a local part over 64 octets is left to its server (RFC 5321 section 4.5.3.1.1); a domain of one label
    is of no use in public mail.
    """
    long = len(text.rpartition("@")[0]) > 64
    return "<" in text or '"' in text or long or not is_normalized("NFC", text) or text == "test@io"


names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60)
local_parts = st.from_regex(r"[a-zA-Z0-9!#$%&'*+/^_`{|}~-]+(\.[a-zA-Z0-9_+-]+)?", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ana@example.com", Address("ana@example.com")),
        (" ana@example.com ", Address("ana@example.com")),
        ("<ana@example.com>", Address("ana@example.com")),
        ("Ana Lima <ana@example.com>", Address("ana@example.com", "Ana Lima")),
        ("Dr. Ana Lima (Sales)<ana@example.com>", Address("ana@example.com", "Dr. Ana Lima (Sales)")),
        ('"Lima, Ana" <ana@example.com>', Address("ana@example.com", "Lima, Ana")),
        ('"Ana \\"A\\" \\\\ Lima" <ana@example.com>', Address("ana@example.com", 'Ana "A" \\ Lima')),
        ('  "  Ana   Lima "   <ana@example.com>', Address("ana@example.com", "  Ana   Lima ")),
        ('"eve@example.org" <ana@example.com>', Address("ana@example.com", "eve@example.org")),
        ("Ana.Lima+x@EXAMPLE.Com", Address("Ana.Lima+x@example.com")),
        ("Info@example.com", Address("Info@example.com")),
        ("ana@bücher.example", Address("ana@xn--bcher-kva.example")),
        ("ana@faß.example", Address("ana@xn--fa-hia.example")),
        ("дед@example.com", Address("дед@example.com")),
        ("!#$%&'*+-/=?^_`.{|}~@example.com", Address("!#$%&'*+-/=?^_`.{|}~@example.com")),
        ("ana@agents.test", Address("ana@agents.test")),
    ],
)
def test_reads_an_address(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "@example.com",
        "ana@",
        "ana@example.com, eve@example.com",
        "ana@example.com eve@example.com",
        "ana@example.com <eve@example.com>",
        "ana@example.com, Eve <eve@example.com>",
        "Team: ana@example.com;",
        "<ana@example.com> <eve@example.com>",
        "ana@example.com>",
        '"Ana" Lima" <ana@example.com>',
        '"ana"@example.com',
        '"<eve@example.org>"@example.com',
        "=?utf-8?q?eve=40example.org=3E?=@example.com",
        "ana@[192.0.2.1]",
        "ana@[IPv6:2001:db8::1]",
        "ana@192.0.2.1",
        "ana@example",
        "ana@exam_ple.com",
        "ana@\u2603.example",
        "a\u202ena@example.com",
        "\u212aim@example.com",  # the Kelvin sign, which lower-cases to k
        "a" * 250 + "@example.com",
        "A" * 256 + " <ana@example.com>",
        "x" * 5000,
    ],
)
def test_refuses_what_is_not_one_mailbox(text: str) -> None:
    with pytest.raises(AddressError):
        parse_address(text)


@pytest.mark.parametrize("control", ["\r", "\n", "\r\n", "\0", "\v", "\f", "\t", "\x7f", "\x85", "\u2028", "\ud800"])
@pytest.mark.parametrize(
    "where", ["ana{}@example.com", "ana@example.com{}", "An{}a <ana@example.com>", '"{}" <a@b.test>']
)
def test_refuses_control_characters(where: str, control: str) -> None:
    with pytest.raises(AddressError):
        parse_address(where.format(control))


@given(names, local_parts)
def test_reads_back_what_it_shows(name: str, local: str) -> None:
    address = Address(f"{local}@example.com", name)
    assert parse_address(str(address)) == address


@given(st.text())
def test_raises_nothing_else(text: str) -> None:
    for candidate in (text, f"{text}@example.com", f"a@{text}", f"{text} <a@example.com>"):
        canonical(candidate)
        domain_of(candidate)
        for read in (parse_address, check_pattern):
            try:
                read(candidate)
            except AddressError as error:
                assert str(error)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text())
def test_canonical_is_stable(local: str, domain: str) -> None:
    key = canonical(f"{local}@{domain}")
    assert canonical(key) == key


def test_canonical_joins_the_spellings_of_one_address() -> None:
    assert canonical("Ana@BÜCHER.example") == canonical("ana@xn--bcher-kva.EXAMPLE") == "ana@xn--bcher-kva.example"
    assert canonical("Jose\u0301@example.com") == canonical("jos\u00e9@example.com")
    assert canonical("Not An Address") == "not an address"
    assert domain_of("Ana@BÜCHER.example") == "xn--bcher-kva.example"
    assert domain_of("nowhere") == ""


@pytest.mark.parametrize(
    ("pattern", "email", "covered"),
    [
        ("ana@example.com", "Ana@Example.COM", True),
        ("ana@example.com", "ana@example.org", False),
        ("*@example.com", "anybody@EXAMPLE.com", True),
        ("*@bücher.example", "ana@xn--bcher-kva.example", True),
        ("*@example.com", "ana@mail.example.com", False),
        ("*@example.com", "ana@notexample.com", False),
        ("*@example.com", '"x@example.com"@example.org', False),
        ("a*@example.com", "ana@example.com", False),
        ("*", "ana@example.com", False),
        ("*@", "ana@", False),
        ("", "", True),
    ],
)
def test_patterns_cover_an_address_or_a_domain(pattern: str, email: str, covered: bool) -> None:
    assert matches(pattern, email) is covered


def test_patterns_are_normalised() -> None:
    assert check_pattern(" Ana@BÜCHER.example ") == "ana@xn--bcher-kva.example"
    assert check_pattern("*@Example.COM") == "*@example.com"


@pytest.mark.parametrize(
    "pattern", ["", "*", "*@", "**@example.com", "*@*.example.com", "*example.com", "*@[192.0.2.1]"]
)
def test_patterns_that_say_too_much_are_refused(pattern: str) -> None:
    with pytest.raises(AddressError):
        check_pattern(pattern)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the published address corpora are not here")
@pytest.mark.parametrize("file", ["isemail.json", "email-validator.json"])
def test_published_addresses(file: str, record_property: Callable[[str, object], None]) -> None:
    """Valid addresses are read, and invalid ones refused; of the rest, what is read is one mailbox."""
    cases = json.loads((CORPUS / file).read_text(encoding="utf-8"))
    wrong: set[str] = set()
    for case in cases:
        text, kind = case["address"], case.get("category") or case["test"]
        try:
            address = parse_address(text)
        except AddressError:
            wrong |= {text} if kind in READ else set()
            continue
        wrong |= {text} if kind in REFUSED else set()
        assert parse_address(str(address)) == address
    record_property("score", ("addresses", len(cases) - len(wrong), len(cases), file.removesuffix(".json")))
    assert [text for text in wrong if not by_intention(text)] == []
    assert len(wrong) <= 17
