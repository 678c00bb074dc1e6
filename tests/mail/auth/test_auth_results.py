"""Authentication-Results: ours is well formed whatever it holds, and nobody else's passes for ours."""

import email
import email.policy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail import limits
from tools.mail.auth.arc import Chain
from tools.mail.auth.dkim import Signature
from tools.mail.auth.results import Method, arc_method, dkim_methods, results_field, without_claims

OURS = "mx.example.com"
REST = b"From: ada@example.com\r\nSubject: Hello\r\n\r\nAuthentication-Results: mx.example.com; in=the body\r\n"


def test_the_field_has_a_line_for_each_method() -> None:
    methods = [
        Method("spf", "pass", "", (("smtp.mailfrom", "ada@example.com"),)),
        Method("dmarc", "fail", "no domain is aligned", (("header.from", "example.com"),)),
    ]
    assert results_field(OURS, methods) == (
        b"Authentication-Results: mx.example.com;\r\n"
        b"\tspf=pass smtp.mailfrom=ada@example.com;\r\n"
        b'\tdmarc=fail reason="no domain is aligned" header.from=example.com\r\n'
    )
    assert results_field(OURS, []) == b"Authentication-Results: mx.example.com;\r\n\tnone\r\n"


def test_methods_of_dkim_and_arc() -> None:
    signature = Signature(
        "pass", "", "example.com", "sel", "@example.com", "rsa-sha256", 2048, ("from",), True, False, "ab/+EFGHIJKL"
    )
    properties = (
        *(("header.d", "example.com"), ("header.s", "sel"), ("header.i", "@example.com")),
        *(("header.a", "rsa-sha256"), ("header.b", "ab/+EFGH")),
    )
    assert list(dkim_methods([signature])) == [Method("dkim", "pass", "", properties)]
    assert list(dkim_methods([])) == [Method("dkim", "none")]
    assert list(dkim_methods([Signature("permerror", "v= is missing")])) == [
        Method("dkim", "permerror", "v= is missing")
    ]
    assert arc_method(Chain("none")) == Method("arc", "none")
    assert arc_method(Chain("pass", "", ("a.example",), 0)).properties == (("header.oldest-pass", "0"),)
    assert b'header.b="ab/+EFGH"' in results_field(OURS, list(dkim_methods([signature])))


LEXEME = r'(?:"(?:[^"\\]|\\.)*"|[^\s;()"\\]+)'
LINE = re.compile(rf"\t[a-z]+=[a-z]+( reason={LEXEME})?( [a-z.]+={LEXEME})*;?")


@given(
    reason=st.text(max_size=300),
    values=st.lists(st.tuples(st.just("smtp.mailfrom"), st.text(max_size=400)), max_size=3),
)
def test_no_value_breaks_out_of_its_place(reason: str, values: list[tuple[str, str]]) -> None:
    field = results_field(OURS, [Method("spf", "pass", reason, tuple(values)), Method("dkim", "none")])
    first, spf, dkim, rest = field.decode("ascii").split("\r\n")
    assert (first, dkim, rest) == (f"Authentication-Results: {OURS};", "\tdkim=none", "")
    assert LINE.fullmatch(spf)


def test_lines_stay_short_enough_to_be_sent() -> None:
    long = "\u2603" * 1000
    signature = Signature(
        "fail", long, "d" * 120, "s" * 120, '"' * 1000, "ed25519-sha256", 256, (), True, False, "+" * 9
    )
    assert max(map(len, results_field(OURS, list(dkim_methods([signature]))).split(b"\r\n"))) <= 998


CLAIMS = [
    b"Authentication-Results: mx.example.com; dkim=pass\r\n",
    b"AUTHENTICATION-results:MX.Example.COM;dkim=pass\r\n",
    b"Authentication-Results \t: mx.example.com; dkim=pass\r\n",
    b"Authentication-Results:\r\n mx.example.com;\r\n dkim=pass\r\n",
    b"Authentication-Results:\t\r\n\t\r\n mx.example.com\r\n ; dkim=pass\r\n",
    b"Authentication-Results: mx.example.com 1; dkim=pass\r\n",
    b"Authentication-Results: mx.example.com/1; dkim=pass\r\n",
    b"Authentication-Results: mx.example.com.; dkim=pass\r\n",
    b"Authentication-Results: (comment) mx.example.com (another) 1; dkim=pass\r\n",
    b"Authentication-Results: (a (nested; \\) one)) mx.example.com; dkim=pass\r\n",
    b"Authentication-Results: mx.(hidden)example.com; dkim=pass\r\n",
    b'Authentication-Results: "mx.example.com"; dkim=pass\r\n',
    b'Authentication-Results: "mx.\\example.com" 1; dkim=pass\r\n',
    b'Authentication-Results: mx."example".com; dkim=pass\r\n',
    b"Authentication-Results: mx . example . com; dkim=pass\r\n",
    b"Authentication-Results: mx.example.com\r\n",
    b"Authentication-Results: (never closed mx.example.com; dkim=pass\r\n",
    b'Authentication-Results: "never closed; dkim=pass\r\n',
    b"Authentication-Results: ; dkim=pass\r\n",
    b"Authentication-Results:\r\n",
    b"Authentication-Results: mx.ex\xc3\xa4mple.com; dkim=pass\r\n",
    b"Authentication-Results: =?utf-8?q?mx.example.com?=; dkim=pass\r\n",
    b"Authentication-Results: =?us-ascii?B?bXguZXhhbXBsZS5jb207IGRraW09cGFzcw==?=\r\n",
    b"Authentication-Results: mx.example=?utf-8?q?.com?=; dkim=pass\r\n",
    b"Authentication-Results: (" + b"x" * 5000 + b") mx.example.com; dkim=pass\r\n",
]
OTHERS = [
    b"Authentication-Results: mx.example.net; dkim=pass (of mx.example.com; not ours)\r\n",
    b"Authentication-Results: mx.example.com.evil.example; dkim=pass\r\n",
    b"Authentication-Results: amx.example.com; dkim=pass\r\n",
    b"Authentication-Results: example.com; dkim=pass\r\n",
    b"Authentication-Results: spf=pass smtp.mailfrom=mx.example.com\r\n",
    b"Authentication-Results-Original: mx.example.com; dkim=pass\r\n",
    b"X-Authentication-Results: mx.example.com; dkim=pass\r\n",
    b"ARC-Authentication-Results: i=1; mx.example.com; dkim=pass\r\n",
    b"Subject: Authentication-Results: mx.example.com; dkim=pass\r\n",
    b"Subject: x\r\n Authentication-Results: mx.example.com; dkim=pass\r\n",
]


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_in_our_name_is_taken_out(claim: bytes) -> None:
    kept = OTHERS[0]
    assert without_claims(claim + REST, OURS) == REST
    assert without_claims(kept + claim + claim + REST, OURS) == kept + REST
    assert without_claims((kept + claim + REST).replace(b"\r\n", b"\n"), OURS) == (kept + REST).replace(b"\r\n", b"\n")
    assert without_claims(REST.replace(b"\r\n\r\n", b"\r\n" + claim + b"\r\n", 1), OURS) == REST
    assert without_claims(kept + claim, OURS) == kept


