"""The text of XLSX workbooks: each sheet that is shown, a line for each row (ECMA-376 part 1, section 18)."""

import posixpath
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tools.mail.colour import RGBA, WHITE
from tools.mail.documents.archive import Archive, Unreadable
from tools.mail.documents.look import Look, colour_of, number_of
from tools.mail.documents.reader import Reader, Writer

MOST_STRINGS = 200_000
MOST_STRING_CHARS = 8 * 1024 * 1024
COLUMNS = 100
"""Cells left empty are written up to this column, so that what stands below one another stays so."""
MOST_STYLES = 65_000

_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
"""Built-in formats that show a date or a time (section 18.8.30)."""
_NOT_CODE = re.compile(r'"[^"]{0,200}"|\[[^\]]{0,50}\]|\\.')
_DATE_CODE = re.compile(r"[ymdhs]", re.IGNORECASE)
_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
_DAYS_FROM_1904 = 1462
_BLANK_PARTS = 3
"""A format with so many separators and nothing between them shows neither numbers nor text."""
_COLUMN = re.compile(r"[A-Z]{1,3}(?=\d)")


def read_workbook(archive: Archive, writer: Writer) -> None:
    """The sheets in their order, each below its name. Raises Unreadable, Full."""
    book = _Book()
    for reader, name in (
        (_Sheets, "xl/workbook.xml"),
        (_Sheets, "xl/_rels/workbook.xml.rels"),
        (_Styles, "xl/styles.xml"),
        (_Strings, "xl/sharedStrings.xml"),
    ):
        reader(writer, book).read(archive, name)
    for sheet in sorted(book.sheets, key=lambda sheet: not sheet.shown):
        if sheet.shown:
            writer.write(f"# {sheet.title}\n")
        path = posixpath.normpath(posixpath.join("/xl", book.targets.get(sheet.relation, "")))
        _Rows(writer, book, shown=sheet.shown).read(archive, path.lstrip("/"))


@dataclass(frozen=True, slots=True)
class _Sheet:
    title: str
    relation: str
    shown: bool


@dataclass(slots=True)
class _Book:
    """What the cells refer to."""

    sheets: list[_Sheet] = field(default_factory=list)
    targets: dict[str, str] = field(default_factory=dict)
    strings: list[str] = field(default_factory=list)
    date_formats: set[int] = field(default_factory=lambda: set(_DATES))
    blank_formats: set[int] = field(default_factory=set)
    """Formats that show nothing at all."""
    dates: list[bool] = field(default_factory=list)
    """For each style of cells whether it shows a date."""
    unseen: list[bool] = field(default_factory=list)
    """For each style of cells whether it hides what is in them."""
    shift: int = 0
    """Days between the epoch of the workbook's dates and the usual one."""


class _Part(Reader):
    """A member of the workbook."""

    def __init__(self, writer: Writer, book: _Book) -> None:
        super().__init__(writer)
        self.book = book


class _Sheets(_Part):
    """Which sheets there are, and where."""

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            shown = attributes.get("state", "visible") == "visible"
            self.book.sheets.append(_Sheet(attributes.get("name", ""), attributes.get("id", ""), shown))
        elif name == "Relationship":
            self.book.targets[attributes.get("Id", "")] = attributes.get("Target", "")
        elif name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            self.book.shift = _DAYS_FROM_1904


class _Styles(_Part):
    """Which styles of cells show dates, and which show nothing (section 18.8)."""

    def __init__(self, writer: Writer, book: _Book) -> None:
        super().__init__(writer, book)
        self._fonts: list[Look] = []
        self._grounds: list[RGBA | None] = []
        self._part = ""

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name in ("fonts", "fills", "cellXfs"):
            self._part = name
        elif name == "numFmt":
            self._format(_number(attributes.get("numFmtId", "")), attributes.get("formatCode", "")[:500])
        elif self._part == "fonts" and len(self._fonts) < MOST_STYLES:
            self._font(name, attributes)
        elif self._part == "fills" and len(self._grounds) < MOST_STYLES:
            self._fill(name, attributes)
        elif name == "xf" and self._part == "cellXfs" and len(self.book.dates) < MOST_STYLES:
            number = _number(attributes.get("numFmtId", ""))
            self.book.dates.append(number in self.book.date_formats)
            self.book.unseen.append(number in self.book.blank_formats or self._is_unseen(attributes))

    def closed(self, name: str) -> None:
        if name == self._part:
            self._part = ""

    def _format(self, number: int, code: str) -> None:
        if _DATE_CODE.search(_NOT_CODE.sub("", code)):
            self.book.date_formats.add(number)
        elif code.count(";") >= _BLANK_PARTS and not code.replace(";", "").strip():
            self.book.blank_formats.add(number)

    def _font(self, name: str, attributes: dict[str, str]) -> None:
        if name == "font":
            self._fonts.append(Look())
        elif name == "sz":
            self._fonts[-1] = Look(size=number_of(attributes, "val")).upon(self._fonts[-1])
        elif name == "color":
            self._fonts[-1] = Look(colour=_colour(attributes)).upon(self._fonts[-1])

    def _fill(self, name: str, attributes: dict[str, str]) -> None:
        if name == "fill":
            self._grounds.append(WHITE)
        elif name == "patternFill" and attributes.get("patternType", "none") != "none":
            self._grounds[-1] = None
        elif name == "fgColor" and self._grounds[-1] is None:
            self._grounds[-1] = _colour(attributes)
        elif name == "gradientFill":
            self._grounds[-1] = None

    def _is_unseen(self, attributes: dict[str, str]) -> bool:
        font, fill = (_number(attributes.get(name, "0")) for name in ("fontId", "fillId"))
        look = self._fonts[font] if 0 <= font < len(self._fonts) else Look()
        return look.is_unseen(self._grounds[fill] if 0 <= fill < len(self._grounds) else None)


