"""Ways to hide text in attached files, and ways that only look so; `python -m tests.mail.hiding_files` prints them.

The printed table is a part of docs/hidden.md.
"""

from collections.abc import Iterator

from tests.mail.documents import docx, odt, pdf, pptx, run, said, xlsx
from tests.mail.hiding import SECRET, SHOWN
from tools.mail.extract import text_of

_PICTURE = (
    b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>"
)
_FORM = b"<< /Type /XObject /Subtype /Form /BBox [0 0 600 800] %b /Length %d >>\nstream\n%b\nendstream"
_RESOURCES = (
    b"/XObject << /Picture 6 0 R /White 7 0 R /Group 8 0 R /Layered 9 0 R >> "
    b"/ColorSpace << /Icc [/ICCBased 10 0 R] /Ink [/Separation /Spot /DeviceRGB 11 0 R] >> "
    b"/ExtGState << /Gone << /ca 0 /CA 0 >> /Half << /ca .5 >> /Marker << /BM /Multiply >> >> "
    b"/Shading << /Rainbow 11 0 R >> /Pattern << /Rainbow 11 0 R >> "
    b"/Properties << /Off 12 0 R /On 13 0 R /Both << /Type /OCMD /OCGs [12 0 R] >> >>"
)
_CATALOG = b"/OCProperties << /OCGs [12 0 R 13 0 R] /D << /OFF [12 0 R] >> >>"


def _text(before: str, place: str = "72 600 Td", after: str = "") -> str:
    return f"BT /F1 12 Tf {before} {place} (%s) Tj ET {after}"


_PLAIN = _text("0 g")
_WHITE = _text("1 g")

