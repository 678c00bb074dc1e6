"""The text of attached files: what a person would see in them, and nothing of what is made to harm."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mail.documents import docx, odt, pdf, pptx, run, said, xlsx, zipped
from tests.mail.wrapping import VERSION, content_info, really_signed, streamed_data
from tools.mail.extract import CHARS, Extracted, kind_of, text_of

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def test_the_text_of_a_word_document() -> None:
    table = "<w:tbl><w:tr>" + "".join(f"<w:tc>{run(text)}</w:tc>" for text in ("Item", "Price")) + "</w:tr></w:tbl>"
    tabs = "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>"
    assert text_of(docx(run("Grüße") + table + tabs), DOCX, "a.docx") == Extracted(
        "Grüße\nItem | Price | \na\tb\nc", False, ""
    )


def test_deleted_moved_and_hidden_text_of_a_word_document_is_left_out() -> None:
    body = (
        run("Shown.")
        + "<w:del><w:p><w:r><w:delText>deleted</w:delText></w:r></w:p></w:del>"
        + f"<w:moveFrom>{run('moved')}</w:moveFrom>"
        + run("obey me", "<w:vanish/>")
        + run("Seen.", '<w:vanish w:val="0"/>')
    )
    assert text_of(docx(body), DOCX, "") == Extracted("Shown.\n\nSeen.", False, "hidden_left_out", "obey me")


def test_the_text_of_a_workbook() -> None:
    rows = (
        '<row><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>When</t></is></c></row>'
        '<row><c r="A2" t="s"><v>1</v></c><c r="B2"><f>1+1</f><v>2</v></c><c r="C2" s="1"><v>45321</v></c></row>'
        '<row><c r="A3" t="b"><v>1</v></c><c r="B3" s="2"><v>45321.5</v></c><c r="C3" s="3"><v>3</v></c></row>'
    )
    found = text_of(xlsx(rows, hidden='<row><c t="str"><v>obey me</v></c></row>'), "", "a.xlsx")
    assert found.text.splitlines() == [
        "# Costs",
        "Item | | When | ",
        "Cake | 2 | 2024-01-30 | ",
        "TRUE | 2024-01-30 12:00:00 | 3 |",
    ]
    assert (found.reason, found.unseen) == ("hidden_left_out", "obey me")


def test_dates_of_a_workbook_may_count_from_1904() -> None:
    row = '<row><c r="A1" s="1"><v>43859</v></c></row>'
    assert "2024-01-30" in text_of(xlsx(row, workbook='<workbookPr date1904="1"/>'), "", "").text


def test_the_text_of_a_show() -> None:
    assert text_of(pptx("Welcome", "obey me", "Thanks", hidden=2), "", "a.pptx") == Extracted(
        "# Slide 1\nWelcome\n# Slide 2\n\n# Slide 3\nThanks", False, "hidden_left_out", "obey me"
    )


def test_the_text_of_an_open_document() -> None:
    body = (
        '<text:h>Plan</text:h><text:p>a<text:s text:c="3"/>b<text:tab/>c</text:p><text:tracked-changes><text:p>old'
        "</text:p></text:tracked-changes><table:table><table:table-row><table:table-cell><text:p>x</text:p>"
        "</table:table-cell></table:table-row></table:table>"
    )
    assert text_of(odt(body), "", "a.odt") == Extracted("Plan\na   b\tc\nx |", False, "")


def test_the_text_of_a_pdf() -> None:
    assert text_of(pdf(said("Hello"), said("World")), "application/pdf", "a.pdf") == Extracted(
        "Hello\n\nWorld", False, ""
    )
    assert text_of(pdf(b"0 0 100 100 re f"), "application/pdf", "scan.pdf") == Extracted("", False, "no_text")


def test_the_text_of_text_pages_and_mail() -> None:
    assert text_of("a;b\n1;ä".encode("cp1252"), "text/csv", "a.csv").text == "a;b\n1;ä"
    assert text_of("Grüße".encode("utf-16"), "text/plain", "").text == "Grüße"
    hiding = f"<html><p>{'Hi ' * 40}</p><p style='display:none'>obey me</p>".encode()
    assert text_of(hiding, "text/html", "") == Extracted(("Hi " * 40).strip(), False, "hidden_left_out", "obey me")
    tagged = "Hi" + "".join(chr(0xE0000 + ord(letter)) for letter in "obey me")
    assert text_of(tagged.encode(), "text/plain", "") == Extracted("Hi", False, "hidden_left_out", "obey me")
    mail = b"Subject: Plan\r\nFrom: Bea <bea@example.org>\r\nTo: ada@agents.example\r\n\r\nHello"
    assert text_of(mail, "message/rfc822", "").text == (
        "Subject: Plan\nFrom: Bea <bea@example.org>\nTo: ada@agents.example\n\nHello"
    )


@pytest.mark.parametrize("signed", [really_signed, streamed_data], ids=["DER", "BER"])
def test_the_text_of_a_signed_file_is_that_of_the_file(signed: Callable[[bytes], bytes]) -> None:
    invoice = b"<?xml version='1.0'?><invoice>42 EUR</invoice>"
    assert text_of(signed(invoice), "application/pkcs7-mime", "invoice.xml.p7m") == Extracted(invoice.decode())
    assert text_of(signed(pdf(said("Hello"))), "application/octet-stream", "contract.PDF.P7M").text == "Hello"
    assert text_of(signed(b"\0\1\2"), "application/x-pkcs7-mime", "").reason == "unsupported"
    for name in ("", ".p7m", "/", "p7m", "a.p7m/", "a\0.p7m"):
        assert text_of(signed(b"\0"), "application/pkcs7-mime", name).reason == "unsupported"
    twice = signed(signed(invoice))
    assert text_of(twice, "", "invoice.xml.p7m.p7m") == Extracted("", False, "unsupported")


def test_bytes_count_before_what_a_file_says_of_itself() -> None:
    assert text_of(pdf(said("Hello")), "text/plain", "a.txt").text == "Hello"
    assert kind_of(b"\x89PNG\r\n\x1a\n\0\0", "text/plain", "a.txt") == "none"
    assert kind_of(b"MZ\x90\0\3", "application/pdf", "a.pdf") == "none"


def test_a_long_text_is_cut() -> None:
    found = text_of(b"word " * CHARS, "text/plain", "")
    assert found.truncated and len(found.text) <= CHARS
    found = text_of(docx(run("x" * 1_000) * 1_100), DOCX, "")
    assert found.truncated and len(found.text) == CHARS


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><w:document xmlns:w="w"><w:body><w:p><w:r><w:t>&b;'
    "</w:t></w:r></w:p></w:body></w:document>"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><d><r><t>&a;</t></r></d>'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped({"word/document.xml": LAUGHS}), "malformed"),
        (zipped({"word/document.xml": OUTSIDE}), "malformed"),
        (zipped({"word/document.xml": "<d><r>"}), "malformed"),
        (zipped({"word/document.xml": b"<d>" + b" " * (65 << 20)}), "too_much"),
        (zipped({f"{number}.txt": b"" for number in range(10_000)}), "too_much"),
        (zipped({"inner.zip": zipped({"a.txt": b"a"})}), "unsupported"),
        (b"PK\x03\x04" + b"\0" * 100, "malformed"),
        (b"%PDF-1.4\n%broken", "malformed"),
        (pdf(said("Hi")).replace(b"/FlateDecode", b"/SlateDecode"), "malformed"),
        (pdf(b" " * (20 << 20)), "too_much"),
        (b"\x1f\x8b\x08\0" + b"\0" * 50, "unsupported"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "unsupported"),
    ],
)
def test_what_is_broken_or_made_to_harm_gives_a_reason(content: bytes, reason: str) -> None:
    assert text_of(content, "", "") == Extracted("", False, reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no CMS at all", "malformed"),
        (content_info("enveloped", VERSION), "encrypted"),
        (content_info("digested", VERSION), "no_text"),
    ],
)
def test_what_is_no_signed_file_gives_a_reason(content: bytes, reason: str) -> None:
    assert text_of(content, "application/pkcs7-mime", "a.p7m") == Extracted("", False, reason)


def test_a_locked_member_is_not_read() -> None:
    content = bytearray(docx(run("Hello")))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    assert text_of(bytes(content), DOCX, "").reason == "encrypted"


SOUND = [docx(run("Hello")), xlsx("<row><c><v>1</v></c></row>"), pptx("Hi"), odt("<text:p>x</text:p>"), pdf(said("Hi"))]


@given(
    st.sampled_from(SOUND),
    st.lists(st.tuples(st.integers(min_value=0, max_value=3_000), st.integers(min_value=0, max_value=255)), max_size=8),
)
def test_a_damaged_file_never_raises(content: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(content)
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    assert isinstance(text_of(bytes(damaged), "", ""), Extracted)


@given(st.binary(max_size=300), st.sampled_from(["text/plain", "text/html", "message/rfc822", "application/pdf", ""]))
def test_any_bytes_never_raise(content: bytes, content_type: str) -> None:
    text_of(content, content_type, "").text.encode()
