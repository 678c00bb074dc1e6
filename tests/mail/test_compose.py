"""The composer against the standard library's two parsers: what went in is what a reader gets, and nothing else."""

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import getaddresses
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tools.mail.address import Address
from tools.mail.compose import (
    Attachment,
    Draft,
    compose,
)

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
    pairs = [] if value == "undisclosed-recipients:;" else getaddresses([value.replace("\r\n", "")])
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
