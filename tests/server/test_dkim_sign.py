"""DKIM signatures, with dkimpy as the oracle."""

from collections.abc import Callable
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from server.delivery.dkim import (
    SIGNED,
    KeyPair,
    Signer,
    SigningError,
    dns_records,
    generate_keys,
)
from server.delivery.stamp import stamp
from tools.mail.canonical import relaxed_body, relaxed_field

AT = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
KEYS = generate_keys(None)
SIGNER = Signer("example.com", "gp", KEYS, None)
HEADER = b"From: Ada <ada@example.com>\r\nTo: Bob <bob@example.org>\r\nSubject: Hello\r\n"

# dkimpy has no types
ORACLE: Any = dkim

DnsFunc = Callable[..., bytes | None]


def zone(keys: KeyPair = KEYS, passphrase: bytes | None = None) -> DnsFunc:
    rsa, ed25519 = dns_records(keys, passphrase)
    records = {b"gpr._domainkey.example.com.": rsa.encode(), b"gpe._domainkey.example.com.": ed25519.encode()}

    def lookup(name: bytes, timeout: int = 5) -> bytes | None:
        return records.get(name)

    return lookup


def verified(mail: bytes, dnsfunc: DnsFunc | None = None) -> list[bool]:
    """What dkimpy says of the first and of the second signature of the mail as DATA carries it."""
    wire = mail if mail.endswith(b"\r\n") else mail + b"\r\n"
    return [_verified(wire, index, dnsfunc or zone()) for index in (0, 1)]


def _verified(wire: bytes, index: int, dnsfunc: DnsFunc) -> bool:
    try:
        return bool(ORACLE.DKIM(wire).verify(idx=index, dnsfunc=dnsfunc))
    except ORACLE.ValidationError:  # a body hash that differs
        return False


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Hello\r\n",
        b"Hello",
        b"Hello \t ",
        b"\r\n",
        b"\r\n\r\n\r\n",
        b" \r\n\t\r\n",
        b"Hello\r\n\r\n\r\n",
        b"Hello \t\r\n \r\n\t\r\n",
        b"  two  spaces\tand\t\ttabs  \r\n",
        b"\r\n\r\nleading blank lines\r\n",
        b".\r\n..dots\r\n",
        b"x" * 5000 + b"\r\n",
        "grüße \u2603\r\n".encode(),
        bytes(b for b in range(256) if b not in (10, 13)) + b"\r\n",
        b"form feed \x0c and \x0b stay\x0c\r\n",
    ],
)
def test_both_signatures_verify(body: bytes) -> None:
    mail = SIGNER.sign(HEADER + b"\r\n" + body, AT)
    assert mail.endswith(HEADER + b"\r\n" + body)
    assert verified(mail) == [True, True]


body_text = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b".", b"\xe9", b"  "])).map(b"".join)


@settings(max_examples=50)
@given(body=body_text, subject=st.lists(st.sampled_from([b" ", b"\t", b"\r\n ", b"\r\n\t", b"x", b":"])).map(b"".join))
def test_any_body_and_any_folding_verifies(body: bytes, subject: bytes) -> None:
    header = b"From: ada@example.com\r\nSubject: a" + subject + b"z\r\n"
    assert verified(SIGNER.sign(header + b"\r\n" + body, AT)) == [True, True]


@given(body=body_text)
def test_body_canonicalisation_is_stable_and_ends_with_a_line_end(body: bytes) -> None:
    once = relaxed_body(body)
    assert relaxed_body(once) == once
    assert not once or once.endswith(b"\r\n")


def test_canonical_form_is_that_of_the_standard() -> None:
    # RFC 6376 section 3.4.5
    assert relaxed_field(b"A: X") + b"\r\n" + relaxed_field(b"B : Y\t\r\n\tZ  ") == b"a:X\r\nb:Y Z"
    assert relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"


def test_a_mail_without_blank_line_is_signed() -> None:
    assert verified(SIGNER.sign(HEADER, AT)) == [True, True]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"one hundred", b"one thousand"),
        (b"\r\n\r\none", b"\r\n\r\n\r\none"),
        (b"Subject: Hello", b"Subject: Hallo"),
        (b"To: Bob", b"To: Eve"),
        (b"From: Ada", b"From: Eve <eve@example.net>\r\nFrom: Ada"),
        (b"List-Unsubscribe-Post: List", b"List-Unsubscribe-Post: Lost"),
    ],
)
def test_a_change_breaks_both(old: bytes, new: bytes) -> None:
    header = HEADER + b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    mail = SIGNER.sign(header + b"\r\none hundred\r\n", AT)
    assert verified(mail) == [True, True]
    assert verified(mail.replace(old, new, 1)) == [False, False]


