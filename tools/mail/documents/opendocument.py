"""The text of OpenDocument files; what nobody would see of it is left out (OpenDocument 1.3, part 3)."""

from dataclasses import replace

from tools.mail.colour import RGBA, WHITE
from tools.mail.documents.archive import Archive
from tools.mail.documents.look import Look, Styles, colour_of, number_of
from tools.mail.documents.reader import Blocks, Reader, Writer

_SPACES = 100
_FAMILIES = {
    "p": "paragraph",
    "h": "paragraph",
    "span": "text",
    "table-cell": "table-cell",
    "table": "table",
    "section": "section",
}
"""Elements that have a style, and its family."""
_DRAWN = frozenset({"frame", "custom-shape", "rect", "ellipse", "page"})
"""What they are filled with is said elsewhere."""
_HIDDEN_ROWS = frozenset({"collapse", "filter"})


def read_open_document(archive: Archive, writer: Writer) -> None:
    """ODT, ODS and ODP. Raises Unreadable, Full."""
    styles = Styles()
    for name in ("styles.xml", "content.xml"):
        _Sheet(writer, styles).read(archive, name)
    _OpenDocument(writer, styles).read(archive, "content.xml")


class _Sheet(Reader):
    """The styles of a member (section 16)."""

    skipped = frozenset({"body", "master-styles"})

    def __init__(self, writer: Writer, styles: Styles) -> None:
        super().__init__(writer)
        self._styles, self._name = styles, ""

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        family = attributes.get("family", "")
        if name == "default-style":
            self._name = f"{family} "
            self._styles.add(self._name)
        elif name == "style":
            self._name = f"{family} {attributes.get('name', '')}"
            self._styles.add(self._name, f"{family} {attributes.get('parent-style-name', '')}")
        elif self._name and name.endswith("-properties"):
            self._styles.say(self._name, _said(attributes))

    def closed(self, name: str) -> None:
        if name in ("style", "default-style"):
            self._name = ""


def _said(attributes: dict[str, str]) -> Look:
    """What properties say of text; sizes that are not in points are not read."""
    shown = attributes.get("display")
    size = attributes.get("font-size", "")
    return Look(
        hidden=None if shown is None else shown in ("none", "false"),
        colour=colour_of(attributes.get("color", "")),
        ground=colour_of(attributes.get("background-color", "")),
        size=number_of({"size": size.removesuffix("pt")}, "size") if size.endswith("pt") else None,
    )


class _OpenDocument(Blocks):
    """Paragraphs and tables (sections 5 and 9)."""

    skipped = frozenset({"tracked-changes", "annotation", "scripts", "automatic-styles", "font-face-decls"})
    cell, row = "table-cell", "table-row"

    def __init__(self, writer: Writer, styles: Styles) -> None:
        super().__init__(writer)
        self._styles = styles
        self._blocks = 0
        self._around: list[tuple[Look, RGBA | None]] = [(Look(), WHITE)]
        """The look of each element that is open, and the ground it is on."""

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        super().opened(name, attributes)
        self._around.append(self._inside(name, attributes))
        if name in ("p", "h"):
            self._blocks += 1
        elif name == "s":
            count = attributes.get("c", "1")
            self.writer.write(" " * min(int(count), _SPACES) if count.isdecimal() and len(count) < 6 else " ")
        elif name in ("tab", "line-break"):
            self.writer.write("\t" if name == "tab" else "\n")

    def closed(self, name: str) -> None:
        super().closed(name)
        self._around.pop()
        self._blocks -= name in ("p", "h")

    def said(self, text: str) -> None:
        look, ground = self._around[-1]
        if self._blocks and look.is_unseen(ground):
            self.writer.hide(text)
        elif self._blocks:
            self.writer.write(text)

    def _inside(self, name: str, attributes: dict[str, str]) -> tuple[Look, RGBA | None]:
        around, ground = self._around[-1]
        if name in _DRAWN:
            return around, None
        look = Look()
        if name in _FAMILIES:
            look = self._styles.look(f"{_FAMILIES[name]} {attributes.get('style-name', '')}")
        if attributes.get("visibility") in _HIDDEN_ROWS or attributes.get("is-hidden") == "true":
            look = replace(look, hidden=True)
        if name == "section" and attributes.get("display") == "none":
            look = replace(look, hidden=True)
        # what is inside something hidden is hidden too
        return replace(look.upon(around), hidden=bool(look.hidden or around.hidden)), look.ground or ground
