"""Whole mails: ordinary ones as the standard library reads them, hostile ones within bounds."""

import dataclasses
import email
import email.headerregistry
import email.policy
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from hashlib import sha256
from html import escape
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.address import Address
from tools.mail.invisible import cleaned
from tools.mail.parse import Parsed, attachment_bytes, parse

CORPORA = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))

GMAIL_REPLY = """\
From: Ann Lee <ann@example.com>
To: Bo <bo@example.org>
Subject: Re: Plan
Message-ID: <2@example.com>
In-Reply-To: <1@example.org>
References: <0@example.org> <1@example.org>
Date: Mon, 5 Feb 2024 11:00:00 +0100
Content-Type: multipart/alternative; boundary="000b"

--000b
Content-Type: text/plain; charset="UTF-8"

Yes, let us do that.

Ann

On Mon, Feb 5, 2024 at 10:00 AM Bo <bo@example.org> wrote:

> Shall we?
>
> Bo
>
--000b
Content-Type: text/html; charset="UTF-8"

<div dir="ltr">Yes, let us do that.<div><br></div><div>Ann</div></div><br><div class="gmail_quote">\
<div dir="ltr" class="gmail_attr">On Mon, Feb 5, 2024 at 10:00 AM Bo &lt;<a href="mailto:bo@example.org">\
bo@example.org</a>&gt; wrote:<br></div><blockquote class="gmail_quote">Shall we?<br><br>Bo<br></blockquote></div>
--000b--
"""


def assert_storable(parsed: Parsed) -> None:
    text = json.dumps(dataclasses.asdict(parsed), ensure_ascii=False)
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()


def test_a_reply_is_read_in_full() -> None:
    parsed = parse(GMAIL_REPLY.replace("\n", "\r\n").encode())
    assert parsed.subject == "Re: Plan"
    assert parsed.sender == Address("ann@example.com", "Ann Lee")
    assert not parsed.sender_ambiguous
    assert parsed.to == (Address("bo@example.org", "Bo"),)
    assert (parsed.message_id, parsed.in_reply_to) == ("2@example.com", "1@example.org")
    assert parsed.references == ("0@example.org", "1@example.org")
    assert parsed.date == int(datetime(2024, 2, 5, 10, tzinfo=UTC).timestamp()) * 1_000_000
    assert parsed.new_text == "Yes, let us do that.\n\nAnn"
    assert parsed.quoted.startswith("On Mon, Feb 5") and parsed.quoted.endswith("> Bo\n>")
    assert parsed.html.startswith('<div dir="ltr">Yes')
    assert (parsed.attachments, parsed.automatic, parsed.defects) == ((), False, ())


def test_a_reply_in_html_alone_gives_the_same_new_text() -> None:
    page = GMAIL_REPLY.split("\n\n")[-1].removesuffix("\n--000b--\n")
    parsed = parse(b"From: ann@example.com\nContent-Type: text/html; charset=utf-8\n\n" + page.encode())
    assert parsed.new_text == "Yes, let us do that.\n\nAnn"
    assert "> Shall we?" in parsed.quoted


def test_a_forwarded_mail_is_all_new() -> None:
    parsed = parse(
        b"Subject: Fwd: Plan\n\nLook.\n\nFrom: Ann <ann@example.com>\nSent: today\nTo: Bo\nSubject: Plan\n\nHi"
    )
    assert parsed.new_text.endswith("Hi")
    assert parsed.quoted == ""


@pytest.mark.parametrize("quote", ["> Payment is due within 30 days.", "    >>> pay(30)"])
def test_what_a_mail_quotes_that_answers_nothing_is_new(quote: str) -> None:
    text = f"The contract says:\n\n{quote}\n\nIs that right?"
    first = parse(f"Subject: Clause 4\n\n{text}\n".encode())
    assert (first.new_text.rstrip(), first.quoted) == (text, "")
    answers = (f"Subject: Re: Clause 4\n\n{text}\n", f"Subject: Clause 4\nIn-Reply-To: <1@example.com>\n\n{text}\n")
    for answer in answers:
        assert parse(answer.encode()).quoted.strip() == quote.strip()


