"""The part of CSS that can hide text: declarations, and style rules by element, class, id and attribute."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from turbohtml import Element

from tools.mail import limits
from tools.mail.colour import read_colour

Style = dict[str, str]
"""Values by property, both in lower case."""

WIDE, NARROW = 1, 2
"""The screens that media queries are answered for: a desktop's window and a telephone's."""
_WIDTHS = {WIDE: 1024, NARROW: 375}

_LENGTH_NAMES = """
bottom font-size height left letter-spacing line-height margin-left margin-top max-height max-width padding-left right
text-indent top width
"""
_LENGTHS = frozenset(_LENGTH_NAMES.split())
_COLOURS = frozenset({"color", "background-color", "-webkit-text-fill-color"})
_DISPLAYS = """
block contents flex flow-root grid inherit initial inline inline-block inline-flex inline-grid inline-table list-item
none revert table table-caption table-cell table-column table-column-group table-footer-group table-header-group
table-row table-row-group unset
"""
_WORDS = {
    "display": frozenset(_DISPLAYS.split()),
    "visibility": frozenset({"visible", "hidden", "collapse", "inherit", "initial", "unset"}),
}
_FREE_NAMES = """
-ms-transform -webkit-background-clip -webkit-clip-path -webkit-filter -webkit-transform background
background-clip background-image clip clip-path content-visibility filter float font margin opacity overflow
overflow-x overflow-y position scale transform zoom
"""
_FREE = frozenset(_FREE_NAMES.split())
_KNOWN = _LENGTHS | _COLOURS | _WORDS.keys() | _FREE
_LENGTH = re.compile(r"[-+]?(?:\d|\.\d)|[a-z][a-z-]*\Z|[a-z-]+\(")
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.S)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.S)
_STRING = r"\"(?:[^\"\\\n]++|\\.)*+\"?+|'(?:[^'\\\n]++|\\.)*+'?+"
_DECLARATION = re.compile(rf"(?:[^;\"'(]++|{_STRING}|\([^)]*+\)?+)++", re.S)
_BLOCK = re.compile(rf"((?:[^{{}};\"']++|{_STRING})*+)([{{}};]|\Z)", re.S)
_NESTED = 8  # at-rules inside one another
_NAME = r"(?:[-\w\u0080-\U0010ffff]|\\.)"
_SIMPLE = re.compile(
    rf"(?P<relation>\s*>\s*|\s+)|(?P<sign>[.#]?)(?P<name>{_NAME}{{1,200}})|\*|:link\b|"
    rf"\[\s*(?P<key>[-\w]{{1,80}})\s*(?:(?P<sort>[~|^$*]?=)\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|"
    rf"(?P<bare>[^\]\"'\s]+))\s*(?:[is]\s*)?)?\]",
    re.ASCII,
)
_PASSING = re.compile(r":(?:hover|focus|active|visited|checked|target|before|after|:|-)|_:")
_FEATURE = re.compile(r"\(\s*(?:(min|max)-(?:device-)?width)\s*:\s*(\d{1,6}(?:\.\d{1,3})?)\s*(px|em|rem)\s*\)")
_EM = 16
_NONE: frozenset[str] = frozenset()
_QUERY = re.compile(r"(?:only\s+)?(?:all|screen)?(?:(?:^|\s*and\s*)\([^()]*\))*\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """An element where it stands. `names` are those of its classes and its id that rules speak of, as selectors write
    them, in lower case: a page without a doctype does not tell the cases apart. `around` has those above it as well.
    """

    element: Element
    names: frozenset[str]
    around: frozenset[str]
    above: "Place | None"


@dataclass(frozen=True, slots=True)
class Compound:
    """What one element must be: tag, names, attributes; and whether it is its follower's very parent."""

    tag: str
    names: frozenset[str]
    attributes: tuple[tuple[str, str, str], ...]
    parent: bool

    def fits(self, place: Place) -> bool:
        if (self.tag and self.tag != place.element.tag) or not self.names <= place.names:
            return False
        attributes = place.element.attrs
        return all(_holds(attributes.get(name), sort, value) for name, sort, value in self.attributes)


