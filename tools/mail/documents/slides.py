"""The text of PPTX files; slides, shapes and words that a show does not show are left out."""

import re

from tools.mail.documents.archive import Archive
from tools.mail.documents.look import SMALLEST, number_of
from tools.mail.documents.reader import Blocks, Reader, Writer, says_no

_SLIDE = re.compile(r"ppt/slides/slide(\d{1,5})\.xml\Z")
_SHAPES = frozenset({"sp", "grpSp", "graphicFrame", "cxnSp", "pic"})
_FAINTEST = 10_000
"""A tenth, in thousandths of a per cent."""


def read_slides(archive: Archive, writer: Writer) -> None:
    """PPTX: the slides by their numbers. Raises Unreadable, Full."""
    show = _Show(writer)
    show.read(archive, "ppt/presentation.xml")
    found = sorted((int(match[1]), match[0]) for match in map(_SLIDE.match, archive.names) if match)
    for number, name in found:
        writer.write(f"# Slide {number}\n")
        _Slide(writer, show).read(archive, name)


class _Show(Reader):
    """How large the slides are; 0 where the file does not say."""

    width = height = 0.0

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sldSz":
            self.width, self.height = (number_of(attributes, each) or 0.0 for each in ("cx", "cy"))


class _Slide(Blocks):
    """Runs of text in shapes (ECMA-376 part 1, sections 19.3 and 21.1.2)."""

    skipped = frozenset({"Fallback"})
    cell, row = "tc", "tr"

    def __init__(self, writer: Writer, show: _Show) -> None:
        super().__init__(writer)
        self._show = show
        self._hiding = [False]
        """For the slide and each shape that is open, whether it hides what is in it."""
        self._place = 0.0, 0.0
        self._run_hidden = self._in_text = self._in_properties = False

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        super().opened(name, attributes)
        if name == "sld" and says_no(attributes.get("show", "1")):
            self._hiding[0] = True
        elif name in _SHAPES:
            self._hiding.append(self._hiding[-1])
        elif name == "cNvPr" and not says_no(attributes.get("hidden", "0")):
            self._hiding[-1] = True
        elif name == "off":
            self._place = number_of(attributes, "x") or 0.0, number_of(attributes, "y") or 0.0
        elif name == "ext" and "cx" in attributes:
            self._hiding[-1] |= self._is_beside(attributes)
        elif name in ("r", "fld"):
            self._run_hidden = False
        elif name == "rPr":
            self._in_properties = True
            size = number_of(attributes, "sz")
            self._run_hidden = size is not None and size / 100 < SMALLEST
        elif name == "alpha" and self._in_properties:
            alpha = number_of(attributes, "val")
            self._run_hidden |= alpha is not None and alpha < _FAINTEST
        elif name == "t":
            self._in_text = True
        elif name in ("tab", "br") and not self._hiding[-1]:
            self.writer.write("\t" if name == "tab" else "\n")

    def closed(self, name: str) -> None:
        super().closed(name)
        if name in _SHAPES:
            self._hiding.pop()
        elif name == "t":
            self._in_text = False
        elif name == "rPr":
            self._in_properties = False

    def said(self, text: str) -> None:
        if self._in_text and (self._run_hidden or self._hiding[-1]):
            self.writer.hide(text)
        elif self._in_text:
            self.writer.write(text)

    def _is_beside(self, extent: dict[str, str]) -> bool:
        """Whether a shape is all beside the slide. In a group places are counted otherwise, and not followed."""
        (x, y), (width, height) = self._place, (number_of(extent, each) or 0.0 for each in ("cx", "cy"))
        if len(self._hiding) != 1 + 1 or not self._show.width or not self._show.height:
            return False
        return x >= self._show.width or y >= self._show.height or x + width <= 0 or y + height <= 0
