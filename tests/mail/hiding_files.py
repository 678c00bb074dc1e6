"""Ways to hide text in files that are attached, and ways that only look so."""

from collections.abc import Iterator

from tests.mail.documents import pdf, said
from tests.mail.hiding import SHOWN

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


def hiding_files(secret: str) -> Iterator[tuple[str, bytes]]:
    """Each way to hide a text in a file, and a file that does so."""
    for name, content in PDF_WAYS:
        yield f"PDF: {name}", page(content, secret)