@pytest.mark.parametrize("other", OTHERS)
def test_what_others_say_in_their_own_name_stays(other: bytes) -> None:
    raw = b"Received: x\r\n" + other + REST
    assert without_claims(raw, OURS) is raw


def test_a_mail_without_header_stays() -> None:
    raw = b"\r\nAuthentication-Results: mx.example.com; dkim=pass\r\n\r\n"
    assert without_claims(raw, OURS) is raw


def test_a_field_behind_a_bare_cr_is_one_to_some_readers() -> None:
    raw = b"X: a\rAuthentication-Results: mx.example.com;\r\n dkim=pass\r\n" + REST
    assert without_claims(raw, OURS) == b"X: a\r\n" + REST
    both = b"X: a\rAuthentication-Results: mx.example.com; dkim=pass\rY: b\r\n" + REST
    assert without_claims(both, OURS) == b"X: a\rY: b\r\n" + REST


def test_a_claim_behind_a_bare_cr_goes_with_the_field_of_that_name_around_it() -> None:
    """What is left of that one could be a claim: its id ended in what was taken out."""
    around = b"Authentication-Results: mx.example\r"
    for claim in (b"Authentication-Results: ; x\r", b"Authentication-Results: mx.example.com; x\r"):
        assert without_claims(around + claim + b".com; dkim=pass\r\n" + REST, OURS) == REST
        assert without_claims(OTHERS[0] + around + claim + b"(\r\n" + OTHERS[1] + REST, OURS) == (
            OTHERS[0] + OTHERS[1] + REST
        )


LONG = b"x: y\r\n" * 50_000


@pytest.mark.parametrize("claim", [CLAIMS[0], OTHERS[0], b"\rAuthentication-Results:x"])
@pytest.mark.parametrize("times", [20_000, 200_000])
def test_any_number_of_fields_takes_little_time(claim: bytes, times: int) -> None:
    left = cheaply(lambda: without_claims(b"X: z" + claim * times + b"\r\n" + REST, OURS), 3)
    assert left.endswith(REST.partition(b"\r\n\r\n")[2]) and len(left) <= limits.HEADER_BYTES + len(REST)


def test_where_a_header_is_longer_than_anybody_reads_its_end_goes_with_a_claim() -> None:
    assert without_claims(LONG + REST, OURS) == LONG + REST
    assert without_claims(OTHERS[0] + LONG + REST, OURS) == OTHERS[0] + LONG + REST
    assert without_claims(CLAIMS[0] + LONG + REST, OURS) == LONG + REST
    left = without_claims(LONG + CLAIMS[0] + REST, OURS)
    body = REST[REST.index(b"\r\n\r\n") + 2 :]
    assert left == LONG[: limits.HEADER_BYTES // 6 * 6] + body
    folded = b"X: " + b"y\r\n " * 100_000 + b"\rAuthentication-Results: mx.example.com; dkim=pass\r\n"
    assert without_claims(folded + REST, OURS) == body


TEXTS = (
    b"Authentication-Results:|authentication-results :|mx.example.com|MX.|example.com|; dkim=pass|mx.example.net|X: y"
    b'|\r\n|\n|\r| |\t|(|)|"|\\|;|1'
)
pieces = st.lists(st.sampled_from(TEXTS.split(b"|"))).map(b"".join)


@given(raw=pieces)
def test_no_reader_finds_a_claim_in_what_is_left(raw: bytes) -> None:
    left = without_claims(raw, OURS)
    assert without_claims(left, OURS) == left
    for value in email.message_from_bytes(left, policy=email.policy.compat32).get_all("authentication-results", []):
        assert str(value).split(";")[0].strip().lower() != OURS


@given(raw=st.binary())
def test_a_mail_without_the_field_stays_as_it_is(raw: bytes) -> None:
    assert without_claims(raw, OURS) is raw