@dataclass(frozen=True, slots=True)
class Rule:
    """One selector with what it declares. `rank` orders rules of one weight; `screens` is WIDE, NARROW or both;
    `names` are all that the selector has."""

    compounds: tuple[Compound, ...]
    names: frozenset[str]
    rank: tuple[int, int, int, int]
    screens: int
    normal: Style
    important: Style

    def fits(self, place: Place) -> bool:
        """Whether the element is meant. A chain of ancestors is looked for from the inside, without a second try."""
        if not self.names <= place.around or not self.compounds[-1].fits(place):
            return False
        at, waiting = place.above, len(self.compounds) - 1
        while waiting and at is not None:
            if self.compounds[waiting - 1].fits(at):
                waiting -= 1
            elif self.compounds[waiting - 1].parent:
                return False
            at = at.above
        return not waiting


class Sheet:
    """The rules of a page that could hide something, found by the innermost part of their selector."""

    def __init__(self, texts: list[str]) -> None:
        self.rules: list[Rule] = []
        self.unread: list[str] = []
        """What may hide and is beyond this reader: selectors of hiding rules, values to be calculated."""
        self.overflows = any(len(text) > limits.STYLE_CHARS for text in texts)
        """Whether some of it was not looked at, for being too much."""
        for text in texts:
            for conditions, selectors, body in _blocks(text[: limits.STYLE_CHARS]):
                self._add(_screens(conditions), selectors, body)
        self.budget = limits.STYLE_MATCHES

    def place(self, element: Element, above: Place | None) -> Place:
        """The element with its names, below another."""
        attributes = element.attrs
        found = {"." + name.lower() for name in attributes.get("class") or ()} if "class" in attributes else set()
        if "id" in attributes:
            found.add("#" + str(attributes.get("id")).lower())
        names = self._names & found if found else _NONE
        around = above.around if above else _NONE
        return Place(element, names, around | names if names else around, above)

    @cached_property
    def screens(self) -> tuple[int, ...]:
        """The screens that the page is to be looked at on: one where it is the same on both."""
        return (WIDE,) if all(rule.screens == WIDE | NARROW for rule in self.rules) else (WIDE, NARROW)

    @cached_property
    def _names(self) -> frozenset[str]:
        return _NONE.union(*(rule.names for rule in self.rules))

    @cached_property
    def _by_key(self) -> dict[str, list[Rule]]:
        found: dict[str, list[Rule]] = {}
        for rule in self.rules:
            last = rule.compounds[-1]
            found.setdefault(min(last.names, default=last.tag), []).append(rule)
        return found

    def matching(self, place: Place) -> list[Rule]:
        """The rules for an element, weakest first. Nothing more once the page has used up its budget."""
        by_key = self._by_key
        candidates = [*by_key.get("", ()), *by_key.get(place.element.tag, ())]
        for name in place.names:
            candidates += by_key.get(name, ())
        if not candidates:
            return candidates
        self.budget -= len(candidates)
        if self.budget < 0:
            self.overflows = True
            return []
        return sorted((rule for rule in candidates if rule.fits(place)), key=_rank)

    def _add(self, screens: int, selectors: str, body: str) -> None:
        normal, important = declarations(body)
        if not screens or not (normal or important):
            return
        for selector in selectors.split(","):
            compounds = _compounds(selector.strip())
            if len(self.rules) >= limits.STYLE_RULES:
                self.overflows = True
                return
            if compounds:
                rank = (*_specificity(compounds), len(self.rules))
                names = _NONE.union(*(each.names for each in compounds))
                self.rules.append(Rule(compounds, names, rank, screens, normal, important))
            elif not _PASSING.search(selector) and "none" in normal.get("display", important.get("display", "")):
                self.unread.append(selector.strip())


def declarations(text: str) -> tuple[Style, Style]:
    """The declarations of a style attribute or block that matter here, and of these the important ones apart.

    A value that the property cannot have is passed over, as a browser does, so that it does not undo the one before.
    """
    normal: Style = {}
    important: Style = {}
    if "/*" in text:
        text = _COMMENT.sub("", text)
    plain = '"' not in text and "'" not in text and "(" not in text
    for chunk in text.split(";") if plain else _DECLARATION.findall(text):
        name, _, value = (_unescaped(chunk) if "\\" in chunk else chunk).partition(":")
        name = name.strip().lower()
        if name not in _KNOWN:
            continue
        value = value.strip().lower()
        into = normal
        if "!" in value:
            value, _, mark = value.rpartition("!")
            value, into = value.strip(), important if mark.strip() == "important" else {}
        if _is_value(name, value):
            into[name] = value
    return normal, important


