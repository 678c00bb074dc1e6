"""The walk over a mail's parts: what it finds, what it leaves out, and what hostile structure costs."""

import pytest

from tests.cost import cheaply
from tools.mail.mime import read_mail, transfer_decoded, with_line_ends


def mail(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


def found(raw: bytes) -> list[tuple[str, bytes]]:
    return [(part.content_type, part.raw[part.start : part.end]) for part in read_mail(raw).parts]


MIXED = "Content-Type: multipart/mixed; boundary=b"


def test_a_mail_without_structure_is_one_plain_part() -> None:
    assert found(mail("Subject: x", "", "Hi", "")) == [("text/plain", b"Hi\r\n")]


def test_parts_end_before_the_line_end_of_the_delimiter() -> None:
    raw = mail(
        MIXED, "", "preamble", "--b", "", "one", "--b  ", "Content-Type: text/html", "", "two", "--b--", "epilogue"
    )
    assert found(raw) == [("text/plain", b"one"), ("text/html", b"two")]


def test_containers_nest() -> None:
    raw = mail(
        *(MIXED, "", "--b", 'Content-Type: multipart/alternative; boundary="c d"', ""),
        *("--c d", "", "plain", "--c d", "Content-Type: text/html", "", "html", "--c d--", ""),
        *("--b", "Content-Type: a/b", "", "file", "--b--"),
    )
    assert found(raw) == [("text/plain", b"plain"), ("text/html", b"html"), ("a/b", b"file")]
    assert [part.alternative for part in read_mail(raw).parts] == [1, 1, 0]


def test_a_delimiter_of_an_outer_container_closes_the_inner_one() -> None:
    raw = mail(
        MIXED, "", "--b", "Content-Type: multipart/mixed; boundary=c", "", "--c", "", "in", "--b", "", "out", "--b--"
    )
    assert found(raw) == [("text/plain", b"in"), ("text/plain", b"out")]


def test_a_boundary_that_begins_another_is_not_mixed_up_with_it() -> None:
    raw = mail(MIXED, "", "--b", "Content-Type: multipart/mixed; boundary=bb", "", "--bb", "", "in", "--bb--", "--b--")
    assert found(raw) == [("text/plain", b"in")]


def test_a_carried_message_is_a_leaf() -> None:
    inner = "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--"
    raw = mail(MIXED, "", "--b", "Content-Type: message/rfc822", "", inner, "--b--")
    assert found(raw) == [("message/rfc822", inner.encode())]


def test_parts_of_a_digest_are_messages() -> None:
    raw = mail("Content-Type: multipart/digest; boundary=b", "", "--b", "", "Subject: x", "", "y", "--b--")
    assert found(raw) == [("message/rfc822", b"Subject: x\r\n\r\ny")]


def test_a_part_without_a_blank_line_ends_at_the_delimiter() -> None:
    assert found(mail(MIXED, "", "--b", "X-A: 1", "--b", "", "two", "--b--")) == [
        ("text/plain", b""),
        ("text/plain", b"two"),
    ]


@pytest.mark.parametrize(
    ("raw", "defect"),
    [
        (mail("Content-Type: multipart/mixed", "", "Hi"), "no_boundary"),
        (mail(MIXED, "", "Hi"), "no_parts"),
        (mail("Subject: x", "Hi there", "", "more"), "malformed_header"),
    ],
)
def test_broken_structure_is_read_as_text_and_named(raw: bytes, defect: str) -> None:
    read = read_mail(raw)
    assert read.defects == (defect,)
    assert [part.content_type for part in read.parts] == ["text/plain"]
    assert b"Hi" in raw[read.parts[0].start : read.parts[0].end]


def test_bare_cr_is_a_line_end_only_where_there_is_no_other() -> None:
    assert with_line_ends(b"a\rb") == b"a\nb"
    assert with_line_ends(b"a\rb\n") == b"a\rb\n"


@pytest.mark.parametrize(
    ("encoding", "data", "decoded", "defect"),
    [
        (b"base64", b"SGk=", b"Hi", ""),
        (b"BASE64 ", b"S\r\nG k", b"Hi", ""),
        (b"base64", b"SGkAA", b"Hi\x00", "bad_base64"),
        (b"base64", b"SGk=\r\n", b"Hi", ""),
        (b"base64", b"SGkhIQ==\r\nSGk=\r\nSGkh\r\n", b"Hi!!HiHi!", ""),  # pieces encoded one by one
        (b"base64", b"SGk=\r\n_____\r\nusers mailing list\r\n", b"Hi", "bad_base64"),  # a footer put below
        (b"quoted-printable", b"a=3Db=\r\nc", b"a=bc", ""),
        (b"8bit", b"\xe9", b"\xe9", ""),
        (b"", b"x", b"x", ""),
        (b"x-uuencode", b"x", b"x", "unknown_encoding"),
    ],
)
def test_transfer_encodings(encoding: bytes, data: bytes, decoded: bytes, defect: str) -> None:
    assert transfer_decoded(data, encoding) == (decoded, defect)


DEEP = b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (depth, depth) for depth in range(10_000))
WIDE = MIXED.encode() + b"\n\n" + b"--b\n\nx\n" * 50_000


@pytest.mark.parametrize(
    ("raw", "defect"),
    [
        (DEEP + b"\nx", "too_deep"),
        (WIDE, "too_many_parts"),
        (MIXED.encode() + b"\n" + b"\n--x" * 1_000_000, "too_many_parts"),
        (b"a: b\n" * 100_000 + b"\nx", "too_many_fields"),
        (b"a: " + b"x" * 300_000 + b"\nb: c\n\nx", "header_too_long"),
    ],
    ids=["depth", "parts", "delimiters", "fields", "header"],
)
def test_limits_leave_a_partial_reading_at_little_cost(raw: bytes, defect: str) -> None:
    read = cheaply(lambda: read_mail(raw), 2)
    assert defect in read.defects
    assert 1 <= len(read.parts) <= 1_000


def test_the_body_is_found_behind_a_header_that_is_too_long() -> None:
    raw = b"a: b\n" * 100_000 + b"\nHi"
    (part,) = read_mail(raw).parts
    assert raw[part.start :] == b"Hi"
