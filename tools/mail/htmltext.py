"""HTML mail as markdown for an agent: what a person sees of the page, with its tables, lists and links."""

import html
import re

from html_to_markdown import ConversionError, ConversionOptions, convert

from tools.mail import limits
from tools.mail.charset import storable
from tools.mail.page import Page, read_page

_DATA_URI = re.compile(r"data:[a-z]{1,20}/[a-z0-9.+-]{1,60};base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_OPTIONS = ConversionOptions(
    extract_metadata=False,
    include_blockquote_citations=False,
    expand_abbreviations=False,
    compact_tables=True,
    inline_data_media="alt_text_only",
    max_depth=4 * limits.MARKUP_DEPTH,
)


def html_page(source: str) -> Page:
    """The page that an HTML part holds, without the pictures written into it. Never raises; linear."""
    source = storable(_DATA_URI.sub("", source))
    page = read_page(source[: limits.BODY_CHARS])
    return page if len(source) <= limits.BODY_CHARS else Page(page.html, page.words, page.hidden, page.links, cut=True)


def markdown_of(page: Page) -> tuple[str, bool]:
    """What the page shows as markdown, and whether some of it was cut. Never raises."""
    text = _converted(page.html)
    lines = text[: limits.BODY_CHARS].split("\n")
    text_cut = len(text) > limits.BODY_CHARS
    return storable("\n".join(line.rstrip() for line in lines).strip("\n")), page.cut or text_cut


def _converted(markup: str) -> str:
    """The markdown; the bare words, a line for each element, where the converter gives nothing."""
    try:
        text = convert(markup, _OPTIONS).content or ""
    except ConversionError:
        text = ""
    if text.strip():
        return text
    lines = (" ".join(line.split()) for line in _TAG.split(markup))
    return html.unescape("\n".join(line for line in lines if line))


def html_to_text(source: str) -> tuple[str, bool]:
    """The page as markdown, and whether some of it was cut. Never raises; linear."""
    return markdown_of(html_page(source))