# how it is hidden, and the page's content with %s in place of the text; /White is a form of white letters, and so on
PDF_WAYS = [
    ("white letters", _WHITE),
    ("nearly white letters", _text(".95 .96 .97 rg")),
    ("letters without ink", _text("0 0 0 0 k")),
    ("white letters of a profile", _text("/Icc cs 1 1 1 sc")),
    ("none of a spot colour", _text("/Ink cs 0 scn")),
    ("white outlines", _text("1 G 1 Tr")),
    ("white, with white outlines", _text("1 g 1 G 2 Tr")),
    ("white letters one by one", "BT /F1 12 Tf 1 g 72 600 Td [(%s)] TJ ET"),
    ("white letters on the next line", "BT /F1 12 Tf 1 g 14 TL 72 600 Td (%s) ' ET"),
    ("white letters, with spacing", 'BT /F1 12 Tf 1 g 72 600 Td 1 1 (%s) " ET'),
    ("white letters in a form", "/White Do"),
    ("letters on a ground of their colour", f"0 0 .5 rg 60 590 500 30 re f {_text('0 0 .5 rg')}"),
    ("on a ground drawn line by line", f"0 g 60 590 m 560 590 l 560 620 l 60 620 l h f {_PLAIN}"),
    ("on a ground of two layers", f"1 0 0 rg 0 0 600 700 re f 0 g 60 590 500 30 re f {_PLAIN}"),
    ("white on white on a picture", f"q 600 0 0 800 0 0 cm /Picture Do Q 1 g 60 590 500 30 re f {_WHITE}"),
    ("under a box painted later", f"{_PLAIN} 1 g 60 590 500 30 re f"),
    ("under a black box", f"{_PLAIN} 0 g 60 590 500 30 re f"),
    ("render mode 3", _text("3 Tr")),
    ("render mode 7, and nothing painted", f"q {_text('7 Tr')} Q 0 g 60 590 9 9 re f"),
    ("cut from a gradient, on a layer that is off", f"q /OC /Off BDC {_text('7 Tr')} EMC /Rainbow sh Q"),
    ("size 0", "BT /F1 0 Tf 72 600 Td (%s) Tj ET"),
    ("size 1", "BT /F1 1 Tf 72 600 Td (%s) Tj ET"),
    ("size 1 by the text's matrix", "BT /F1 12 Tf .08 0 0 .08 72 600 Tm (%s) Tj ET"),
    ("size 1 by the page's matrix", "q .08 0 0 .08 72 600 cm BT /F1 12 Tf (%s) Tj ET Q"),
    ("narrowed to nothing", _text("0 Tz")),
    ("flattened", "BT /F1 12 Tf 1 0 1 0 72 600 Tm (%s) Tj ET"),
    ("left of the page", _text("", "-900 600 Td")),
    ("above the page", _text("", "72 900 Td")),
    ("right of the page, within a line", "BT /F1 12 Tf 72 600 Td [-90000 (%s)] TJ ET"),
    ("moved off by the page's matrix", f"q 1 0 0 1 0 -2000 cm {_PLAIN} Q"),
    ("clipped", f"q 0 0 50 50 re W n {_PLAIN} Q"),
    ("clipped to nothing", f"q 300 300 0 0 re W n {_PLAIN} Q"),
    ("opacity 0", f"q /Gone gs {_PLAIN} Q"),
    ("opacity 0 of a group", "q /Gone gs /Group Do Q"),
    ("layer that is off", f"/OC /Off BDC {_PLAIN} EMC"),
    ("group of layers that are off", f"/OC /Both BDC {_PLAIN} EMC"),
    ("form on a layer that is off", "/Layered Do"),
]
PDF_SEEN = [
    ("black letters", _PLAIN),
    ("grey letters", _text(".6 g")),
    ("small print", "BT /F1 4 Tf 72 600 Td (%s) Tj ET"),
    ("size 1, enlarged", "BT /F1 1 Tf 12 0 0 12 72 600 Tm (%s) Tj ET"),
    ("turned on its side", "BT /F1 12 Tf 0 1 -1 0 72 400 Tm (%s) Tj ET"),
    ("white on a dark box", f"0 0 .5 rg 60 590 500 30 re f {_WHITE}"),
    ("white on a shape with round corners", f"0 g 60 590 m 560 590 l 570 590 570 620 560 620 c 60 620 l h f {_WHITE}"),
    ("white on a thick line", f"0 G 30 w 60 605 m 560 605 l S {_WHITE}"),
    ("white on a picture", f"q 500 0 0 30 60 590 cm /Picture Do Q {_WHITE}"),
    ("white on a gradient", f"q 60 590 500 30 re W n /Rainbow sh Q {_WHITE}"),
    ("white on a pattern", f"/Pattern cs /Rainbow scn 60 590 500 30 re f {_WHITE}"),
    ("a gradient cut by letters", f"q {_text('7 Tr')} /Rainbow sh Q"),
    ("outlines alone", _text("1 g 0 G 2 Tr")),
    ("black after white was left", f"q 1 g Q {_PLAIN}"),
    ("under a marker", f"{_PLAIN} q /Marker gs 1 1 0 rg 60 590 500 30 re f Q"),
    ("under half a veil", f"{_PLAIN} q /Half gs 1 g 60 590 500 30 re f Q"),
    ("in a frame painted later", f"{_PLAIN} 0 g 60 590 500 30 re 62 592 496 26 re f*"),
    ("above a rule painted later", f"{_PLAIN} 0 g 60 602 500 1 re f"),
    ("under a picture", f"{_PLAIN} q 500 0 0 30 60 590 cm /Picture Do Q"),
    ("beside a box", f"{_PLAIN} 1 g 60 100 500 30 re f"),
    ("clipped to its own line", f"q 60 590 500 30 re W n {_PLAIN} Q"),
    ("clipped by no path", f"q W n {_PLAIN} Q"),
    ("under a box on a layer that is off", f"{_PLAIN} /OC /Off BDC 1 g 60 590 500 30 re f EMC"),
    ("layer that is on", f"/OC /On BDC {_PLAIN} EMC"),
    ("a scan with its text", "q 600 0 0 800 0 0 cm /Picture Do Q " + _text("3 Tr") + " /Scan"),
]  # fmt: skip


def page(content: str, secret: str) -> bytes:
    """A PDF of one page: a line that is shown, but for a scan, and what the content makes of the text."""
    shown = b"" if content.endswith("/Scan") else said(SHOWN)
    drawn = content.removesuffix("/Scan").replace("%s", secret).encode("latin-1")
    inner = {
        name: text.replace("%s", secret).encode("latin-1") for name, text in (("white", _WHITE), ("plain", _PLAIN))
    }
    font = b"/Resources << /Font << /F1 3 0 R >> >>"
    group = font + b" /Group << /S /Transparency >>"
    return pdf(
        shown + b" q " + drawn + b" Q",
        resources=_RESOURCES,
        catalog=_CATALOG,
        more=(
            _PICTURE + b"\nstream\n\0\nendstream",
            _FORM % (font, len(inner["white"]), inner["white"]),
            _FORM % (group, len(inner["plain"]), inner["plain"]),
            _FORM % (font + b" /OC 12 0 R", len(inner["plain"]), inner["plain"]),
            b"<< /N 3 /Length 0 >>\nstream\n\nendstream",
            b"<< /ShadingType 2 >>",
            b"<< /Type /OCG /Name (off) >>",
            b"<< /Type /OCG /Name (on) >>",
        ),
    )


