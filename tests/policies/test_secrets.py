"""Secrets in a mail: found in any surroundings, masked in the reason, and not seen where there are none."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decision import Verdict
from policies.evidence import masked
from policies.facts import Content, File, Outbound
from policies.modes import Mode
from policies.secrets import _OF_CARDS, _OF_TOKENS, _runs, card_numbers, luhn, own_key, secret
from tests.cost import cheaply, cpu_seconds

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def text_of(length: int, letters: str = LETTERS) -> st.SearchStrategy[str]:
    return st.text(letters, min_size=length, max_size=length)


# the shapes are put together here, so that no scanner takes this file for one that holds secrets
TOKENS = st.one_of(
    text_of(16, "ABCDEFGHIJKLMNOP0123456789").map(("AK" + "IA{}").format),
    text_of(36).map(("gh" + "p_{}").format),
    text_of(22).map(("github" + "_pat_{}").format),
    text_of(20).map(("gl" + "pat-{}").format),
    text_of(24).map(("xo" + "xb-{}").format),
    text_of(24).map(("sk" + "_live_{}").format),
    text_of(35).map(("AI" + "za{}").format),
    text_of(40).map(("sk" + "-proj-A{}").format),
    text_of(36).map(("np" + "m_{}").format),
    st.tuples(text_of(22), text_of(43)).map(lambda parts: "SG" + f".{parts[0]}.{parts[1]}"),
    st.tuples(text_of(20), text_of(40), text_of(43)).map(lambda parts: "ey" + f"J{parts[0]}.eyJ{parts[1]}.{parts[2]}"),
)
AROUND = st.text(st.sampled_from("abc xyz.\n,;:()\"'ü"), max_size=40)


def facts(text: str, *, subject: str = "Hello", files: tuple[File, ...] = (), approver: str | None = None) -> Outbound:
    return Outbound(
        Mode.AUTONOMOUS, ("a@example.com",), (), approver=approver, content=Content(subject, text, files=files)
    )


@given(AROUND, TOKENS, AROUND)
def test_a_token_is_found_in_any_surroundings_and_masked(before: str, token: str, after: str) -> None:
    """003: content filter."""
    finding = secret(facts(f"{before} {token} {after}"))
    assert finding is not None and finding.verdict is Verdict.HOLD
    assert token not in finding.reason and token[:4] in finding.reason
    assert token[4:-2] not in finding.reason, "four first and two last characters at most"


@given(TOKENS, st.integers(1, 12), st.sampled_from("\u200b\u200d\u2060\ufeff\u00ad"))
def test_what_shows_as_nothing_hides_nothing(token: str, place: int, invisible: str) -> None:
    assert secret(facts(token[:place] + invisible + token[place:])) is not None


@given(st.text(), st.integers(0, 100))
def test_a_mask_shows_six_characters_at_most(text: str, length: int) -> None:
    word = (text * 100)[:length]
    shown = masked(word).replace("…", "", 1)
    assert len(shown) <= 6 and (not shown or len(word) >= 16)


@given(AROUND, st.binary(min_size=44, max_size=44))
def test_our_own_key_is_denied_whoever_approved(around: str, noise: bytes) -> None:
    key = "gp_" + "".join(LETTERS[byte % len(LETTERS)] for byte in noise) + "0123456789ABCDE"
    for approver in (None, "boss@example.org"):
        finding = own_key(facts(f"{around} {key}", approver=approver))
        assert finding is not None and finding.verdict is Verdict.DENY and finding.code == "content_blocked"
        assert key[4:-2] not in finding.reason


@pytest.mark.parametrize("kind", ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
def test_a_private_key_is_found_in_the_text_and_in_a_file(kind: str) -> None:
    head = f"-----BEGIN {kind}-----\nMIIEowIBAAKCAQEA"
    in_text = secret(facts(f"Here it is:\n{head}"))
    in_file = secret(facts("See the file.", files=(File("id.txt", "text/plain", head.encode()[:48]),)))
    assert in_text and "private key" in in_text.reason and "MIIE" not in in_text.reason
    assert in_file and "'id.txt'" in in_file.reason
    assert secret(facts("-----BEGIN PUBLIC KEY-----\nMIIB")) is None


@pytest.mark.parametrize(
    "text",
    [
        "Password: hunter2!",
        "The password is Tr0ub4dor&3.",
        "passwort = Geheim#99",
        "**Password**: `s3cr3t-w0rd`",
        "PIN: 48213",
        "postgresql://app:hunter22@db.example/prod",
        "Your card 4111 1111 1111 1111 will be charged",
        "4111-1111-1111-1111",
        "378282246310005",
        "4222222222222",
        "xo" + "xb-0123456789",
    ],
)
def test_secrets_in_clear_hold(text: str) -> None:
    finding = secret(facts(text))
    assert finding is not None and finding.verdict is Verdict.HOLD
    assert not re.search(r"hunter|0ub4|heim|cr3t|482|1111|2246", finding.reason)


@pytest.mark.parametrize(
    "text",
    [
        "Password: will be sent separately",
        "The password is required.",
        "Password: ********",
        "password: https://login.example.com/reset?id=1",
        "The pin is on the map; PIN: see letter",
        "Order 4111 1111 1111 1112, call +49 30 1234 5678 9012",
        "Meeting-ID 123 4567 8901 and invoice 2026-000123-44",
        "sk-learn-and-other-long-lowercase-words-with-hyphens",
        "See https://example.com/a:b and ssh://git@example.com/repo.git",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert secret(facts(text)) is None


@given(st.text(st.sampled_from("aZ09_.- :ü\n\ud800"), max_size=80), st.integers(1, 6))
def test_where_a_search_looks_is_where_its_pattern_could_match(text: str, shortest: int) -> None:
    for shapes, kind in ((_OF_TOKENS, r"[A-Za-z0-9_.-]"), (_OF_CARDS, r"[0-9 -]")):
        stretches = [match.span() for match in re.finditer(f"{kind}{{{shortest},}}", text)]
        assert list(_runs(text, shapes, shortest)) == stretches


@given(st.text("0123456789", min_size=15, max_size=15))
def test_luhn_takes_one_of_ten_check_digits(stem: str) -> None:
    assert sum(luhn(stem + check) for check in "0123456789") == 1


@given(st.text("0123456789", min_size=14, max_size=14), st.sampled_from(["", " ", "-"]), st.integers(0, 9999))
def test_a_card_is_found_in_any_grouping_and_beside_other_numbers(stem: str, gap: str, other: int) -> None:
    number = next(f"4{stem}{check}" for check in "0123456789" if luhn(f"4{stem}{check}"))
    written = gap.join(number[place : place + 4] for place in range(0, 16, 4))
    assert number in set(card_numbers(f"Ref {other:04} {written} thanks"))


def test_a_person_who_approved_has_seen_it() -> None:
    assert secret(facts("Password: hunter2!", approver="boss@example.org")) is None


@pytest.mark.parametrize(
    "unit",
    [
        "eyJ",
        "eyJa.",
        "4111 ",
        "1-",
        "password:",
        "password: a",
        "a://b:",
        "-----BEGIN A ",
        "gp_a",
        "sk-",
        "SG.",
        "PIN ",
        "a" * 14 + " ",
        "1" * 12 + " a",
    ],
)
def test_time_is_linear_in_the_text(unit: str) -> None:
    """Hostile repeats of 256 K characters, against the same amount of plain words."""
    words = " ".join(random.Random(1).choices(["the", "report", "is", "attached", "2026"], k=50_000))[:262_144]

    plain = cpu_seconds(lambda: secret(facts(words)))
    cheaply(lambda: secret(facts(unit * (262_144 // len(unit)))), 20 * plain + 0.5)
