"""The visible part of a page as small, sound HTML: known elements only, bounded in depth, layout tables taken apart."""

import html
from dataclasses import dataclass, field

from tools.mail import limits

_SAME_NAMES = "blockquote br code dd del dl dt em h1 h2 h3 h4 h5 h6 hr ins li ol p pre strong sub sup table td th tr ul"
_SAME = frozenset(_SAME_NAMES.split())
_OTHER_NAMES = {"b": "strong", "i": "em", "s": "del", "strike": "del", "tt": "code", "kbd": "code", "samp": "code"}
_BLOCK_NAMES = """
address article aside body button caption center details dialog dir div fieldset figcaption figure footer form
header legend main menu nav option search section summary textarea tbody tfoot thead
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_VOID = frozenset({"br", "hr"})
_DIGITS = frozenset("0123456789+-\u2212")
_UNFIT_FOR_A_CELL = frozenset({"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "pre", "ul"})
_INDENTING = frozenset({"blockquote", "dl", "ol", "ul"})
_INDENTS = 12  # inside one another; a converter repeats their marks on every line
_CELL_CHARS = 300  # more text in one cell is a column of a layout
_CELLS = 20_000  # of one table, short rows filled up


@dataclass(slots=True)
class _Table:
    """A table being written: where its tags are among the pieces, and what tells data from layout."""

    places: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # cells that say something, by row
    cells: int = 0
    widest: int = 0
    chars: int = 0
    longest: int = 0
    headed: bool = False
    fit: bool = True

    def is_data(self) -> bool:
        full = sum(cells >= 2 for cells in self.rows)
        small = self.longest <= _CELL_CHARS and len(self.rows) * self.widest <= _CELLS
        return self.fit and small and (full >= 2 or (full == 1 and self.headed))


class Outline:
    """Writes elements as they open and close. `open` returns what `close` needs; every opened one is closed."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.tables: list[_Table] = []
        self.depth = self.indents = 0
        self.raised = False

    def html(self) -> str:
        return "".join(self.pieces)

    def text(self, words: str) -> None:
        if self.tables:
            self.tables[-1].chars += len(words.strip())
        if self.raised and words:
            # set plainly, raised cents and the number of a footnote would make another price
            words = "^" + words if words[0] in _DIGITS else words
            self.raised = False
        self.pieces.append(html.escape(words, quote=False))

    def open(self, tag: str, columns: int = 1, stated: str = "") -> str:
        """Open an element; the name to close it by, '' when nothing was written.

        `columns` are those a cell takes, and `stated` the attributes that say where it stands, written as they are.
        """
        name = tag if tag in _SAME else _OTHER_NAMES.get(tag) or ("div" if tag in _BLOCKS else "")
        if name in _VOID:
            self._unfit(name)
            self.pieces.append(f"<{name}>")
            return ""
        if not name or self.depth >= limits.MARKUP_DEPTH:
            self.pieces.append("\n" if name else "")
            return ""
        if name in _INDENTING:
            self.indents += 1
            name = name if self.indents <= _INDENTS else "div"
        self._unfit(name)
        self._in_table(name, columns)
        self.depth += 1
        self.raised = self.raised or name == "sup"
        self.pieces.append(f"<{name}{stated if name == tag else ''}>")
        return name if tag not in _INDENTING or name != "div" else "deep"

    def close(self, name: str) -> None:
        if not name:
            return
        self.raised = False
        self.depth -= 1
        if name in _INDENTING or name == "deep":
            self.indents -= 1
        if name in ("td", "th") and self.tables:
            self._end_cell(self.tables[-1])
        if self.tables and name in ("table", "tr", "td", "th"):
            self.tables[-1].places.append(len(self.pieces))
        self.pieces.append(f"</{'div' if name == 'deep' else name}>")
        if name == "table":
            self._end_table(self.tables.pop())

    def open_link(self, url: str) -> int:
        """Open a link; the place to close it by."""
        self.pieces.append(f'<a href="{html.escape(url)}">')
        return len(self.pieces)

    def close_link(self, place: int) -> None:
        """Close a link, which is dropped where it shows nothing."""
        shows = any(piece.strip() and not piece.startswith("<") for piece in self.pieces[place:])
        if not shows:
            self.pieces[place - 1] = ""
        self.pieces.append("</a>" if shows else "")

    def _in_table(self, name: str, columns: int) -> None:
        if name == "table":
            for around in self.tables[-1:]:
                around.fit = False
            self.tables.append(_Table())
        if not self.tables or name not in ("table", "tr", "td", "th"):
            return
        table = self.tables[-1]
        table.places.append(len(self.pieces))
        if name == "tr":
            table.rows.append(0)
            table.cells = 0
        elif name != "table":
            table.chars = 0
            table.cells += columns
            table.widest = max(table.widest, table.cells)
            table.headed = table.headed or name == "th"

    def _unfit(self, name: str) -> None:
        if self.tables and name in _UNFIT_FOR_A_CELL:
            self.tables[-1].fit = False

    def _end_cell(self, table: _Table) -> None:
        table.longest = max(table.longest, table.chars)
        if table.chars and table.rows:
            table.rows[-1] += 1

    def _end_table(self, table: _Table) -> None:
        if table.is_data():
            return
        for place in table.places:
            self.pieces[place] = "</div>" if self.pieces[place].startswith("</") else "<div>"
