"""Markdown to the two bodies of a mail: HTML that survives mail clients, and a plain text that says the same."""

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

LIMIT = 262_144  # characters of markdown
NESTING = 20  # levels of lists and quotes inside each other; a list takes two

_SCHEMES = ("http://", "https://", "mailto:", "tel:")
# Lone surrogates have no UTF-8, and control characters no look; tab and the line ends stay.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_WORD = 2048  # linkify-it takes time quadratic in the length of a word, so beyond this no bare links
_WIDEST_COLUMN = 40  # a longer cell pushes its own line only, so that one cell cannot pad a thousand others

_PAGE = (
    '<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8"></head>\n'
    '<body style="font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:1.5">\n{}</body>\n</html>\n'
)
_CELL = "border:1px solid #ccc;padding:4px 8px"
_CODE = "font-family:Consolas,Menlo,monospace;background:#f4f4f4"
_STYLES = {
    "table_open": "border-collapse:collapse",
    "th_open": f"{_CELL};background:#f4f4f4",
    "td_open": _CELL,
    "blockquote_open": "margin:0 0 0 8px;padding-left:12px;border-left:3px solid #ccc;color:#555",
    "code_block": f"{_CODE};padding:8px;white-space:pre-wrap",
    "code_inline": _CODE,
    "hr": "border:0;border-top:1px solid #ccc",
}