def test_a_blank_plain_alternative_gives_way_to_the_html() -> None:
    raw = (
        b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\n \n--b\nContent-Type: text/html\n\n<p>Hi</p>\n--b--"
    )
    assert parse(raw).text == "Hi"


def test_a_page_without_a_declared_charset_is_read_by_its_own() -> None:
    page = '<meta charset="windows-1251"><p>Привет</p>'.encode("cp1251")
    assert parse(b"Subject: x\r\nContent-Type: text/html\r\n\r\n" + page).text == "Привет"


def test_text_around_an_alternative_belongs_to_the_body() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n"
        b"--b\n\nplain\n--b\nContent-Type: text/html\n\n<p>plain</p>\n--b--\n--a\n\nfooter of the list\n--a--"
    )
    parsed = parse(raw)
    assert parsed.text == "plain\nfooter of the list"
    assert parsed.html == "<p>plain</p>"


@pytest.mark.parametrize(
    ("head", "text", "attached"),
    [
        ('text/plain; name="message.txt"', "Hello", 0),
        ('text/html; name="message.html"\nContent-Disposition: inline; filename="message.html"', "Hello", 0),
        ('text/plain; name="report.txt"\nContent-Disposition: attachment', "", 1),
        ('multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; name="text.txt"', "Hello", 0),
        ('multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; name="report.txt"', "", 1),
    ],
)
def test_a_body_may_have_a_name(head: str, text: str, attached: int) -> None:
    parsed = parse(f"Subject: x\nContent-Type: {head}\n\nHello".encode())
    assert (parsed.text, len(parsed.attachments)) == (text, attached)


def test_attachments_are_found_by_their_index() -> None:
    message = EmailMessage()
    message.set_content("See.")
    message.add_attachment(b"\x00\x01", maintype="application", subtype="pdf", filename="Größe.pdf")
    message.add_attachment("named text", filename="notes.txt")
    message.add_attachment(EmailMessage())
    raw = message.as_bytes()
    parsed = parse(raw)
    assert [(info.name, info.content_type) for info in parsed.attachments] == [
        ("Größe.pdf", "application/pdf"),
        ("notes.txt", "text/plain"),
        ("", "message/rfc822"),
    ]
    for info in parsed.attachments:
        data = attachment_bytes(raw, info.index)
        assert data is not None
        assert (info.size, info.sha256) == (len(data), sha256(data).hexdigest())
    assert attachment_bytes(raw, parsed.attachments[0].index) == b"\x00\x01"
    assert parsed.text == "See.\n"


@pytest.mark.parametrize("index", [-1, 0, 1, 10_000])
def test_an_index_that_names_no_attachment_gives_nothing(index: int) -> None:
    assert attachment_bytes(b"Subject: x\n\nHi", index) is None


@pytest.mark.parametrize(
    ("disposition", "inline"),
    [("attachment", False), ("inline", True), ("", True)],
)
def test_an_image_the_page_may_show_is_inline(disposition: str, inline: bool) -> None:
    raw = f"Content-Type: image/png\nContent-ID: <a@b>\nContent-Disposition: {disposition}\n\nx".encode()
    assert [info.inline for info in parse(raw).attachments] == [inline]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\dir\\a.txt", "a.txt"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("a\x00b\r\nc.txt", "a\ufffdb c.txt"),
        ("x" * 4_096 + ".pdf", "x" * 250 + ".pdf"),
    ],
)
def test_a_file_name_is_only_a_name(name: str, shown: str) -> None:
    raw = b"Content-Type: a/b\nContent-Disposition: attachment; filename*=utf-8''"
    raw += "".join(f"%{byte:02X}" for byte in name.encode()).encode() + b"\n\nx"
    assert [info.name for info in parse(raw).attachments] == [shown]