# a run's properties, the paragraph's, and styles
WORD_WAYS = [
    ("vanish", "<w:vanish/>", "", ""),
    ("white letters", '<w:color w:val="FFFFFF"/>', "", ""),
    ("nearly white letters", '<w:color w:val="FDFEFD"/>', "", ""),
    ("letters in the colour of their shading", '<w:color w:val="1F4E79"/><w:shd w:fill="1F4E79"/>', "", ""),
    ("of the paragraph's shading", '<w:color w:val="1F4E79"/>', '<w:shd w:val="clear" w:fill="1F4E79"/>', ""),
    ("of the highlight", '<w:color w:val="FFFF00"/><w:highlight w:val="yellow"/>', "", ""),
    ("size 1", '<w:sz w:val="2"/>', "", ""),
    ("narrowed to a hundredth", '<w:w w:val="1"/>', "", ""),
    ("a style that vanishes", '<w:rStyle w:val="X"/>', "",
     '<w:style w:type="character" w:styleId="X"><w:rPr><w:vanish/></w:rPr></w:style>'),
    ("a style based on a white one", '<w:rStyle w:val="Y"/>', "",
     '<w:style w:styleId="X"><w:rPr><w:color w:val="FFFFFF"/></w:rPr></w:style>'
     '<w:style w:styleId="Y"><w:basedOn w:val="X"/></w:style>'),
    ("a paragraph's style in size 1", "", '<w:pStyle w:val="X"/>',
     '<w:style w:type="paragraph" w:styleId="X"><w:rPr><w:sz w:val="2"/></w:rPr></w:style>'),
]  # fmt: skip
WORD_SEEN = [
    ("no vanish", '<w:vanish w:val="0"/>', "", ""),
    ("hidden in a browser alone", "<w:webHidden/>", "", ""),
    ("colour that fits itself", '<w:color w:val="auto"/>', "", ""),
    ("white on a dark shading", '<w:color w:val="FFFFFF"/><w:shd w:val="clear" w:fill="1F4E79"/>', "", ""),
    ("white in a dark paragraph", '<w:color w:val="FFFFFF"/>', '<w:shd w:val="clear" w:fill="1F4E79"/>', ""),
    ("white, highlighted", '<w:color w:val="FFFFFF"/><w:highlight w:val="darkBlue"/>', "", ""),
    ("the mark of the paragraph vanishes", "", "<w:rPr><w:vanish/></w:rPr>", ""),
    ("a style that is overruled", '<w:rStyle w:val="X"/><w:color w:val="000000"/>', "",
     '<w:style w:styleId="X"><w:rPr><w:color w:val="FFFFFF"/></w:rPr></w:style>'),
]  # fmt: skip


def word(secret: str, run_says: str, paragraph_says: str, styles: str) -> bytes:
    hidden = f"<w:p><w:pPr>{paragraph_says}</w:pPr><w:r><w:rPr>{run_says}</w:rPr><w:t>{secret}</w:t></w:r></w:p>"
    return docx(run(SHOWN) + hidden, styles)


# properties of a shape, its place, and properties of the run
SHOW_WAYS = [
    ("size 1", "", "", ' sz="100"', ""),
    ("transparent letters", "", "", "", '<a:solidFill><a:srgbClr val="0"><a:alpha val="0"/></a:srgbClr></a:solidFill>'),
    ("hidden shape", ' hidden="1"', "", "", ""),
    ("left of the slide", "", '<a:off x="-5000000" y="0"/><a:ext cx="4000000" cy="100000"/>', "", ""),
    ("below the slide", "", '<a:off x="0" y="7000000"/><a:ext cx="4000000" cy="100000"/>', "", ""),
]
SHOW_SEEN = [
    (
        "half transparent",
        "",
        "",
        "",
        '<a:solidFill><a:srgbClr val="0"><a:alpha val="50000"/></a:srgbClr></a:solidFill>',
    ),
    ("partly beside the slide", "", '<a:off x="-500000" y="0"/><a:ext cx="4000000" cy="100000"/>', "", ""),
]


def show(secret: str, shape: str, place: str, run_says: str, inside: str) -> bytes:
    return pptx(
        SHOWN,
        shapes=f'<p:sp><p:nvSpPr><p:cNvPr id="1"{shape}/></p:nvSpPr><p:spPr><a:xfrm>{place}</a:xfrm></p:spPr><p:txBody>'
        f"<a:p><a:r><a:rPr{run_says}>{inside}</a:rPr><a:t>{secret}</a:t></a:r></a:p></p:txBody></p:sp>",
    )


