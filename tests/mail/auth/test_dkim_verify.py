"""DKIM verification: each rule of RFC 6376, 8301 and 8463 by a mail that keeps or breaks it."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.delivery.dkim import Signer, dns_records, generate_keys
from tests.mail.auth.signing import BODY, ED25519, FIELDS, NOW, RSA, SECONDS, SHORT, Private, record, signed, weak
from tools.mail.auth.dkim import MAX_SIGNATURES, Signature, verify
from tools.mail.auth.keys import Keys
from tools.mail.auth.signed import BODY_HASHES, SignedMail
from tools.mail.auth.zone import Zone

NAME = "sel._domainkey.example.com"


async def verdicts(raw: bytes, *records: object, name: str = NAME) -> tuple[Signature, ...]:
    zone = Zone({name: {"TXT": records or [record()]}})
    return await verify(SignedMail(raw), zone, Keys(), NOW)


async def verdict(raw: bytes, *records: object, name: str = NAME) -> Signature:
    (found,) = await verdicts(raw, *records, name=name)
    return found


async def test_a_mail_without_signature_has_no_verdict() -> None:
    assert await verdicts(b"From: ada@example.com\r\n\r\nHello\r\n") == ()


@pytest.mark.parametrize(("key", "bits"), [(RSA, 2048), (SHORT, 1024), (ED25519, 256)])
async def test_a_sound_signature_passes(key: Private, bits: int) -> None:
    found = await verdict(signed(key=key), record(key))
    assert (found.result, found.reason, found.key_bits) == ("pass", "", bits)
    assert (found.domain, found.selector, found.identity) == ("example.com", "sel", "@example.com")
    assert found.fields == ("from", "to", "subject")
    assert found.covers_whole_body and found.vouches and not found.testing


async def test_our_own_signatures_pass() -> None:
    keys = generate_keys(None)
    rsa, ed25519 = dns_records(keys, None)
    zone = Zone({"gpr._domainkey.example.com": {"TXT": [rsa]}, "gpe._domainkey.example.com": {"TXT": [ed25519]}})
    mail = Signer("example.com", "gp", keys, None).sign(b"\r\n".join((*FIELDS, b"", BODY)), NOW)
    found = await verify(SignedMail(mail), zone, Keys(), NOW)
    assert [(each.result, each.algorithm) for each in found] == [("pass", "rsa-sha256"), ("pass", "ed25519-sha256")]


@pytest.mark.parametrize("key", [RSA, ED25519])
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"One hundred", b"One thousand", "body"),
        (b"Subject: Hello", b"Subject: Hallo", "signed field"),
        (b"Subject: Hello", b"subject: Hello", "signed field"),  # simple, so as it stands
        (b"To: Bob", b"To:  Bob", "signed field"),
        (b"d=example.com;", b"d=example.com ;", "signed field"),
    ],
)
async def test_a_change_fails(key: Private, old: bytes, new: bytes, reason: str) -> None:
    found = await verdict(signed(key=key).replace(old, new, 1), record(key))
    assert found.result == "fail" and reason in found.reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"DKIM-Signature:", b"Received: by somebody\r\nDKIM-Signature:"),
        (b"hundred.\r\n", b"hundred.\r\n\r\n\r\n"),  # section 3.4.3: empty lines at the end
        (b"\r\n", b"\n"),
        (b"DKIM-Signature:", b"From somebody Thu Jan  1 00:00:00 2026\r\nDKIM-Signature:"),
    ],
)
async def test_a_change_that_does_not_matter(old: bytes, new: bytes) -> None:
    assert (await verdict(signed().replace(old, new))).result == "pass"


async def test_what_stands_between_b_and_its_semicolon_is_no_matter() -> None:
    raw = signed()
    start = raw.index(b" b=") + 3
    broken = raw[:start] + b" \r\n\t" + raw[start : start + 40] + b"\r\n " + raw[start + 40 :]
    assert (await verdict(broken)).result == "pass"


@pytest.mark.parametrize(
    ("tags", "result", "reason"),
    [
        ({"v": None}, "permerror", "v= is missing"),
        ({"v": "2"}, "permerror", "version"),
        ({"a": "rsa-sha1"}, "permerror", "algorithm"),
        ({"a": "rsa-sha512"}, "permerror", "algorithm"),
        ({"a": "ed25519-sha256"}, "permerror", "another algorithm"),
        ({"c": "strict/simple"}, "permerror", "c="),
        ({"c": ""}, "permerror", "c="),
        ({"d": None}, "permerror", "d= is missing"),
        ({"d": "com"}, "permerror", "name of the DNS"),
        ({"d": "victim@example.com"}, "permerror", "name of the DNS"),
        ({"d": "example.com(.evil.example"}, "permerror", "name of the DNS"),
        ({"d": "example.com\0.evil.example"}, "permerror", "malformed"),
        ({"s": "sel\u2028"}, "permerror", "name of the DNS"),
        ({"s": "a" * 240}, "permerror", "name of the DNS"),
        ({"h": "To:Subject"}, "permerror", "From"),
        ({"h": "From:T\u00f6"}, "permerror", "h="),
        ({"bh": "===="}, "permerror", "bh="),
        ({"bh": None}, "permerror", "bh= is missing"),
        ({"l": "-1"}, "permerror", "l="),
        ({"l": "\u0663"}, "permerror", "l="),
        ({"t": "soon"}, "permerror", "t="),
        ({"q": "http"}, "permerror", "DNS"),
        ({"i": "ada@example.org"}, "permerror", "i="),
        ({"i": "ada@badexample.com"}, "permerror", "i="),
        ({"i": "ada"}, "permerror", "i="),
        ({"i": "a" * 400 + "@example.com"}, "permerror", "i="),
        ({"a" * 33: "x"}, "permerror", "malformed"),
        ({"x": str(SECONDS - 3600)}, "fail", "expired"),
        ({"t": str(SECONDS + 86_400)}, "fail", "future"),
        ({"t": str(SECONDS + 20), "x": str(SECONDS + 10)}, "permerror", "before"),
        ({"t": str(SECONDS), "x": str(SECONDS + 10)}, "pass", ""),
        ({"x": str(SECONDS - 10)}, "pass", ""),
        ({"i": "ada@mail.example.com"}, "pass", ""),
        ({"q": "http : dns/txt"}, "pass", ""),
        ({"d": "EXAMPLE.com", "s": "SEL"}, "pass", ""),
        ({"h": " FROM :\r\n\tto: Subject "}, "pass", ""),
        ({"unknown": "tag", "z": "From:=20x|To:y"}, "pass", ""),
        ({"h": "From:To:Subject:Cc:From"}, "pass", ""),  # oversigned: what is not there counts as nothing
    ],
)
async def test_tags(tags: dict[str, str | None], result: str, reason: str) -> None:
    found = await verdict(signed(tags))
    assert (found.result, reason in found.reason) == (result, True), found.reason


async def test_duplicate_tags_are_refused() -> None:
    found = await verdict(signed().replace(b" v=1;", b" v=1; d=evil.example;"))
    assert (found.result, found.reason) == ("permerror", "the tag d= is there twice")


@pytest.mark.parametrize("value", [b"", b";;", b"v", b"v=1;; a=b", b"=1", b"1=v", b"\xff=1", b"v=1; b=\x01"])
async def test_a_field_that_is_no_tag_list(value: bytes) -> None:
    assert (await verdict(b"DKIM-Signature: " + value + b"\r\nFrom: a@example.com\r\n\r\n")).result == "permerror"


@pytest.mark.parametrize(
    ("text", "result", "reason"),
    [
        ("v=DKIM1; k=rsa; p=", "permerror", "revoked"),
        ("v=DKIM1; k=rsa", "permerror", "no key"),
        ("v=spf1 -all", "permerror", "version"),
        ("", "permerror", "no key"),
        ("p=AAAA", "permerror", "cannot be read"),
        ("p=%%%%", "permerror", "cannot be read"),
        (record(tags="v=DKIM2;"), "permerror", "version"),
        (record(tags="n=late; v=DKIM1;"), "permerror", "version"),
        (record(tags="h=sha1;"), "permerror", "SHA-256"),
        (record(tags="s=tlsrpt;"), "permerror", "not for mail"),
        (record(tags="k=dsa;").replace(" k=rsa;", ""), "permerror", "kind"),
        (record(tags="n=one; n=two;"), "permerror", "twice"),
        (record(tags=f"n={'x' * 4000};"), "permerror", "too long"),
        (record(ED25519), "permerror", "another algorithm"),
        (record(ED25519).replace("ed25519", "rsa"), "permerror", "cannot be read"),
        (record(SHORT), "fail", "the key is another"),
        (record(tags=""), "pass", ""),
        (record(tags="").replace(" k=rsa;", ""), "pass", ""),
        (record(tags="v=DKIM1; h=sha1:sha256; s=other:email; t=s; g=*; n=x;"), "pass", ""),
        (record() + ";", "pass", ""),
        (record()[:200] + " " + record()[200:], "pass", ""),
    ],
)
async def test_key_records(text: str, result: str, reason: str) -> None:
    found = await verdict(signed(), text)
    assert (found.result, reason in found.reason) == (result, True), found.reason


async def test_a_record_in_several_strings() -> None:
    text = record()
    assert (await verdict(signed(), [text[:100], text[100:255], text[255:]])).result == "pass"


async def test_one_of_several_records_is_enough() -> None:
    assert (await verdict(signed(), "v=spf1 -all", record(SHORT), record())).result == "pass"


async def test_a_short_key_is_not_believed() -> None:
    # RFC 8301 section 3.2
    found = await verdict(signed(key=weak()), record(weak()))
    assert (found.result, found.key_bits) == ("policy", 512)


@pytest.mark.parametrize(
    ("bits", "exponent", "result"),
    [
        (4096, 65537, "fail"),
        (4096, 2**32 - 1, "fail"),
        (4097, 65537, "policy"),
        (2048, 2**32 + 1, "policy"),
        (3072, 2**3071 + 1, "policy"),
    ],
)
async def test_a_key_that_takes_long_is_not_tried(bits: int, exponent: int, result: str) -> None:
    """A modulus of 3,072 bits may have an exponent as long: 12 ms a try, and one mail may ask for hundreds."""
    public = RSAPublicNumbers(exponent, 2**bits - 1).public_key()
    text = b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    assert (await verdict(signed(), f"v=DKIM1; p={text}")).result == result


async def test_a_key_that_wants_the_very_domain() -> None:
    below = signed({"i": "ada@mail.example.com"})
    assert (await verdict(below, record(tags="t=s;"))).result == "permerror"
    assert (await verdict(signed({"i": "ada@example.com"}), record(tags="t=y:s;"))).result == "pass"


async def test_a_key_on_trial_is_told_of() -> None:
    found = await verdict(signed(), record(tags="t=y;"))
    assert found.result == "pass" and found.testing


@pytest.mark.parametrize(
    ("records", "result"), [("SERVFAIL", "temperror"), ("TIMEOUT", "temperror"), ({"A": ["192.0.2.1"]}, "permerror")]
)
async def test_a_key_that_does_not_come(records: object, result: str) -> None:
    (found,) = await verify(SignedMail(signed()), Zone({NAME: records}), Keys(), NOW)
    assert found.result == result
    (found,) = await verify(SignedMail(signed()), Zone({}), Keys(), NOW)
    assert found.result == "permerror"


async def test_a_body_that_is_signed_in_part_vouches_for_nothing() -> None:
    part = signed({"l": str(len(BODY))})
    assert (await verdict(part)).vouches
    found = await verdict(part + b"<p>Buy this</p>\r\n")
    assert (found.result, found.covers_whole_body, found.vouches) == ("pass", False, False)
    assert "partial" in found.reason
    assert (await verdict(part.replace(b"hundred", b"thousand"))).result == "fail"


@pytest.mark.parametrize(
    "field", [b"From: Eve <eve@example.net>", b"from : eve@example.net", b"Subject: Other", b"To: eve@example.net"]
)
async def test_a_second_field_where_one_may_be(field: bytes) -> None:
    raw = signed()
    assert (await verdict(field + b"\r\n" + raw)).result == "fail"
    assert (await verdict(raw.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n\r\n", 1))).result == "fail"
    assert (await verdict(b"Received: x\r\nReceived: y\r\n" + raw)).result == "pass"


async def test_the_header_ends_where_the_parser_ends_it() -> None:
    # from here on it is body to the reader, and its From is the first one
    assert await verdicts(b"From: eve@example.net\r\nno field\r\n" + signed()) == ()
    found = await verdict(signed().replace(b"\r\nTo:", b"\r\nno field\r\nTo:"))
    assert found.result == "fail"


async def test_several_fields_of_a_name_are_signed_from_below() -> None:
    lines = (b"From: ada@example.com", b"Received: second", b"Received: first")
    raw = signed(fields=lines, covered=(lines[0], lines[2], lines[1]))
    assert (await verdict(raw)).result == "pass"
    assert (await verdict(b"Received: third\r\n" + raw)).result == "pass"
    assert (await verdict(signed(fields=lines, covered=lines))).result == "fail"


async def test_no_more_than_ten_are_looked_at() -> None:
    one = signed().partition(FIELDS[0])[0]
    found = await verdicts(one * 20 + signed())
    assert [each.result for each in found] == ["pass"] * MAX_SIGNATURES


async def test_a_body_is_hashed_in_few_ways() -> None:
    """Each length is another hash of all of the body: ten of 25 MB, and fifty of ARC, took half a minute of CPU."""
    others = [signed({"l": str(length)}).partition(FIELDS[0])[0] for length in range(1, 7)]
    found = await verdicts(b"".join(others) + signed())
    assert [each.result for each in found] == ["fail"] * BODY_HASHES + ["policy"] * (7 - BODY_HASHES)
    found = await verdicts(b"".join(others[:3]) + signed())
    assert [each.result for each in found] == ["fail"] * 3 + ["pass"]


async def test_each_signature_is_judged_by_itself() -> None:
    other = signed({"d": "nobody.example"}).partition(FIELDS[0])[0]
    found = await verdicts(other + b"DKIM-Signature: x\r\n" + signed())
    assert [(each.domain, each.result) for each in found] == [
        ("nobody.example", "permerror"),
        ("", "permerror"),
        ("example.com", "pass"),
    ]


async def test_an_internationalised_domain_is_known_by_its_a_label() -> None:
    found = await verdict(signed({"d": "grüße.example"}), name="sel._domainkey.xn--gre-6ka8l.example")
    assert (found.result, found.domain) == ("pass", "xn--gre-6ka8l.example")


async def test_a_large_mail_is_verified_too() -> None:
    body = b"x" * 998 + b"\r\n"
    assert (await verdict(signed(body=body * 100))).result == "pass"


async def test_a_header_too_long_to_be_read_whole() -> None:
    field, _, rest = signed().partition(b"\r\n")
    found = await verdict(field + b"\r\nX: y" * 1001 + b"\r\n" + rest)
    assert (found.result, found.reason) == ("neutral", "the header is too long")
    assert await verdicts(b"X: y\r\n" * 1001 + signed()) == ()
