"""A page of HTML mail as a person sees it: what shows, what is hidden and by what means, and where its links go."""

import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass

import turbohtml
from turbohtml import Comment, Element, Text

from tools.mail import limits
from tools.mail.css import Place, Rule, Sheet, Style, cascaded, declarations
from tools.mail.hidden import Hidden, HiddenPieces
from tools.mail.look import INLINE, POINT, UNREAD_COLOUR, Look, look_of, pixels
from tools.mail.outline import Outline
from tools.mail.targets import Link, LinkKind, is_place, link, real_target

# An adoption of open formatting elements multiplies the tree (HTML section 13.2.4.3); a span is never adopted.
_FORMATTING = re.compile(r"<(/?)(?:b|big|code|em|font|html|body|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.I)
_FORMATTING_TAG = re.compile(r"<(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])[^>]*", re.I)
_ROOT_TAG = re.compile(r"<(?:html|body)(?=[\s/>])", re.I)
_ROOT_TAGS = 20  # attributes of each further one are added to the first
_SILENT = frozenset({"base", "col", "colgroup", "link", "meta", "source", "style", "track"})
_NOT_RENDERED_NAMES = """
audio canvas datalist desc defs embed iframe metadata noembed noframes script template title video
annotation annotation-xml
"""
_NOT_RENDERED = frozenset(_NOT_RENDERED_NAMES.split())
_DATA_SCRIPTS = frozenset({"application/ld+json", "application/json"})
_QUOTES = frozenset({"blockquote"})
_PROSE_WORDS = 12  # of a comment that may be meant for somebody


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows, as small sound HTML and as bare words; what it hides; its links; and whether it was cut."""

    html: str
    words: str
    hidden: tuple[Hidden, ...]
    links: tuple[Link, ...]
    cut: bool


def read_page(source: str) -> Page:
    """The page as a person sees it. `source` holds no lone surrogates. Never raises; linear in time and memory."""
    cut = source.count("<") > limits.HTML_TAGS
    if cut:
        source = "<".join(source.split("<", limits.HTML_TAGS)[: limits.HTML_TAGS])
    document = turbohtml.parse(_bounded(source), positions=False)
    sheet = Sheet([_rules(each) for each in document.find_all("style") if each.closest("template") is None])
    reader = _Reader(sheet)
    reader.read(document)
    for unread in dict.fromkeys(sheet.unread):
        reader.hidden.note("unread_style", unread)
    if sheet.overflows:
        reader.hidden.note("too_many_rules", "style rules that were not followed")
    return Page(
        reader.outline.html(),
        "".join(reader.words),
        reader.hidden.pieces(),
        (*reader.links.values(), *reader.images.values()),
        cut or reader.too_deep or reader.nodes > limits.HTML_NODES,
    )


def _rules(style: Element) -> str:
    """The text of a style element, under the condition that it has."""
    media = style.attrs.get("media")
    return f"@media {media}{{{style.text}}}" if media else style.text


def _bounded(source: str) -> str:
    """The page, with its formatting elements as spans where they could multiply the tree beyond its tags."""
    formats = len(set(_FORMATTING_TAG.findall(source)))
    if formats * source.count("<") > limits.REOPENED or len(_ROOT_TAG.findall(source)) > _ROOT_TAGS:
        return _FORMATTING.sub(r"<\1span", source)
    return source


@dataclass(slots=True)
class _Open:
    """An element being read: what is left in it, how text in it looks on each screen, and how to end it."""

    rest: Iterator[object]
    looks: tuple[Look, ...]
    at: Place | None = None
    name: str = ""
    inline: bool = False
    target: str | None = None
    place: int = 0
    shown_before: int = 0


class _Reader:
    """One walk over the tree, with a stack of its own instead of recursion."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.outline = Outline()
        self.hidden = HiddenPieces()
        self.words: list[str] = []
        self.links: dict[tuple[str, str, str], Link] = {}
        self.images: dict[tuple[str, str, str], Link] = {}
        self.nodes = 0
        self.too_deep = False
        self.known: dict[tuple[object, ...], tuple[Look, ...]] = {}
        self.partly: dict[tuple[str, ...], set[tuple[bool, ...]]] = {}  # what some screens alone show, and which
        start = tuple(Look() for _ in sheet.screens)
        self.distinct = {start: start}
        self.styles: dict[str, tuple[Style, Style]] = {}
        self.start = start

    def read(self, document: turbohtml.Document) -> None:
        stack = [_Open(iter(document.children), self.start)]
        while stack:
            top = stack[-1]
            node = next(top.rest, None)
            if node is None:
                self._close(stack.pop())
                continue
            self.nodes += 1
            if self.nodes > limits.HTML_NODES:
                top.rest = iter(())
            elif isinstance(node, Text):
                self._text(node.data, top.looks)
            elif isinstance(node, Element) and len(stack) > limits.HTML_DEPTH:
                self.too_deep = True
                self.hidden.note("too_deep", node.text)
            elif isinstance(node, Element):
                opened = self._element(node, top)
                if opened is not None:
                    stack.append(opened)
            elif isinstance(node, Comment):
                self._comment(node.data)

    def _element(self, element: Element, outer: _Open) -> _Open | None:
        """Begin an element; None when nothing in it is to be read."""
        tag = element.tag
        if tag in _SILENT:
            return None
        if tag in _NOT_RENDERED:
            if tag != "script" or str(element.attrs.get("type") or "").lower() not in _DATA_SCRIPTS:
                self.hidden.note("not_rendered", element.text)
            return None
        place = self.sheet.place(element, outer.at)
        looks = self._looks(place, outer.looks)
        if all(look.gone for look in looks):
            self.hidden.add(looks[0].gone, element.text)
            return None
        if looks is not outer.looks and self._is_twin(element, looks, outer.looks):
            return None
        if tag == "img":
            self._image(element, looks)
            return None
        if tag == "option" and element.parent and not _is_chosen(element):
            self.hidden.note("not_rendered", element.text)
            return None
        if tag in _QUOTES:
            self.hidden.begin_mail()
        inline = tag in INLINE
        if not inline:
            self.words.append(" ")
        struck = tag in _STRUCK and "line-through" in str(element.attrs.get("style") or "")
        columns = _columns(element) if tag in _CELLS else 1
        name = self.outline.open("s" if struck else tag, columns, _stated(element))
        opened = _Open(iter(element.children), looks, place, name, inline, shown_before=len(self.words))
        target = element.attrs.get({"a": "href", "area": "href", "form": "action"}.get(tag, ""))
        if target:
            self._open_target(tag, str(target), opened)
        return opened

    def _is_twin(self, element: Element, looks: tuple[Look, ...], outer: tuple[Look, ...]) -> bool:
        """Whether it is for some screens alone, and another for the others has said the same, with the same targets."""
        if not any(look.gone and not around.gone for look, around in zip(looks, outer, strict=True)):
            return False
        targets = (str(anchor.attrs.get("href") or "") for anchor in element.find_all("a"))
        words, where = " ".join(element.text.split()), tuple(not look.gone for look in looks)
        before = self.partly.setdefault((words, *targets), set())
        twin = bool(words) and any(not any(map(operator.and_, where, other)) for other in before)
        before.add(where)
        return twin

    def _open_target(self, tag: str, target: str, opened: _Open) -> None:
        if tag != "a":
            self._add_link("form" if tag == "form" else "link", "", target)
            return
        opened.target = target
        url = real_target(target)
        if is_place(url):
            opened.place = self.outline.open_link(url)

    def _close(self, closed: _Open) -> None:
        if closed.place:
            self.outline.close_link(closed.place)
        if closed.target is not None:
            shown = "".join(self.words[closed.shown_before : closed.shown_before + limits.LINK_TEXT_CHARS])
            self._add_link("link", shown, closed.target)
        self.outline.close(closed.name)
        if not closed.inline:
            self.words.append(" ")

    def _add_link(self, kind: LinkKind, text: str, target: str) -> None:
        """Note a target, once for each text it is shown under. A place within the page is none."""
        links, most = (self.images, limits.IMAGES) if kind == "image" else (self.links, limits.LINKS)
        key = (kind, text, target)
        if len(links) < most and key not in links and not target.startswith("#"):
            links[key] = link(kind, text, target)

    def _text(self, words: str, looks: tuple[Look, ...]) -> None:
        if all(look.kind for look in looks):
            self.hidden.add(looks[0].kind, words)
        else:
            self._show(words)

    def _show(self, words: str) -> None:
        self.outline.text(words)
        self.words.append(words)
        if words and not words.isspace():
            self.hidden.see(words)

    def _image(self, element: Element, looks: tuple[Look, ...]) -> None:
        """An image is never shown: its alternative text stands for it, if it is large enough to be seen."""
        attributes = element.attrs
        alt = str(attributes.get("alt") or "").strip()
        source = str(attributes.get("src") or "").strip()
        if source.lower().startswith(("http:", "https:", "//")):
            self._add_link("image", alt, source)
        if not alt:
            return
        sizes = [pixels(str(attributes.get(side) or "auto").lower()) for side in ("width", "height")]
        if any(size is not None and size <= POINT for size in sizes):
            self.hidden.add("zero_size", alt)
        elif len(alt) > limits.ALT_CHARS:
            self.hidden.add("alt_text", alt)
        elif all(look.gone or not look.seen for look in looks):
            self.hidden.add(looks[0].kind, alt)
        else:
            # the size and colour of letters do not hide a picture
            self._show(f"[image: {alt.translate(_BRACKETS)}]")

    def _comment(self, text: str) -> None:
        """Of a comment only prose is worth a report; what Outlook alone reads, and notes of designers, are not."""
        words = text[: 4 * limits.HIDDEN_CHARS]
        if not any(mark in words for mark in "<>{}[]") and len(words.split()) >= _PROSE_WORDS:
            self.hidden.note("comment", text)

    def _looks(self, place: Place, outer: tuple[Look, ...]) -> tuple[Look, ...]:
        """How text in the element looks on each screen; the same for every element that is styled the same."""
        element, attributes = place.element, place.element.attrs
        rules = self.sheet.matching(place)
        stated = [(name, attributes.get(name)) for name in _STYLING if name in attributes]
        if not rules and not stated and element.tag not in ("a", "dialog"):
            return outer
        key = (id(outer), element.tag, "href" in attributes, "open" in attributes, *map(id, rules), *stated)
        looks = self.known.get(key)
        if looks is None and len(self.known) >= limits.LOOKS:
            self.sheet.overflows = True
            return outer
        if looks is None:
            found = tuple(self._look(element, rules, outer))
            # equal ones are one object, so that their ids will do as keys
            looks = self.known[key] = self.distinct.setdefault(found, found)
        return looks

    def _look(self, element: Element, rules: list[Rule], outer: tuple[Look, ...]) -> Iterator[Look]:
        text = str(element.attrs.get("style") or "")
        own = self.styles.get(text) or self.styles.setdefault(text, declarations(text))
        before: tuple[Style, Look] | None = None
        for screen, look in zip(self.sheet.screens, outer, strict=True):
            style = cascaded(rules, screen, own)
            if (style, look) != before:  # as where no rule is for one of the screens alone
                self.sheet.unread += [f"{name}:{style[name]}" for name in _RECKONED if _is_unread(style.get(name, ""))]
                found = look_of(element, style, look)
                before = style, look
            yield found


_STYLING = ("style", "hidden", "popover", "bgcolor", "background", "color", "text", "width", "height")
_RECKONED = ("font-size", "color", "background", "background-color", "opacity", "text-indent")
_CALCULATED = re.compile(r"calc\(|min\(|max\(|clamp\(|var\(")
_CELLS = frozenset({"td", "th"})
_STRUCK = frozenset({"font", "span"})
"""What programs strike out by its style: an old price, a word taken back."""
_SPAN = re.compile(r"(?:[2-9]|1[0-2])\Z", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,4}\Z", re.ASCII)
_SPANS = {"colspan": _SPAN, "rowspan": _SPAN}
_STATED = {"ol": {"start": _NUMBER}, "td": _SPANS, "th": _SPANS}
_BRACKETS = str.maketrans("[]\n", "() ")


def _is_unread(value: str) -> bool:
    """Whether a value is beyond this reader, so that what it does to the text is not known."""
    return "(" in value and bool(_CALCULATED.match(value) or UNREAD_COLOUR.match(value))


def _columns(cell: Element) -> int:
    """How many columns a cell of a table takes; more than a table of data has means all of them, and counts as one."""
    said = str(cell.attrs.get("colspan") or "")
    return int(said) if _SPAN.match(said) else 1


def _stated(element: Element) -> str:
    """The attributes that number a list, or say how many rows and columns a cell takes."""
    return "".join(
        f' {name}="{value}"'
        for name, form in _STATED.get(element.tag, {}).items()
        if form.match(value := str(element.attrs.get(name) or ""))
    )


def _is_chosen(option: Element) -> bool:
    """Whether a closed list of choices shows this one."""
    if "selected" in option.attrs:
        return True
    choices = option.parent.find_all("option", limit=2) if isinstance(option.parent, Element) else []
    return bool(choices) and choices[0] is option
