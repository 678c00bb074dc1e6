"""Small office documents and PDF files, made for tests."""

import io
import zipfile
import zlib
from collections.abc import Sequence

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"


def zipped(members: dict[str, str | bytes]) -> bytes:
    """A ZIP file of those members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def docx(body: str, styles: str = "") -> bytes:
    """A document with this content of `w:body`, and of `w:styles`."""
    return zipped(
        {
            "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
            "word/styles.xml": f'<w:styles xmlns:w="{WORD}">{styles}</w:styles>',
        }
    )


def run(text: str, properties: str = "") -> str:
    """A run of text in a paragraph of its own."""
    return f"<w:p><w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def xlsx(rows: str, *, hidden: str = "", workbook: str = "", columns: str = "", styles: str = "") -> bytes:
    """A workbook with one sheet that is shown, and one that is not; `styles` takes the place of the usual ones."""
    cells = f"{columns}<sheetData>{rows}</sheetData>"
    return zipped(
        {
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{RELATIONS}">{workbook}<sheets>'
            '<sheet name="Costs" sheetId="1" r:id="rId1"/>'
            '<sheet name="Notes" sheetId="2" state="hidden" r:id="rId2"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": '<Relationships xmlns="x"><Relationship Id="rId1" '
            'Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Target="/xl/worksheets/sheet2.xml"/>'
            "</Relationships>",
            "xl/styles.xml": f'<styleSheet xmlns="{SHEET}">{styles}</styleSheet>'
            if styles
            else f'<styleSheet xmlns="{SHEET}"><numFmts><numFmt numFmtId="170" '
            'formatCode="dd/mm/yyyy\\ hh:mm"/><numFmt numFmtId="171" formatCode="0.0&quot; days&quot;"/></numFmts>'
            '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
            '<xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>',
            "xl/sharedStrings.xml": f'<sst xmlns="{SHEET}"><si><t>Item</t></si><si><r><t>Ca</t></r><r><t>ke</t></r>'
            "<rPh><t>KEI</t></rPh></si></sst>",
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SHEET}">{cells}</worksheet>',
            "xl/worksheets/sheet2.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{hidden}</sheetData></worksheet>',
        }
    )


def pptx(*slides: str, hidden: int = 0, shapes: str = "") -> bytes:
    """A show of slides with these texts, and shapes; the one numbered `hidden` is not shown."""
    size = '<p:sldSz cx="9144000" cy="6858000"/>'
    members: dict[str, str | bytes] = {
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{SLIDES}">{size}</p:presentation>'
    }
    for number, text in enumerate(slides, 1):
        show = ' show="0"' if number == hidden else ""
        said = f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"
        slide = f'<p:sld xmlns:p="{SLIDES}" xmlns:a="{DRAWING}"{show}>{said}{shapes}</p:sld>'
        members[f"ppt/slides/slide{number}.xml"] = slide
    return zipped(members)


def odt(body: str, styles: str = "") -> bytes:
    """An OpenDocument text with this content of `office:text`, and of `office:automatic-styles`."""
    names = 'xmlns:office="o" xmlns:text="t" xmlns:table="tb" xmlns:style="s" xmlns:fo="f" xmlns:draw="d"'
    content = (
        f"<office:document-content {names}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body>"
    )
    return zipped(
        {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": f"{content}</office:document-content>"}
    )


def pdf(
    *pages: bytes,
    trailer: bytes = b"",
    box: bytes = b"/MediaBox [0 0 600 800]",
    resources: bytes = b"",
    catalog: bytes = b"",
    more: Sequence[bytes] = (),
) -> bytes:
    """A PDF whose pages have these content streams, compressed; `more` are objects from number 4 + 2 * pages on."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %b >>" % catalog,
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, content in enumerate(pages):
        packed = zlib.compress(content)
        objects += [
            b"<< /Type /Page /Parent 2 0 R %b /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> %b >> >>" % (box, 5 + 2 * number, resources),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(packed), packed),
        ]
    objects += more
    file = io.BytesIO(b"%PDF-1.4\n")
    file.seek(0, io.SEEK_END)
    places = []
    for number, each in enumerate(objects, 1):
        places.append(file.tell())
        file.write(b"%d 0 obj\n%b\nendobj\n" % (number, each))
    start = file.tell()
    file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    file.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    file.write(b"trailer << /Size %d /Root 1 0 R %b >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start))
    return file.getvalue()


def said(text: str) -> bytes:
    """A content stream that shows the text."""
    return b"BT /F1 12 Tf 72 720 Td (%b) Tj ET" % text.encode("latin-1")
