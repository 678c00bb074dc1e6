"""The composer against the standard library's two parsers: what went in is what a reader gets, and nothing else."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.address import Address, parse_address
from tools.mail.compose import Attachment, ComposeError, Draft, compose, reply_subject, valid_message_id
from tools.mail.markdown import LIMIT

GOLDEN = Path(__file__).parent / "golden"

DRAFT = Draft(
    sender=Address("agent@example.com", "Agent"),
    to=(Address("ana@example.org"),),
    cc=(),
    bcc=(),
    subject="Hello",
    markdown="Hi",
    attachments=(),
    message_id="01@example.com",
)

EXTRA = ["X-Note", "Auto-Submitted", "Comments"]

line = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
names = st.text(line, max_size=80)
addresses = st.builds(
    Address, st.sampled_from(["ana@example.org", "b.o'b+x@mail.example", "c@xn--bcher-kva.test"]), names
)
files = st.builds(
    Attachment,
    name=st.text(line, min_size=1, max_size=60).filter(lambda name: name.strip() and not set(name) & set("/\\")),
    content_type=st.sampled_from(["", "application/pdf", "text/csv", "image/svg+xml", "message/rfc822"]),
    content=st.binary(max_size=300),
).filter(lambda file: file.content_type != "message/rfc822" or b":" not in file.content)
whole_mails = st.builds(
    "{}: x\r\n{}\r\n".format,
    st.sampled_from(["From", "X-Note", "a!~"]),
    st.lists(st.text(st.characters(max_codepoint=126, exclude_categories=["Cc"]))).map("\r\n".join),
)
identifiers = st.from_regex(r"[A-Za-z0-9.+_$-]{1,40}@[a-z]{1,20}\.example", fullmatch=True)
drafts = st.builds(
    Draft,
    sender=addresses,
    to=st.lists(addresses, max_size=4).map(tuple),
    cc=st.lists(addresses, max_size=4).map(tuple),
    bcc=st.lists(st.just(Address("hidden@blind.example")), max_size=1).map(tuple),
    subject=st.text(line, max_size=200),
    markdown=st.text(max_size=200),
    attachments=st.lists(files, max_size=2).map(tuple),
    message_id=identifiers,
    in_reply_to=st.none() | identifiers,
    references=st.lists(identifiers, max_size=8).map(tuple),
    headers=st.lists(st.tuples(st.sampled_from(EXTRA), names), max_size=2).map(tuple),
)


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def expected_headers(draft: Draft) -> list[str]:
    given = ["From"] + ["To"] * bool(draft.to or not draft.cc) + ["Cc"] * bool(draft.cc) + ["Subject", "Message-ID"]
    given += ["In-Reply-To"] * (draft.in_reply_to is not None) + ["References"] * bool(draft.references)
    return [*given, *(name for name, _ in draft.headers), "MIME-Version", "Content-Type"]


def decoded(value: str) -> str:
    return str(make_header(decode_header(value.replace("\r\n", ""))))


def mailboxes(message: Message, name: str) -> list[tuple[str, str]]:
    """The mailboxes of a header field, as the older parser reads them."""
    value = message.get(name, "")
    # of no text at all some versions of the library read one empty mailbox
    pairs = [] if value in ("", "undisclosed-recipients:;") else getaddresses([value.replace("\r\n", "")])
    return [(decoded(phrase), address) for phrase, address in pairs]


def squeezed(header: Any) -> list[tuple[str, str]]:
    """The newer parser's mailboxes without white space: it puts some between adjacent encoded words of a name."""
    return [("".join(box.display_name.split()), box.addr_spec) for box in header.addresses] if header else []


@given(drafts)
def test_the_modern_parser_reads_what_was_given(draft: Draft) -> None:
    rendered = compose(draft)
    message = read(rendered.raw)
    assert message.keys() == expected_headers(draft)
    for name, addresses in (("From", (draft.sender,)), ("To", draft.to), ("Cc", draft.cc)):
        assert squeezed(message[name]) == [("".join(given.name.split()), given.email) for given in addresses]
    assert message["Subject"] == draft.subject
    assert message["Message-ID"] == f"<{draft.message_id}>"
    assert (message["References"] or "").split() == [f"<{reference}>" for reference in draft.references]
    assert not [defect for part in message.walk() for defect in part.defects]
    for kind, body in (("plain", rendered.text), ("html", rendered.html)):
        part = message.get_body((kind,))
        assert part is not None
        assert part.get_content().replace("\r\n", "\n") == body
    assert [part.get_filename() for part in message.iter_attachments()] == [
        file.name.strip() for file in draft.attachments
    ]


