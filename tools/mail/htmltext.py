"""HTML mail as text for an agent: markdown where the page is sound, its bare words where it is a trap."""

import html
import re
from collections import Counter

from html_to_markdown import ConversionError, ConversionOptions, convert

from tools.mail import limits
from tools.mail.charset import storable

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,20})")
# An unclosed tag or comment ends with the page, so that no search is begun twice.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<slash>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]{0,20})[^>]*(?:>|\Z)|<[!?][^>]*(?:>|\Z)", re.S
)
_HIDES = re.compile(
    r"display\s{0,5}:\s{0,5}none|visibility\s{0,5}:\s{0,5}hidden|font-size\s{0,5}:\s{0,5}0(?![.\d])|\shidden(?=[\s=/>])",
    re.IGNORECASE,
)
_COLSPAN = re.compile(r"colspan\s{0,5}=\s{0,5}[\"']?(\d{1,4})", re.IGNORECASE)
_DATA_URI = re.compile(r"data:[a-z]{1,20}/[a-z0-9.+-]{1,60};base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
# Elements without an end, and those the next sibling closes, do not deepen a page.
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_SELF_CLOSING = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "option", "thead", "tbody", "tfoot"})
_FLAT = _VOID | _SELF_CLOSING
_BLOCKS = frozenset({"address", "article", "blockquote", "div", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "pre"})
_BREAKS = _BLOCKS | {"br", "dd", "dt", "hr", "li", "p", "table", "tr", "ul"}
_CELLS = frozenset({"td", "th"})
_CELL_CHARS = 4  # the least that one cell of a markdown table takes
_UNSEEN = frozenset({"script", "style", "template", "title"})
_OPTIONS = ConversionOptions(
    extract_metadata=False,
    include_blockquote_citations=False,
    expand_abbreviations=False,
    compact_tables=True,
    inline_data_media="alt_text_only",
    max_depth=2 * limits.HTML_DEPTH,
)


def html_to_text(page: str) -> tuple[str, bool]:
    """The page as markdown, and whether some of it was cut. Hidden elements are left out. Never raises; linear."""
    page = _DATA_URI.sub("", page)
    text = _markdown(page[: limits.BODY_CHARS]) if _is_bounded(page[: limits.BODY_CHARS]) else ""
    if not text.strip():
        text = _words(page[: limits.BODY_CHARS])
    cut = max(len(page), len(text)) > limits.BODY_CHARS
    lines = text[: limits.BODY_CHARS].split("\n")
    return storable("\n".join(line.rstrip() for line in lines).strip("\n")), cut


def _markdown(page: str) -> str:
    try:
        return convert(page, _OPTIONS).content or ""
    except ConversionError:
        return ""


def _is_bounded(page: str) -> bool:
    """Whether the page's size, nesting, lists, quotations and tables make a bounded amount of tree and markdown.

    The converter writes a line's quotation marks and indents one level after the other, and fills short rows of a
    table up to the longest one.
    """
    if page.count("<") > limits.HTML_TAGS:
        return False
    shape = _Shape()
    for tag in _TAG.finditer(page):
        shape.add(tag.group(2).lower(), bool(tag.group(1)))
    lines = page.count("<") + page.count("\n")
    quotes = shape.deepest["blockquote"]
    indents = quotes + 2 * (shape.deepest["ul"] + shape.deepest["ol"])
    columns = max(shape.widest, shape.cells) * max((int(span) for span in _COLSPAN.findall(page)), default=1)
    return (
        shape.deepest[""] <= limits.HTML_DEPTH
        and lines * (1 + quotes) * indents <= limits.HTML_OUTPUT
        and shape.rows * columns * _CELL_CHARS <= limits.HTML_OUTPUT
    )


class _Shape:
    """How deep a page nests, in all ('') and by element, and how large its tables are."""

    def __init__(self) -> None:
        self.open: Counter[str] = Counter()
        self.deepest: Counter[str] = Counter()
        self.rows = self.cells = self.widest = 0

    def add(self, name: str, closing: bool) -> None:
        if not closing and name in _CELLS:
            self.cells += 1
        if not closing and name == "tr":
            self.rows, self.widest = self.rows + 1, max(self.widest, self.cells)
            # Which row a cell inside nested tables belongs to is not known here: then all count as one row.
            self.cells = self.cells if self.deepest["table"] > 1 else 0
        if name in _FLAT or (closing and not self.open[name]):
            return
        for counted in (name, ""):
            self.open[counted] += -1 if closing else 1
            self.deepest[counted] = max(self.deepest[counted], self.open[counted])


def _words(page: str) -> str:
    """The text between the tags, a line for each block, without what a simple style hides.

    A plain walk: only elements of the name that hides are counted, so nesting costs nothing.
    """
    pieces: list[str] = []
    position, hiding, hidden_depth = 0, "", 0
    for markup in _MARKUP.finditer(page):
        if not hiding:
            pieces.append(html.unescape(page[position : markup.start()]))
        position = markup.end()
        name = (markup.group("name") or "").lower()
        closing = bool(markup.group("slash"))
        if hiding and name == hiding:
            # The next paragraph ends one that was never closed.
            hidden_depth = 0 if name in _SELF_CLOSING else hidden_depth + (-1 if closing else 1)
            hiding = hiding if hidden_depth > 0 else ""
        if not hiding and not closing and (name in _UNSEEN or (name not in _VOID and _HIDES.search(markup.group()))):
            hiding, hidden_depth = name, 1
        pieces.append("\n" if name in _BREAKS else "")
    if not hiding:
        pieces.append(html.unescape(page[position:]))
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line)
