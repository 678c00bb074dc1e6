"""The text of DOCX, PPTX and OpenDocument files; what their authors hid is left out."""

import re

from tools.mail.documents.archive import Archive
from tools.mail.documents.reader import Reader, Writer

_FALSE = frozenset({"0", "false", "off", "none"})
_SLIDE = re.compile(r"ppt/slides/slide(\d{1,5})\.xml\Z")
_SPACES = 100


def read_word(archive: Archive, writer: Writer) -> None:
    """DOCX: the text, then foot- and endnotes. Raises Unreadable, Full."""
    for name in ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml"):
        _Word(writer).read(archive, name)


def read_slides(archive: Archive, writer: Writer) -> None:
    """PPTX: the slides by their numbers, without those that are not shown. Raises Unreadable, Full."""
    found = sorted((int(match[1]), match[0]) for match in map(_SLIDE.match, archive.names) if match)
    for number, name in found:
        writer.write(f"# Slide {number}\n")
        try:
            _Slide(writer).read(archive, name)
        except _NotShown:
            writer.hidden = True


def read_open_document(archive: Archive, writer: Writer) -> None:
    """ODT, ODS and ODP. Raises Unreadable, Full."""
    _OpenDocument(writer).read(archive, "content.xml")


class _NotShown(Exception):
    """A slide that the show passes over."""


class _Blocks(Reader):
    """Paragraphs end lines; in a table they end words, cells end with a bar, and rows end lines."""

    cell = row = ""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self._cells = 0

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        self._cells += name == self.cell

    def closed(self, name: str) -> None:
        if name in ("p", "h"):
            self.writer.write(" " if self._cells else "\n")
        elif name == self.cell:
            self._cells -= 1
            self.writer.write("| ")
        elif name == self.row:
            self.writer.write("\n")


class _Word(_Blocks):
    """Runs of text (ECMA-376 part 1, section 17.3)."""

    # a fallback repeats its choice, and what was moved away stands where it went
    skipped = frozenset({"Fallback", "moveFrom"})
    cell, row = "tc", "tr"

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self._in_text = self._in_run = self._vanished = False

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        super().opened(name, attributes)
        if name == "r":
            self._in_run, self._vanished = True, False
        elif name in ("vanish", "webHidden") and self._in_run:
            self._vanished |= attributes.get("val", "true") not in _FALSE
        elif name == "t":
            self._in_text = True
        elif name in ("tab", "br", "cr") and self._in_run and not self._vanished:
            self.writer.write("\t" if name == "tab" else "\n")

    def closed(self, name: str) -> None:
        super().closed(name)
        if name == "r":
            self._in_run = self._vanished = False
        elif name == "t":
            self._in_text = False

    def said(self, text: str) -> None:
        if self._in_text and self._vanished:
            self.writer.hidden = True
        elif self._in_text:
            self.writer.write(text)


class _Slide(_Word):
    """DrawingML (ECMA-376 part 1, section 21.1.2) has the same names where text is concerned."""

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sld" and attributes.get("show", "1") in _FALSE:
            raise _NotShown
        super().opened(name, attributes)


class _OpenDocument(_Blocks):
    """Paragraphs and tables (OpenDocument 1.3 part 3, sections 5 and 9)."""

    skipped = frozenset({"tracked-changes", "annotation", "scripts", "automatic-styles", "font-face-decls"})
    cell, row = "table-cell", "table-row"

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self._blocks = 0

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        super().opened(name, attributes)
        if name in ("p", "h"):
            self._blocks += 1
        elif name == "s":
            count = attributes.get("c", "1")
            self.writer.write(" " * min(int(count), _SPACES) if count.isdecimal() and len(count) < 6 else " ")
        elif name in ("tab", "line-break"):
            self.writer.write("\t" if name == "tab" else "\n")

    def closed(self, name: str) -> None:
        super().closed(name)
        self._blocks -= name in ("p", "h")

    def said(self, text: str) -> None:
        if self._blocks:
            self.writer.write(text)