@given(drafts)
def test_the_old_parser_reads_what_was_given(draft: Draft) -> None:
    rendered = compose(draft)
    message: Message = message_from_bytes(rendered.raw)
    assert message.keys() == expected_headers(draft)
    assert decoded(message["Subject"]) == draft.subject
    for name, addresses in (("From", (draft.sender,)), ("To", draft.to), ("Cc", draft.cc)):
        assert mailboxes(message, name) == [(given.name, given.email) for given in addresses]
    assert [(name, decoded(value)) for name, value in message.items() if name in EXTRA] == list(draft.headers)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    contents = [part.get_payload(decode=True) for part in leaves]
    assert [bytes_of(part) for part in leaves[:2]] == [rendered.text.encode(), rendered.html.encode()]
    assert contents[2:] == [file.content for file in draft.attachments]
    assert [part.get_filename() for part in leaves[2:]] == [file.name.strip() for file in draft.attachments]


@given(drafts)
def test_the_bytes_are_plain_and_fit(draft: Draft) -> None:
    raw = compose(draft).raw
    assert raw.isascii()
    assert raw.endswith(b"--\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert b"blind.example" not in raw
    assert b"\nDate:" not in raw
    assert compose(draft).raw == raw


def bytes_of(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.replace(b"\r\n", b"\n")


SPLITTERS = ["\r", "\n", "\r\n", "\r\n ", "\0", "\v", "\f", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"]
EVIL = "a{}Bcc: eve@example.org"
FIELDS: dict[str, Callable[[str], Draft]] = {
    "sender name": lambda text: replace(DRAFT, sender=Address("agent@example.com", text)),
    "sender address": lambda text: replace(DRAFT, sender=Address(text)),
    "to name": lambda text: replace(DRAFT, to=(Address("ana@example.org", text),)),
    "to address": lambda text: replace(DRAFT, to=(Address(text),)),
    "cc name": lambda text: replace(DRAFT, cc=(Address("ana@example.org", text),)),
    "cc address": lambda text: replace(DRAFT, cc=(Address(text),)),
    "bcc address": lambda text: replace(DRAFT, bcc=(Address(text),)),
    "subject": lambda text: replace(DRAFT, subject=text),
    "message id": lambda text: replace(DRAFT, message_id=text),
    "in reply to": lambda text: replace(DRAFT, in_reply_to=text),
    "references": lambda text: replace(DRAFT, references=("x@example.com", text)),
    "header name": lambda text: replace(DRAFT, headers=((text, "x"),)),
    "header value": lambda text: replace(DRAFT, headers=(("X-Note", text),)),
    "file name": lambda text: replace(DRAFT, attachments=(Attachment(text, "", b""),)),
    "content type": lambda text: replace(DRAFT, attachments=(Attachment("x", text, b""),)),
}


@pytest.mark.parametrize("splitter", SPLITTERS, ids=ascii)
@pytest.mark.parametrize("field", FIELDS)
def test_no_field_starts_another(field: str, splitter: str) -> None:
    for text in (EVIL.format(splitter), f"a@example.com{splitter}", f"{splitter}a@example.com"):
        with pytest.raises(ComposeError):
            compose(FIELDS[field](text))


@pytest.mark.parametrize("splitter", SPLITTERS, ids=ascii)
def test_the_body_starts_no_field(splitter: str) -> None:
    rendered = compose(replace(DRAFT, markdown=EVIL.format(splitter)))
    assert read(rendered.raw).keys() == expected_headers(DRAFT)
    assert "\r" not in rendered.text


@pytest.mark.parametrize("field", ["sender name", "to name", "subject", "header value", "file name"])
@pytest.mark.parametrize(
    "text",
    [
        "=?utf-8?q?a=0D=0ABcc=3A_eve=40example.org?=",
        "=?utf-8?b?YQ0KQmNjOiBldmVAZXhhbXBsZS5vcmc=?= x",
        '" <eve@example.org>, "',
        "<eve@example.org>",
        "a, eve@example.org",
        "a;b:c(d)",
        'x"; filename="evil.exe',
        "utf-8''evil%0d%0a.exe",
        "é, <eve@example.org>",
    ],
)
def test_a_trick_is_only_text(field: str, text: str) -> None:
    draft = FIELDS[field](text)
    message = message_from_bytes(compose(draft).raw)
    assert message.keys() == expected_headers(draft)
    assert mailboxes(message, "From") == [(draft.sender.name, "agent@example.com")]
    assert mailboxes(message, "To") == [(draft.to[0].name, "ana@example.org")]
    assert decoded(message["Subject"]) == draft.subject
    assert [decoded(message[name]) for name, _ in draft.headers] == [value for _, value in draft.headers]
    files = [part.get_filename() for part in message.walk() if part.get_content_disposition() == "attachment"]
    assert files == [file.name for file in draft.attachments]


@pytest.mark.parametrize(
    "email",
    [
        *("", "ana", "@example.com", "a b@example.com", "a@b.test, c@d.test", "a@b.test>", '"a"@b.test'),
        *("a@[192.0.2.1]", "a@EXAMPLE.com", "a@bücher.example", "=?utf-8?q?x?=@b.test", f"{'a' * 250}@example.com"),
    ],
)
def test_an_address_is_one_address(email: str) -> None:
    with pytest.raises(ComposeError):
        compose(replace(DRAFT, to=(Address(email),)))


@pytest.mark.parametrize(
    "change",
    [
        {"headers": (("Bcc", "eve@example.org"),)},
        {"headers": (("content-TYPE", "text/html"),)},
        {"headers": (("X Note", "x"),)},
        {"headers": (("", "x"),)},
        {"subject": "x" * 999},
        {"message_id": "<a@b.test>"},
        {"message_id": "a b@b.test"},
        {"message_id": ""},
        {"in_reply_to": ""},
        {"references": ("a@b.test", "x" * 981)},
        {"markdown": "x" * (LIMIT + 1)},
        {"attachments": (Attachment("", "", b""),)},
        {"attachments": (Attachment("  ", "", b""),)},
        {"attachments": (Attachment("../x", "", b""),)},
        {"attachments": (Attachment("..\\x", "", b""),)},
        {"attachments": (Attachment("é" * 128, "", b""),)},
        {"attachments": (Attachment("x", "text", b""),)},
        {"attachments": (Attachment("x", "text/plain; name=y", b""),)},
    ],
    ids=str,
)
def test_what_cannot_be_a_mail_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ComposeError, match=r"\.$"):
        compose(replace(DRAFT, **change))


def test_bcc_alone_names_nobody() -> None:
    raw = compose(replace(DRAFT, to=(), bcc=(Address("ana@example.org"),))).raw
    assert b"To: undisclosed-recipients:;\r\n" in raw
    assert b"ana@" not in raw


def test_an_international_address_travels_as_utf8() -> None:
    raw = compose(replace(DRAFT, to=(parse_address("Дед <дед@example.com>"),))).raw
    assert "To: =?utf-8?b?0JTQtdC0?= <дед@example.com>\r\n".encode() in raw


def test_many_recipients_are_folded() -> None:
    many = tuple(Address(f"reader{number}@example.org", f"Reader {number}") for number in range(300))
    raw = compose(replace(DRAFT, to=many)).raw
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    assert [pair[1] for pair in mailboxes(message_from_bytes(raw), "To")] == [address.email for address in many]


def test_a_long_structured_value_is_not_encoded() -> None:
    link = f"<https://example.com/{'u' * 200}>"
    message = read(compose(replace(DRAFT, headers=(("X-Link", link),))).raw)
    assert message["X-Link"] == link


@pytest.mark.parametrize(
    "text", ["one line", "é", "trailing  \nspace", "=_", "--=_x", ".", "..\n.\n", "From here", "x" * 999]
)
def test_bodies_survive(text: str) -> None:
    markdown = f"```\n{text}\n```"
    rendered = compose(replace(DRAFT, markdown=markdown))
    part = read(rendered.raw).get_body(("plain",))
    assert part is not None
    assert part.get_content().replace("\r\n", "\n") == "".join(
        f"    {line}\n" for line in text.rstrip("\n").split("\n")
    )


@given(whole_mails)
def test_a_whole_mail_is_attached_as_it_is(mail: str) -> None:
    raw = compose(replace(DRAFT, attachments=(Attachment("x.eml", "message/rfc822", mail.encode()),))).raw
    head, carried, rest = raw.partition(f"\r\n\r\n{mail}\r\n--".encode())
    assert carried and b"message/rfc822" in head and rest.count(b"\r\n") == 1
    (part,) = read(raw).iter_attachments()
    assert part.get_content().items() == read(mail.encode()).items()


@pytest.mark.parametrize("content", [b"", b"\r\n", b"\r\nx\r\n", b"From x\r\n", b"no field\r\nTo: x\r\n", b": x\r\n"])
def test_what_begins_with_no_header_field_is_a_file(content: bytes) -> None:
    raw = compose(replace(DRAFT, attachments=(Attachment("x.eml", "message/rfc822", content),))).raw
    (part,) = read(raw).iter_attachments()
    assert (part.get_content_type(), part.get_payload(decode=True)) == ("application/octet-stream", content)


def test_a_message_is_attached_as_a_file() -> None:
    for content_type in ("message/rfc822", "multipart/mixed", "MESSAGE/partial"):
        raw = compose(replace(DRAFT, attachments=(Attachment("x.eml", content_type, b"From: x\n\ny"),))).raw
        (part,) = read(raw).iter_attachments()
        assert part.get_content_type() == "application/octet-stream"
        assert part.get_payload(decode=True) == b"From: x\n\ny"


def test_boundaries_come_from_the_message_id() -> None:
    boundary = read(compose(DRAFT).raw).get_boundary()
    assert boundary == read(compose(replace(DRAFT, markdown="other")).raw).get_boundary()
    assert boundary != read(compose(replace(DRAFT, message_id="02@example.com")).raw).get_boundary()


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Lunch", "Re: Lunch"),
        ("Re: Lunch", "Re: Lunch"),
        ("RE: re:Re : Lunch", "Re: Lunch"),
        ("AW: SV: Antw: Lunch", "Re: Lunch"),
        ("Re[2]: Re(3): Lunch", "Re: Lunch"),
        ("回复：Lunch", "Re: Lunch"),
        ("Fwd: Re: Lunch", "Re: Fwd: Re: Lunch"),
        ("Reply: Lunch", "Re: Reply: Lunch"),
        ("Area: Re", "Re: Area: Re"),
        ("", "Re:"),
        ("Re:", "Re:"),
        ("a\r\nBcc: eve@example.org\0\ud800", "Re: a Bcc: eve@example.org"),
    ],
)
def test_reply_subjects(subject: str, expected: str) -> None:
    assert reply_subject(subject) == expected


