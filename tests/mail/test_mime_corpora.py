"""Published mails, read as the standard library reads them; where the two differ, the difference is named here."""

import email
import email.policy
import os
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tools.mail.parse import Parsed, attachment_bytes, parse

CORPORA = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
_NO_MAIL = {"SOURCE.txt", "LICENSE", "importtest.mbox"}

DIFFERENT = {
    "mime-cpython": {
        "msg_10.txt": "an HTML part stands between plain ones, and is read as text too",
        "msg_15.txt": "a multipart inside another with the same boundary: here the picture behind it is found",
        "msg_39.txt": "multiparts inside one another with the same boundary: here all parts are found",
    },
    "mime-mox-imaptest": {"parse.eml": "the text only says that there is HTML, which is what is read here"},
    "mime-ruby-mail": {
        "attachment_pdf_non_ascii.eml": "latin-1 is read as windows-1252, as browsers do",
        "attachment_pdf_non_ascii_lf.eml": "latin-1 is read as windows-1252",
        "content_transfer_encoding_7-bit.eml": "latin-1 is read as windows-1252",
        "content_transfer_encoding_empty.eml": "soft hyphens are not seen, and taken out of the subject",
        "content_transfer_encoding_plain.eml": "8-bit text that says it is ASCII: the library has U+FFFD",
        "invalid_subject_characters.eml": "8-bit characters in the subject: the library has U+FFFD",
        "raw_email5.eml": "8-bit text that says it is ASCII: the library has U+FFFD",
        "raw_email6.eml": "8-bit text that says it is ASCII: the library has U+FFFD",
        "raw_email10.eml": "a charset unknown to the library, which raises",
        "raw_email_with_binary_encoded.eml": "a picture as the one alternative, which the library does not find",
        "bad_subject.eml": "text and HTML say different things, and a person sees the HTML",
        "example13.eml": "a line that is no field ends the header: the library takes the field above into the body",
    },
}


def mails(corpus: str) -> list[Path]:
    found = [path for path in sorted((CORPORA / corpus).rglob("*")) if path.is_file() and path.name not in _NO_MAIL]
    if not found:
        pytest.skip("needs the published corpora (GATEPOST_CORPORA)")
    return found


@pytest.mark.parametrize("corpus", DIFFERENT)
def test_published_mails_are_read_as_the_standard_library_reads_them(
    corpus: str, record_property: Callable[[str, object], None]
) -> None:
    paths = mails(corpus)
    different = {path.name for path in paths if not agree(path.read_bytes())}
    record_property("score", (corpus, len(paths) - len(different), len(paths), "read as the standard library does"))
    assert different <= DIFFERENT[corpus].keys()


def agree(raw: bytes) -> bool:
    """Whether subject, attachments and plain text are the same to both, but for white space."""
    parsed = parse(raw)
    assert all(attachment_bytes(raw, info.index) is not None for info in parsed.attachments)
    try:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        return _same(parsed, message)
    except (LookupError, ValueError):  # the library raises on what it does not know
        return False


def _same(parsed: Parsed, message: EmailMessage) -> bool:
    leaves = list(_leaves(message))
    files = [part for part in leaves if _is_file(part)]
    plain = [part.get_content() for part in leaves if not _is_file(part) and part.get_content_type() == "text/plain"]
    return (
        _squeezed(parsed.subject) == _squeezed(str(message["subject"] or ""))
        and [info.content_type for info in parsed.attachments] == [part.get_content_type() for part in files]
        and (not any(map(_squeezed, plain)) or _squeezed(parsed.text) == _squeezed("".join(plain)))
    )


def _leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    """The parts that are no multiparts, without those of attached mails."""
    if message.get_content_maintype() != "multipart":
        yield message
        return
    for part in message.iter_parts():
        assert isinstance(part, EmailMessage)
        yield from _leaves(part)


def _is_file(part: EmailMessage) -> bool:
    named = part.get_filename() or part.get_content_disposition() == "attachment"
    return part.get_content_type() not in ("text/plain", "text/html") or bool(named)


def _squeezed(text: str) -> str:
    return "".join(text.split())