@pytest.mark.parametrize(
    ("field", "automatic"),
    [
        ("Auto-Submitted: auto-replied", True),
        ("Auto-Submitted: Auto-Generated; type=x", True),
        ("Auto-Submitted: no", False),
        ("Precedence: Bulk", True),
        ("Precedence: first-class", False),
        ("List-Id: <a.example.com>", True),
        ("Content-Type: multipart/report; boundary=b", True),
        ("X-Mailer: x", False),
    ],
)
def test_mail_by_machines_is_marked(field: str, automatic: bool) -> None:
    assert parse(f"From: ann@example.com\n{field}\n\nHi".encode()).automatic is automatic


@pytest.mark.parametrize(
    ("field", "defect"),
    [
        ("From: a@example.com\nFrom: b@example.com", "many_from"),
        ("Subject: x", "no_from"),
        ("From: a@example.com\nDate: yesterday", "bad_date"),
        ("From: a@example.com\nContent-Type: text/plain; charset=klingon", "unknown_charset"),
        ("From: a@example.com\nContent-Transfer-Encoding: rot13", "unknown_encoding"),
        (f"From: a@example.com\nSubject: {'x' * 3_000}", "header_too_long"),
        (f"From: a@example.com\nTo: {'a@example.com,' * 1_001}", "too_many_addresses"),
    ],
)
def test_defects_have_codes(field: str, defect: str) -> None:
    assert parse(f"{field}\n\nHi".encode()).defects == (defect,)


@pytest.mark.parametrize("value", ["<", "<>", "a@b", "<a b@c>", ""])
def test_a_malformed_message_id_is_none(value: str) -> None:
    parsed = parse(f"Message-ID: {value}\nIn-Reply-To: {value}\nReferences: {value}\n\n".encode())
    assert (parsed.message_id, parsed.in_reply_to, parsed.references) == ("", "", ())


def test_a_cut_body_keeps_whole_characters() -> None:
    parsed = parse(b"\n" + ("é" * 50 + "\n").encode() * 60_000)
    assert "body_truncated" in parsed.defects
    assert set(parsed.text) == {"é", "\n"}
    assert len(parsed.text) == 1024 * 1024


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(subject=words, name=words, text=words, page=words, file_name=words, data=st.binary(max_size=200))
def test_ordinary_mail_reads_as_the_standard_library_reads_it(
    subject: str, name: str, text: str, page: str, file_name: str, data: bytes
) -> None:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = email.headerregistry.Address(name, "ann", "example.com")
    message["To"] = "bo@example.org, cy@example.org"
    message["Date"] = datetime(2024, 2, 5, 10, tzinfo=UTC)
    message.set_content(f"plain {text}\n")
    message.add_alternative(f"<p>plain {escape(text)}</p><!-- {page} -->\n", subtype="html")
    message.add_attachment(data, maintype="application", subtype="pdf", filename=f"a{file_name}.pdf")
    raw = message.as_bytes(policy=email.policy.SMTP)
    oracle = email.message_from_bytes(raw, policy=email.policy.default)
    plain, html = oracle.get_body(("plain",)), oracle.get_body(("html",))
    (attached,) = oracle.iter_attachments()
    parsed = parse(raw)
    assert plain is not None and html is not None
    assert parsed.subject.split() == cleaned(str(oracle["Subject"]))[0].split()
    assert [a.email for a in parsed.to] == [a.addr_spec for a in oracle["To"].addresses]
    assert parsed.sender == Address("ann@example.com", parsed.sender.name if parsed.sender else "")
    assert parsed.date == int(oracle["Date"].datetime.timestamp()) * 1_000_000
    assert parsed.text == cleaned(plain.get_content().replace("\r\n", "\n"))[0]
    assert parsed.html == html.get_content()
    assert attachment_bytes(raw, parsed.attachments[0].index) == attached.get_content() == data
    assert not set(parsed.defects) - {"type_differs"}  # of bytes that begin like a program or a picture