@given(st.text())
def test_a_reply_subject_can_always_be_sent(subject: str) -> None:
    first = reply_subject(subject)
    compose(replace(DRAFT, subject=first))
    assert reply_subject(first) == first


def test_a_hostile_subject_costs_little() -> None:
    for shape in ("Re: ", "Re", "Re[1]", "Re[", " ", "回复："):
        assert len(reply_subject(shape * 200_000)) <= 998


@pytest.mark.parametrize(
    ("text", "valid"),
    [("01@example.com", True), ("no-at-sign", True), ("", False), ("a b@c", False), ("<a@b>", False), ("é@b", False)],
)
def test_message_ids(text: str, valid: bool) -> None:
    assert valid_message_id(text) is valid


def drafted(source: str) -> Draft:
    """A golden source: fields between two --- lines, then the markdown. Attach: name | type | content."""
    _, fields, markdown = source.split("---\n", 2)
    pairs = [field.split(": ", 1) for field in fields.splitlines()]

    def people(name: str) -> tuple[Address, ...]:
        return tuple(parse_address(value) for field, value in pairs if field == name)

    attached = [value.split(" | ") for field, value in pairs if field == "Attach"]
    single = dict(pairs)
    return Draft(
        sender=people("From")[0],
        to=people("To"),
        cc=people("Cc"),
        bcc=people("Bcc"),
        subject=single["Subject"],
        markdown=markdown.lstrip("\n"),
        attachments=tuple(Attachment(name, kind, content.encode()) for name, kind, content in attached),
        message_id=single["Message-ID"],
        in_reply_to=single.get("In-Reply-To"),
        references=tuple(single.get("References", "").split()),
        headers=tuple((field, value) for field, value in pairs if field in EXTRA),
    )


@pytest.mark.parametrize("source", sorted(GOLDEN.glob("*.md")), ids=lambda path: path.stem)
def test_golden_mails(source: Path) -> None:
    """GATEPOST_WRITE_GOLDEN=1 writes the mails again; read the difference before committing it."""
    raw = compose(drafted(source.read_text())).raw
    golden = source.with_suffix(".eml")
    if os.environ.get("GATEPOST_WRITE_GOLDEN"):
        golden.write_bytes(raw)
    assert raw.decode() == golden.read_bytes().decode()