def test_every_listed_field_is_covered_in_all_its_instances() -> None:
    header = b"".join(b"%s: <value-of-%s>\r\n" % (name, name) for name in SIGNED)
    header += b"To: second@example.org\r\nReceived: not covered\r\n"
    mail = SIGNER.sign(header + b"\r\nHello\r\n", AT)
    assert verified(mail) == [True, True]
    covered = dict(ORACLE.DKIM(mail).headers)[b"DKIM-Signature"]
    names = ORACLE.util.parse_tag_value(covered)[b"h"].replace(b"\r\n", b"").replace(b" ", b"").split(b":")
    assert sorted(names) == sorted([*SIGNED, b"from", b"to"])
    assert verified(mail.replace(b"second@", b"third@")) == [False, False]
    assert verified(mail.replace(b"not covered", b"changed")) == [True, True]


def test_signature_carries_its_time_and_short_lines() -> None:
    signatures = SIGNER.sign(HEADER + b"\r\nHello\r\n", AT).split(b"From:")[0]
    assert signatures.count(b"t=1767225600;") == 2
    assert max(map(len, signatures.split(b"\r\n"))) <= 78
    assert [field.count(b"DKIM-Signature:") for field in signatures.split(b"\r\nDKIM-")] == [1, 0]


def test_keys_may_be_encrypted() -> None:
    keys = generate_keys(b"correct horse")
    assert keys.rsa_pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    mail = Signer("example.com", "gp", keys, b"correct horse").sign(HEADER + b"\r\nHello\r\n", AT)
    assert verified(mail, zone(keys, b"correct horse")) == [True, True]
    assert verified(mail) == [False, False]
    for passphrase in (b"wrong", None):
        with pytest.raises(SigningError):
            Signer("example.com", "gp", keys, passphrase)


def test_ed25519_record_is_the_bare_key() -> None:
    # RFC 8463 appendix A.1 and A.2
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = Ed25519PrivateKey.from_private_bytes(secret)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    record = dns_records(KeyPair(KEYS.rsa_pem, pem), None)[1]
    assert record == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


@pytest.mark.parametrize(
    "keys",
    [KeyPair(b"", b""), KeyPair(KEYS.ed25519_pem, KEYS.rsa_pem), KeyPair(KEYS.rsa_pem, b"-----BEGIN nonsense")],
)
def test_keys_that_are_none_are_refused(keys: KeyPair) -> None:
    with pytest.raises(SigningError):
        Signer("example.com", "gp", keys, None)


@pytest.mark.parametrize("damaged", ["d", "e"])
def test_a_key_whose_halves_do_not_belong_together_is_refused(damaged: str) -> None:
    key = load_pem_private_key(KEYS.rsa_pem, None)
    assert isinstance(key, RSAPrivateKey)
    good = key.private_numbers()
    public = RSAPublicNumbers(3, good.public_numbers.n) if damaged == "e" else good.public_numbers
    d, dmp1 = (good.d - 2, good.dmp1 - 2) if damaged == "d" else (good.d, good.dmp1)
    bad = RSAPrivateNumbers(good.p, good.q, d, dmp1, good.dmq1, good.iqmp, public)
    pem = bad.private_key(unsafe_skip_rsa_key_validation=True).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with pytest.raises(SigningError, match="does not verify"):
        Signer("example.com", "gp", KeyPair(pem, KEYS.ed25519_pem), None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: nobody\r\n\r\nHello\r\n",
        b"From: a@example.com\r\nFROM: b@example.com\r\n\r\nHello\r\n",
        HEADER + b"\r\nbare\nline feed\r\n",
        HEADER + b"\r\nbare\rreturn\r\n",
        HEADER + b"\r\n\n\r",
    ],
)
def test_what_cannot_be_signed_is_refused(raw: bytes) -> None:
    with pytest.raises(SigningError):
        SIGNER.sign(raw, AT)


def test_names_must_be_ascii() -> None:
    with pytest.raises(SigningError):
        Signer("exämple.test", "gp", KEYS, None)


def test_stamp_adds_the_date_once_and_it_is_signed() -> None:
    stamped = stamp(HEADER + b"\r\nDate: in the body\r\n", AT)
    assert stamped == b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n" + HEADER + b"\r\nDate: in the body\r\n"
    assert stamp(stamped, AT + 5_000_000) == stamped
    mail = SIGNER.sign(stamped, AT)
    assert verified(mail) == [True, True]
    assert verified(mail.replace(b"01 Jan", b"02 Jan")) == [False, False]