HEADER_FRAGMENTS = (
    *(
        b"From: <",
        b"To: a@b, ",
        b"Subject: =?utf-8?b?",
        b"?=",
        b"Message-ID: <",
        b"References: <a@b>",
        b'"',
        b"(",
        b";",
    ),
    *(b"Content-Type: ", b"multipart/mixed; boundary=b", b"multipart/alternative; boundary=b", b"message/rfc822"),
    *(b"text/html; charset=utf-7", b"Content-Transfer-Encoding: base64", b"Date: Mon, 99 Foo 2024"),
    b"Content-Disposition: attachment; filename*0*=utf-16''%d8",
)
BODY_FRAGMENTS = (b"\n", b"\r\n", b"\r", b" ", b"--b", b"--b--", b"<p>", b"> x", b"&#xd800;", b"\xed\xa0\x80", b"\0")
fragments = st.sampled_from(HEADER_FRAGMENTS + BODY_FRAGMENTS)


@given(st.lists(fragments | st.binary(max_size=10), max_size=60).map(b"".join))
def test_any_bytes_are_read_without_an_exception(raw: bytes) -> None:
    parsed = parse(raw)
    assert_storable(parsed)
    for info in parsed.attachments:
        data = attachment_bytes(raw, info.index)
        assert data is not None and len(data) == info.size


MULTIPART = b"Content-Type: multipart/mixed; boundary=b\n\n"
HOSTILE = {
    "deep": b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (at, at) for at in range(10_000)),
    "deep-same-boundary": (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n") * 10_000,
    "parts": MULTIPART + b"--b\n\nx\n" * 50_000,
    "pages": MULTIPART + b"--b\nContent-Type: text/html\n\n<p>x\n" * 50_000,
    "messages": b"Content-Type: message/rfc822\n\n" * 2_000,
    "fields": b"a: b\n" * 100_000,
    "addresses": b"To: " + b"ann@example.com, " * 20_000,
    "commas": b"To: " + b"," * 20_000,
    "comments": b"To: " + b"(" * 20_000,
    "ids": b"References: " + b"<" * 60_000,
    "encoded-words": b"Subject: " + b"=?utf-8?q?a?= " * 5_000,
    "unfinished-words": b"Subject: " + b"=?a?q?" * 10_000,
    "parameters": b"Content-Type: text/plain" + b"; a=b" * 2_000,
    "broken-headers": b"Message-ID: <\nTo: <\nFrom: <\nFrom: =?utf-8?q?a=0D=0Ab?= <a@b.example>\n\n",
    "surrogates": b"Subject: =?utf-7?q?+2AA-?=\n\n\xed\xa0\x80",
    "nul": b"Subject: a\0b\n\n" + b"\0" * 1_000_000,
    "line-feeds": b"\n" * 5_000_000,
    "returns": b"\r" * 5_000_000,
    "quotes": b"\n\n" + b">\n" * 1_000_000,
    "padding": b"Content-Transfer-Encoding: base64\nContent-Type: a/b\n\n" + b"=" * 5_000_000,
    "soft-breaks": b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=" * 5_000_000,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_hostile_mail_is_cheap(raw: bytes) -> None:
    parsed = cheaply(lambda: parse(raw), 2)
    assert_storable(parsed)
    assert len(parsed.text) <= 1024 * 1024
    assert len(parsed.attachments) <= 1_000


def published_mails() -> Iterator[Path]:
    for folder in ("mime-cpython", "mime-mox-imaptest", "mime-ruby-mail", "bounces", "reply-talon", "html-xss"):
        yield from (path for path in sorted((CORPORA / folder).rglob("*")) if path.is_file())


def test_published_mails_are_read_and_their_attachments_found() -> None:
    paths = list(published_mails())
    if not paths:
        pytest.skip("needs the published corpora (GATEPOST_CORPORA)")
    for path in paths:
        raw = path.read_bytes()
        parsed = parse(raw)
        assert_storable(parsed)
        for info in parsed.attachments:
            assert attachment_bytes(raw, info.index) is not None, path.name
