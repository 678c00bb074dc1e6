"""HTML mail as text for an agent: markdown where the page is sound, its bare words where it is a trap."""

import html
import re

from html_to_markdown import ConversionError, ConversionOptions, convert

from tools.mail import limits
from tools.mail.charset import storable

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,20})")
# An unclosed tag or comment ends with the page, so that no search is begun twice.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<slash>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]{0,20})[^>]*(?:>|\Z)|<[!?][^>]*(?:>|\Z)", re.S
)
_HIDES = re.compile(
    r"display\s{0,5}:\s{0,5}none|visibility\s{0,5}:\s{0,5}hidden|font-size\s{0,5}:\s{0,5}0|\shidden\b", re.I
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
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})
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
    cut = len(page) > limits.BODY_CHARS
    page = page[: limits.BODY_CHARS]
    text = _markdown(page) if _is_bounded(page) else ""
    if not text.strip():
        text = _words(page)
    return storable("\n".join(line.rstrip() for line in text.split("\n")).strip("\n")), cut


def _markdown(page: str) -> str:
    try:
        return convert(page, _OPTIONS).content or ""
    except ConversionError:
        return ""


def _is_bounded(page: str) -> bool:
    """Whether the page's nesting and tables unfold into a bounded amount of markdown.

    The converter takes time with the square of quotation depth for each line, and fills short rows of a table up to
    the longest one.
    """
    open_tags: dict[str, int] = {}
    depth = deepest = quoted = rows = cells = widest = 0
    nested_tables = False
    for tag in _TAG.finditer(page):
        name = tag.group(2).lower()
        if name in ("td", "th") and not tag.group(1):
            cells += 1
        if name == "tr" and not tag.group(1):
            rows, widest, cells = rows + 1, max(widest, cells), cells if nested_tables else 0
        if name in _FLAT:
            continue
        step = -1 if tag.group(1) else 1
        if step > 0 or open_tags.get(name):
            open_tags[name] = open_tags.get(name, 0) + step
            depth += step
        deepest = max(deepest, depth)
        quoted = max(quoted, open_tags.get("blockquote", 0))
        nested_tables = nested_tables or open_tags.get("table", 0) > 1
    columns = max(widest, cells) * max((int(span) for span in _COLSPAN.findall(page)), default=1)
    lines = page.count("<") + page.count("\n")
    return (
        deepest <= limits.HTML_DEPTH
        and rows * columns <= limits.HTML_OUTPUT
        and lines * quoted * quoted <= 10 * limits.HTML_OUTPUT
    )


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
        if not hiding and not closing and (name in _UNSEEN or (name not in _FLAT and _HIDES.search(markup.group()))):
            hiding, hidden_depth = name, 0
        if hiding and name == hiding:
            hidden_depth += -1 if closing else 1
            hiding = hiding if hidden_depth > 0 else ""
        pieces.append("\n" if name in _BREAKS else "")
    if not hiding:
        pieces.append(html.unescape(page[position:]))
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line)