def _colour(attributes: dict[str, str]) -> RGBA | None:
    """A colour by its value, or white by its place in the palette or the theme; None for one that is not known."""
    if attributes.get("indexed") in ("1", "9") or (attributes.get("theme") == "0" and "tint" not in attributes):
        return WHITE
    return colour_of(attributes.get("rgb", "")[-6:])


class _Strings(_Part):
    """The texts that cells name by their number."""

    skipped = frozenset({"rPh"})  # how a word is pronounced

    def __init__(self, writer: Writer, book: _Book) -> None:
        super().__init__(writer, book)
        self._pieces: list[str] = []
        self._left = MOST_STRING_CHARS

    def closed(self, name: str) -> None:
        if name == "si":
            self.book.strings.append("".join(self._pieces))
            self._pieces.clear()
            if len(self.book.strings) > MOST_STRINGS:
                raise Unreadable("too_much")

    def said(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise Unreadable("too_much")
        self._pieces.append(text)


class _Rows(_Part):
    """The cells of one sheet."""

    skipped = frozenset({"f", "rPh", "headerFooter"})  # a formula stands beside its value

    def __init__(self, writer: Writer, book: _Book, *, shown: bool) -> None:
        super().__init__(writer, book)
        self._cell: dict[str, str] | None = None
        self._pieces: list[str] = []
        self._column = 0
        self._shown = shown
        self._row_shown = True
        self._hidden_columns: list[tuple[int, int]] = []

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            self._column = 0
            self._row_shown = attributes.get("hidden") not in ("1", "true")
        elif name == "c":
            self._cell = attributes
        elif name == "col" and len(self._hidden_columns) < COLUMNS and _is_shut(attributes):
            first, last = (_number(attributes.get(each, "")) for each in ("min", "max"))
            self._hidden_columns.append((first - 1, last - 1))

    def closed(self, name: str) -> None:
        if name == "c" and self._cell is not None:
            self._write(self._cell, "".join(self._pieces))
            self._cell = None
            self._pieces.clear()
        elif name == "row" and self._column:
            self.writer.write("\n")

    def said(self, text: str) -> None:
        if self._cell is not None:
            self._pieces.append(text)

    def _write(self, cell: dict[str, str], value: str) -> None:
        named = _COLUMN.match(cell.get("r", ""))
        column = _column_number(named.group()) if named else self._column
        if value and self._is_seen(cell, column):
            self.writer.write("| " * (min(column, COLUMNS) - self._column) + f"{self._text(cell, value)} | ")
            self._column = max(min(column, COLUMNS), self._column) + 1
        elif value and self.writer.wants_unseen():
            self.writer.hide(f"{self._text(cell, value)} ")

    def _is_seen(self, cell: dict[str, str], column: int) -> bool:
        style = _number(cell.get("s", "0"))
        styled = 0 <= style < len(self.book.unseen) and self.book.unseen[style]
        apart = any(first <= column <= last for first, last in self._hidden_columns)
        return self._shown and self._row_shown and not styled and not apart

    def _text(self, cell: dict[str, str], value: str) -> str:
        kind, style = cell.get("t", "n"), _number(cell.get("s", "0"))
        if kind == "s":
            place = _number(value)
            return self.book.strings[place] if 0 <= place < len(self.book.strings) else ""
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind == "n" and 0 <= style < len(self.book.dates) and self.book.dates[style]:
            return _moment(value, self.book.shift)
        return value


def _is_shut(column: dict[str, str]) -> bool:
    return column.get("hidden") in ("1", "true") or number_of(column, "width") == 0


def _moment(value: str, shift: int) -> str:
    """The date or time that a number of days stands for; the number where it stands for none."""
    try:
        days = float(value)
        moment = (_EPOCH + timedelta(days=days + shift)).replace(tzinfo=None)
        moment = (moment + timedelta(microseconds=500)).replace(microsecond=0)
    except (ValueError, OverflowError):
        return value
    if 0 <= days < 1:
        return moment.time().isoformat()
    return moment.date().isoformat() if days == int(days) else moment.isoformat(" ")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1


def _column_number(letters: str) -> int:
    """A is 0."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
