"""The text of DOCX files; what nobody would see of it is left out (ECMA-376 part 1, section 17)."""

from tools.mail.colour import RGBA, WHITE
from tools.mail.documents.archive import Archive
from tools.mail.documents.look import Look, Styles, colour_of, number_of
from tools.mail.documents.reader import Blocks, Reader, Writer, says_no

_GROUNDS = frozenset({"tbl", "tc", "p", "txbxContent"})
_NARROWEST = 5
"""Per cent of a letter's width."""
_DEFAULTS = ""


def read_word(archive: Archive, writer: Writer) -> None:
    """DOCX: the text, then foot- and endnotes. Raises Unreadable, Full."""
    sheet = _Sheet(writer)
    sheet.read(archive, "word/styles.xml")
    for name in ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml"):
        _Word(writer, sheet).read(archive, name)


def _said(name: str, attributes: dict[str, str]) -> Look:
    """What a property of a run says."""
    value = attributes.get("val", "")
    if name == "vanish":
        return Look(hidden=not says_no(attributes.get("val", "true")))
    if name == "color":
        return Look(colour=colour_of(value))
    if name == "sz":
        size = number_of(attributes, "val")
        return Look(size=None if size is None else size / 2)
    if name == "w":
        width = number_of(attributes, "val")
        return Look(hidden=True) if width is not None and width < _NARROWEST else Look()
    return Look(ground=colour_of(attributes.get("fill", "") if name == "shd" else value))


_PROPERTIES = frozenset({"vanish", "color", "sz", "w", "shd", "highlight"})


class _Sheet(Reader):
    """The styles; those of tables only by whether they fill anything."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self.styles = Styles()
        self.styles.add(_DEFAULTS)
        self.paragraph = _DEFAULTS
        """The style of paragraphs that name none."""
        self.filled: set[str] = set()
        self._style, self._kind, self._in_run = _DEFAULTS, "", False

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "style":
            self._style, self._kind = attributes.get("styleId", ""), attributes.get("type", "")
            self.styles.add(self._style, _DEFAULTS)
            if self._kind == "paragraph" and not says_no(attributes.get("default", "0")):
                self.paragraph = self._style
        elif name == "basedOn":
            self.styles.parents[self._style] = attributes.get("val", "")
        elif name == "rPr":
            self._in_run = True
        elif name in _PROPERTIES and self._kind == "table":
            if _said(name, attributes).ground:
                self.filled.add(self._style)
        elif name in _PROPERTIES and (self._in_run or name == "shd"):
            self.styles.say(self._style, _said(name, attributes))

    def closed(self, name: str) -> None:
        self._in_run = self._in_run and name != "rPr"

    def fills(self, table_style: str) -> bool:
        """Whether a table's style, or one it is based on, may fill its cells."""
        return any(style in self.filled for style in self.styles.line(table_style))


class _Word(Blocks):
    """Runs of text on the grounds they are on."""

    # a fallback repeats its choice, and what was moved away stands where it went
    skipped = frozenset({"Fallback", "moveFrom"})
    cell, row = "tc", "tr"

    def __init__(self, writer: Writer, sheet: _Sheet) -> None:
        super().__init__(writer)
        self._sheet = sheet
        self._grounds: list[RGBA | None] = [WHITE]
        self._paragraph = self._run = self._run_style = Look()
        self._in_text = self._in_run = False

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        super().opened(name, attributes)
        if name in _GROUNDS:
            # what a box is filled with is said elsewhere
            self._grounds.append(None if name == "txbxContent" else self._grounds[-1])
        if name == "p":
            self._paragraph = self._sheet.styles.look(self._sheet.paragraph)
        elif name == "r":
            self._in_run, self._run, self._run_style = True, Look(), Look()
        elif name == "t":
            self._in_text = True
        elif name in _PROPERTIES:
            self._say(_said(name, attributes))
        elif name in ("pStyle", "rStyle", "tblStyle"):
            self._use(name, attributes.get("val", ""))
        elif name == "background":
            self._grounds[0] = None
        elif name in ("tab", "br", "cr") and self._in_run and not self._look().hidden:
            self.writer.write("\t" if name == "tab" else "\n")

    def closed(self, name: str) -> None:
        super().closed(name)
        if name in _GROUNDS:
            self._grounds.pop()
        if name == "r":
            self._in_run = False
        elif name == "t":
            self._in_text = False

    def said(self, text: str) -> None:
        if not self._in_text:
            return
        if self._look().is_unseen(self._grounds[-1]):
            self.writer.hide(text)
        else:
            self.writer.write(text)

    def _look(self) -> Look:
        return self._run.upon(self._run_style).upon(self._paragraph)

    def _say(self, look: Look) -> None:
        """A property of the run; of anything else its ground alone concerns the text that is in it."""
        if self._in_run:
            self._run = look.upon(self._run)
        elif look.ground:
            self._grounds[-1] = look.ground

    def _use(self, name: str, style: str) -> None:
        if name == "tblStyle":
            if self._sheet.fills(style):
                self._grounds[-1] = None
        elif name == "pStyle":
            self._paragraph = self._sheet.styles.look(style)
        elif self._in_run:
            self._run_style = self._sheet.styles.look(style)