def cascaded(rules: list[Rule], screen: int, own: tuple[Style, Style]) -> Style:
    """What holds for an element on a screen: rules in order, its own style, then the important ones (CSS Cascade 4)."""
    style: Style = {}
    chosen = [rule for rule in rules if rule.screens & screen]
    for part in (*(rule.normal for rule in chosen), own[0], *(rule.important for rule in chosen), own[1]):
        style.update(part)
    return style


def _rank(rule: Rule) -> tuple[int, int, int, int]:
    return rule.rank


def _is_value(name: str, value: str) -> bool:
    if name in _WORDS:
        return value in _WORDS[name]
    if name in _LENGTHS:
        return _LENGTH.match(value) is not None
    if name in _COLOURS:
        return read_colour(value) is not None or value in ("inherit", "initial", "currentcolor") or value.endswith(")")
    return bool(value)


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        code = int(match.group(1), 16) if match.group(1) else 0
        return chr(code) if 0 < code < 0xD800 else match.group(2) or "\ufffd"

    return _ESCAPE.sub(character, text)


def _blocks(text: str) -> Iterator[tuple[list[str], str, str]]:
    """The conditions, selectors and body of each rule."""
    text = _COMMENT.sub("", text).replace("<!--", " ").replace("-->", " ")
    opened: list[str] = []
    body: list[str] = []
    for match in _BLOCK.finditer(text):
        piece, end = match.groups()
        if end == ";":
            body.append(piece)
            continue
        if end != "{":
            body.append(piece)
            if opened and len(opened) <= _NESTED and not opened[-1].startswith("@"):
                yield opened[:-1], opened[-1], ";".join(body)
            del opened[-1:]
        else:
            opened.append(piece.strip())
        body = []


def _screens(conditions: list[str]) -> int:
    """The screens for which all of the conditions hold. What is no media query is taken to hold."""
    screens = WIDE | NARROW
    for condition in conditions:
        condition = condition.lower()
        if condition.startswith("@media"):
            queries = condition.removeprefix("@media").split(",")
            screens &= sum(screen for screen in _WIDTHS if any(_answers(query, screen) for query in queries))
        elif not condition.startswith(("@supports", "@layer", "@container")):
            return 0
    return screens


def _answers(query: str, screen: int) -> bool:
    """Whether a media query holds on a screen; one that asks for other things than width does not."""
    query = query.strip()
    features = _FEATURE.findall(query)
    if not _QUERY.match(query) or len(features) != query.count("("):
        return False
    widths = [(side, float(amount) * (1 if unit == "px" else _EM)) for side, amount, unit in features]
    return all(_WIDTHS[screen] >= width if side == "min" else _WIDTHS[screen] <= width for side, width in widths)


def _compounds(selector: str) -> tuple[Compound, ...]:
    """The selector's parts from the outside in; none when something in it is beyond this reader."""
    found: list[Compound] = []
    tag, names, attributes = "", set[str](), list[tuple[str, str, str]]()
    at = 0
    while at < len(selector):
        part = _SIMPLE.match(selector, at)
        if part is None:
            return ()
        at = part.end()
        if part["relation"]:
            found.append(Compound(tag, frozenset(names), tuple(attributes), ">" in part["relation"]))
            tag, names, attributes = "", set(), []
        elif part["key"]:
            value = part["double"] or part["single"] or part["bare"] or ""
            attributes.append((part["key"].lower(), part["sort"] or "", value.lower()))
        elif part["name"]:
            name = _unescaped(part["name"]).lower()
            if part["sign"]:
                names.add(part["sign"] + name)
            else:
                tag = name
    return (*found, Compound(tag, frozenset(names), tuple(attributes), False)) if selector else ()


def _specificity(compounds: tuple[Compound, ...]) -> tuple[int, int, int]:
    ids = sum(name.startswith("#") for each in compounds for name in each.names)
    others = sum(len(each.names) + len(each.attributes) for each in compounds) - ids
    return ids, others, sum(bool(each.tag) for each in compounds)


def _holds(found: str | list[str] | None, sort: str, value: str) -> bool:
    """Whether an attribute is as a selector asks (Selectors 4 section 6)."""
    if found is None:
        return False
    text = (" ".join(found) if isinstance(found, list) else found).lower()
    match sort:
        case "":
            return True
        case "=":
            return text == value
        case "~=":
            return value in text.split()
        case "|=":
            return text == value or text.startswith(value + "-")
        case "^=":
            return bool(value) and text.startswith(value)
        case "$=":
            return bool(value) and text.endswith(value)
        case _:
            return bool(value) and value in text