_FONTS = (
    '<numFmts><numFmt numFmtId="170" formatCode=";;;"/></numFmts><fonts><font/><font><color rgb="FFFFFFFF"/></font>'
    '<font><color theme="0"/></font><font><sz val="1"/></font></fonts><fills><fill><patternFill patternType="none"/>'
    '</fill><fill><patternFill patternType="solid"><fgColor rgb="FF1F4E79"/></patternFill></fill></fills><cellXfs>'
    '<xf/><xf fontId="1"/><xf fontId="2"/><xf fontId="3"/><xf numFmtId="170"/><xf fontId="1" fillId="1"/></cellXfs>'
)
# the cell's style, its row and its column
BOOK_WAYS = [
    ("white letters", "1", "", ""),
    ("white letters of the theme", "2", "", ""),
    ("size 1", "3", "", ""),
    ("a format that shows nothing", "4", "", ""),
    ("hidden row", "0", ' hidden="1"', ""),
    ("hidden column", "0", "", ' hidden="1"'),
    ("column of no width", "0", "", ' width="0"'),
]
BOOK_SEEN = [("white on a dark fill", "5", "", ""), ("ordinary cell", "0", "", ' width="9"')]


def book(secret: str, style: str, row: str, column: str) -> bytes:
    hidden = f'<row{row}><c r="B2" t="str" s="{style}"><v>{secret}</v></c></row>'
    return xlsx(
        f'<row><c r="A1" t="str"><v>{SHOWN}</v></c></row>{hidden}',
        columns=f'<cols><col min="2" max="2"{column}/></cols>',
        styles=_FONTS,
    )


def _style(says: str, family: str = "text") -> str:
    return f'<style:style style:name="X" style:family="{family}"><style:{family}-properties {says}/></style:style>'


_SPAN = '<text:p><text:span text:style-name="X">%s</text:span></text:p>'
OPEN_WAYS = [
    ("no display", _style('text:display="none"'), _SPAN),
    ("white letters", _style('fo:color="#ffffff"'), _SPAN),
    ("letters in the colour of their ground", _style('fo:color="#000080" fo:background-color="#000080"'), _SPAN),
    ("size 1", _style('fo:font-size="1pt"'), _SPAN),
    ("hidden section", "", '<text:section text:display="none"><text:p>%s</text:p></text:section>'),
    ("hidden text", "", '<text:p><text:hidden-text text:is-hidden="true">%s</text:hidden-text></text:p>'),
    ("hidden row", "", '<table:table><table:table-row table:visibility="collapse"><table:table-cell><text:p>%s</text:p>'
     "</table:table-cell></table:table-row></table:table>"),
    ("hidden table", _style('table:display="false"', "table"), '<table:table table:style-name="X"><table:table-row>'
     "<table:table-cell><text:p>%s</text:p></table:table-cell></table:table-row></table:table>"),
]  # fmt: skip
OPEN_SEEN = [
    ("white on a dark ground", _style('fo:color="#ffffff" fo:background-color="#000080"'), _SPAN),
    ("white in a frame", _style('fo:color="#ffffff"'), f"<draw:frame>{_SPAN}</draw:frame>"),
    ("small print", _style('fo:font-size="6pt"'), _SPAN),
]


def open_document(secret: str, styles: str, body: str) -> bytes:
    return odt(f"<text:p>{SHOWN}</text:p>{body % secret}", styles)


def hiding_files(secret: str) -> Iterator[tuple[str, bytes]]:
    """Each way to hide a text in a file, and a file that does so."""
    yield from ((f"PDF: {name}", page(content, secret)) for name, content in PDF_WAYS)
    yield from ((f"DOCX: {name}", word(secret, *how)) for name, *how in WORD_WAYS)
    yield from ((f"PPTX: {name}", show(secret, *how)) for name, *how in SHOW_WAYS)
    yield from ((f"XLSX: {name}", book(secret, *how)) for name, *how in BOOK_WAYS)
    yield from ((f"OpenDocument: {name}", open_document(secret, *how)) for name, *how in OPEN_WAYS)


def showing_files(secret: str) -> Iterator[tuple[str, bytes]]:
    """Ways that only look so: a person can read the text."""
    yield from ((f"PDF: {name}", page(content, secret)) for name, content in PDF_SEEN)
    yield from ((f"DOCX: {name}", word(secret, *how)) for name, *how in WORD_SEEN)
    yield from ((f"PPTX: {name}", show(secret, *how)) for name, *how in SHOW_SEEN)
    yield from ((f"XLSX: {name}", book(secret, *how)) for name, *how in BOOK_SEEN)
    yield from ((f"OpenDocument: {name}", open_document(secret, *how)) for name, *how in OPEN_SEEN)


def main() -> None:
    print("| way to hide in a file | left out |\n|---|---|")
    for name, content in hiding_files(SECRET):
        print(f"| {name} | {'no' if SECRET in ' '.join(text_of(content, '', '').text.split()) else 'yes'} |")


if __name__ == "__main__":
    main()