class MarkdownError(ValueError):
    """Markdown that is too long or nests too deeply, as one sentence for people."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """The two alternatives of one mail; both end with a line feed and hold no carriage return."""

    text: str
    html: str


class _MailMarkdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # the library's name for the rule that decides what may be a link
        return url.lower().startswith(_SCHEMES)


def render(markdown: str) -> Bodies:
    """CommonMark with tables and bare links; raw HTML shows as text, images become links. Raises MarkdownError."""
    if len(markdown) > LIMIT:
        raise MarkdownError(f"The text has more than {LIMIT} characters.")
    parser = _parser(linkify=_may_hold_links(markdown))
    tokens = parser.parse(_UNSHOWABLE.sub("\ufffd", markdown))
    # Beyond its limit the parser drops text, and what the agent wrote must not vanish unseen.
    if any(token.level >= NESTING - 1 for token in tokens):
        raise MarkdownError("Lists and quotes nest too deeply.")
    for token in tokens:
        token.children = _images_as_links(token.children or [])
    text = "\n".join(_blocks(iter(tokens))[0]) + "\n"
    _style(tokens)
    return Bodies(text, _PAGE.format(parser.renderer.render(tokens, parser.options, {})))


def _may_hold_links(markdown: str) -> bool:
    """Whether to look for bare links: they have one of two marks, and the search is not for endless words."""
    marked = "//" in markdown or "@" in markdown
    return marked and max(map(len, markdown.split()), default=0) <= _LONGEST_WORD


@functools.cache
def _parser(linkify: bool) -> MarkdownIt:
    # Agents end lines where they mean it, above all in greetings and signatures: breaks keeps them.
    options = {"html": False, "linkify": linkify, "breaks": True, "xhtmlOut": False, "maxNesting": NESTING}
    # dashes below a line are a signature's delimiter or a rule: who means a heading writes #
    parser = _MailMarkdown("commonmark", options).enable("table").disable("lheading")
    # Not the inline rule of the same name, which is quadratic in the number of colons.
    parser.core.ruler.enable("linkify")
    if parser.linkify is not None:
        parser.linkify.set({"fuzzy_link": False})
    return parser


def _images_as_links(tokens: list[Token]) -> list[Token]:
    """A mail that loads nothing: an image is a link with its description, or just that inside another link."""
    shown: list[Token] = []
    inside = False
    for token in tokens:
        inside = token.type == "link_open" or (inside and token.type != "link_close")
        if token.type != "image":
            shown.append(token)
            continue
        source = str(token.attrGet("src"))
        label = Token("text", "", 0, content=_inline(token.children or []) or source)
        link = [Token("link_open", "a", 1, attrs={"href": source}), label, Token("link_close", "a", -1)]
        shown += [label] if inside else link
    return shown


def _style(tokens: Iterable[Token]) -> None:
    """Puts the looks on the tokens themselves, because mail clients drop style sheets and classes."""
    for token in tokens:
        if token.type == "fence":
            token.type = "code_block"  # renders without the class that names the language
        if token.type == "link_open":
            token.attrs = {"href": token.attrs["href"]}  # a title would be text that the plain body lacks
        if style := _STYLES.get(token.type):
            alignment = token.attrGet("style")
            token.attrSet("style", f"{style};{alignment}" if alignment else style)
        _style(token.children or [])


def _blocks(stream: Iterator[Token]) -> tuple[list[str], bool]:
    """The lines of the blocks up to the end of their parent, and whether they stand without blank lines."""
    lines: list[str] = []
    tight = False
    for token in stream:
        if token.nesting < 0:
            break
        tight = tight or token.hidden  # markdown-it hides the paragraphs of a tight list
        if lines and not tight:
            lines.append("")
        lines += _block(token, stream)
    return lines, tight


def _block(token: Token, stream: Iterator[Token]) -> list[str]:
    match token.type:
        case "paragraph_open":
            return _paragraph(stream)
        case "heading_open":
            lines = _paragraph(stream)
            rule = {"h1": "=", "h2": "-"}.get(token.tag, "")
            return [*lines, rule * min(_width(lines[-1]), 72)] if rule else lines
        case "blockquote_open":
            return [f"> {line}" if line else ">" for line in _blocks(stream)[0]]
        case "bullet_list_open":
            return _list(stream, None)
        case "ordered_list_open":
            return _list(stream, int(token.attrs.get("start", 1)))
        case "table_open":
            return _table(stream)
        case "hr":
            return ["-" * 40]
        case _:  # fenced and indented code
            return [f"    {line}" for line in token.content.rstrip("\n").split("\n")]


def _paragraph(stream: Iterator[Token]) -> list[str]:
    """The lines of a paragraph or heading: its inline token, then its closing one."""
    content = next(stream)
    next(stream)
    return _inline(content.children or []).split("\n")


def _list(stream: Iterator[Token], number: int | None) -> list[str]:
    lines: list[str] = []
    for item in stream:
        if item.nesting < 0:
            break
        marker = "- " if number is None else f"{number}. "
        number = None if number is None else number + 1
        content, tight = _blocks(stream)
        if lines and not tight:
            lines.append("")
        head, *tail = content or [""]
        lines.append(f"{marker}{head}")
        lines += [" " * len(marker) + line if line else "" for line in tail]
    return lines


def _table(stream: Iterator[Token]) -> list[str]:
    rows: list[list[str]] = []
    alignments: list[str] = []
    for token in stream:
        match token.type:
            case "table_close":
                break
            case "tr_open":
                rows.append([])
            case "th_open":
                alignments.append(str(token.attrGet("style") or "").removeprefix("text-align:"))
            case "inline":
                rows[-1].append(_inline(token.children or []))
    widths = [min(max(map(_width, column)), _WIDEST_COLUMN) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return ["  ".join(map(_pad, row, widths, alignments)).rstrip(" ") for row in rows]


def _pad(cell: str, width: int, alignment: str) -> str:
    gap = max(width - _width(cell), 0)
    left = {"right": gap, "center": gap // 2}.get(alignment, 0)
    return " " * left + cell + " " * (gap - left)


def _width(text: str) -> int:
    """Columns in a fixed-width font: two for wide East Asian characters, none for combining marks."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    marks = sum(unicodedata.combining(character) > 0 for character in text)
    return len(text) + wide - marks


def _inline(tokens: Iterable[Token]) -> str:
    """Inline tokens as text; a link shows its target unless its text already does."""
    parts: list[str] = []
    target, start = "", 0
    for token in tokens:
        match token.type:
            case "text" | "code_inline":
                # A line end written as an entity is not one in HTML either.
                parts.append(re.sub("[\r\n]", " ", token.content))
            case "softbreak" | "hardbreak":
                parts.append("\n")
            case "link_open":
                target, start = str(token.attrGet("href")), len(parts)
            case "link_close":
                label = "".join(parts[start:])
                if label not in (target, target.removeprefix("mailto:"), target.removeprefix("tel:")):
                    parts.append(f" ({target})" if label else target)
    return "".join(parts)
