"""Text that an attached file does not show is left out, kept for looking through, and told of; the rest stays."""

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pypdf import PdfReader

from tests.mail.documents import docx, pdf, run, said
from tests.mail.hiding import SECRET, SHOWN
from tests.mail.hiding_files import hiding_files, showing_files
from tools.mail.extract import text_of


def plain(text: str) -> str:
    return " ".join(text.split())


WAYS, SEEN = dict(hiding_files(SECRET)), dict(showing_files(SECRET))


@pytest.mark.parametrize("name", WAYS)
def test_each_way_is_taken_out_and_told(name: str) -> None:
    found = text_of(WAYS[name], "", "")
    assert SHOWN in plain(found.text) and SECRET not in plain(found.text), name
    assert found.reason == "hidden_left_out" and plain(found.unseen) == SECRET


@pytest.mark.parametrize("name", SEEN)
def test_what_can_be_read_stays(name: str) -> None:
    found = text_of(SEEN[name], "", "")
    assert SECRET in plain(found.text) and found.reason == "" and found.unseen == "", name


WHITE = run(SECRET, '<w:color w:val="FFFFFF"/>')
FILLED = (
    '<w:style w:type="table" w:styleId="Grid"><w:tblStylePr><w:tcPr><w:shd w:fill="1F4E79"/></w:tcPr></w:tblStylePr>'
)


@pytest.mark.parametrize(
    ("cell", "table", "styles", "seen"),
    [
        ("", "", "", False),
        ("", "", f"{FILLED}</w:style>", False),
        ('<w:shd w:val="clear" w:fill="1F4E79"/>', "", "", True),
        ("", '<w:tblStyle w:val="Grid"/>', f"{FILLED}</w:style>", True),
        ("", '<w:tblStyle w:val="Mine"/>',
         f'{FILLED}</w:style><w:style w:type="table" w:styleId="Mine"><w:basedOn w:val="Grid"/></w:style>', True),
    ],
)  # fmt: skip
def test_white_letters_of_a_table_are_seen_where_it_may_be_filled(
    cell: str, table: str, styles: str, seen: bool
) -> None:
    body = f"<w:tbl><w:tblPr>{table}</w:tblPr><w:tr><w:tc><w:tcPr>{cell}</w:tcPr>{WHITE}</w:tc></w:tr></w:tbl>"
    found = text_of(docx(body + run(SHOWN), styles), "", "")
    assert (SECRET in found.text) == seen and SHOWN in found.text


def scanned(*shown: bytes) -> bytes:
    """A page that is a picture, with the text that was recognised in it, and what else is shown."""
    recognised = b" ".join(b"BT 3 Tr /F1 10 Tf 50 %d Td (A line of the letter that was scanned.) Tj ET" % y
                           for y in range(100, 700, 20))  # fmt: skip
    picture = (
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /Length 0 >>\nstream\n\nendstream"
    )
    return pdf(
        b"q 600 0 0 800 0 0 cm /P Do Q " + recognised + b" ".join(shown),
        resources=b"/XObject << /P 6 0 R >>",
        more=[picture],
    )


def test_a_scan_keeps_the_text_that_was_recognised_also_beside_a_stamp() -> None:
    stamp = b" BT 0 Tr /F1 9 Tf 50 20 Td (Page 1 of 3, 2026-01-01) Tj ET"
    for content in (scanned(), scanned(stamp)):
        found = text_of(content, "", "")
        assert found.reason == "" and found.text.count("A line of the letter") == 30


def test_a_letter_on_a_picture_hides_what_is_not_drawn() -> None:
    letter = b" ".join(b"BT 0 Tr /F1 10 Tf 50 %d Td (A line that people read.) Tj ET" % y for y in range(110, 700, 20))
    found = text_of(scanned(b" ", letter), "", "")
    assert found.reason == "hidden_left_out" and "scanned" in found.unseen and "scanned" not in found.text


OPERATORS = st.sampled_from(
    ["q", "Q", "cm", "re", "m", "l", "c", "h", "f", "f*", "S", "W", "n", "sh", "Do", "gs", "g", "rg", "k", "cs", "sc",
     "scn", "G", "SC", "w", "Tf", "Tr", "Tz", "Td", "Tm", "T*", "Tj", "TJ", "'", '"', "BT", "ET", "BDC", "EMC", "BI"]
)  # fmt: skip
OPERANDS = st.sampled_from(
    ["", "1", "0 0", "1 0 0", "0 0 9 9", "1 0 0 1 5 5", "/F1 12", "/X", "(hello)", "[(a) -9 (b)]", "<<>>", "/OC /X",
     "99999999999999999999999999", "null", "[", "true"]
)  # fmt: skip


@given(st.lists(st.tuples(OPERANDS, OPERATORS), max_size=25))
@example([("1", "TJ"), ("/F1 12", "Tj")])
@example([("/F1 12", "Tj"), ("[(a) -9 (b)]", "Do")])
def test_content_of_any_kind_is_followed(content: list[tuple[str, str]]) -> None:
    """No look at a page breaks what the library can read."""
    drawn = " ".join(f"{operands} {operator}" for operands, operator in content).encode()
    plain_pdf = pdf(drawn, resources=b"/XObject << /X 3 0 R >> /ExtGState << /X 3 0 R >>")
    found = text_of(plain_pdf, "", "")
    assert found.reason in ("", "no_text", "hidden_left_out") or library_fails(plain_pdf)


def test_a_drawing_that_cannot_be_followed_costs_no_text_of_other_pages() -> None:
    found = text_of(pdf(b"0 0 9 9 re f " * 30_000, b"[ q", said(SHOWN)), "", "")
    assert (plain(found.text), found.reason) == (SHOWN, "")
    found = text_of(pdf(b"0 0 9 9 re f " * 30_000 + said(SECRET), said(SHOWN)), "", "")
    assert (found.text, found.reason) == ("", "too_much")


def library_fails(content: bytes) -> bool:
    try:
        for each in PdfReader(io.BytesIO(content)).pages:
            each.extract_text(visitor_operand_before=lambda *_: None)
    except Exception:
        return True
    return False
