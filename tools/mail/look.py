"""How a screen would show an element's own text: what it inherits, what its style changes, and what hides it."""

import re
from dataclasses import dataclass

from turbohtml import Element

from tools.mail.colour import BLACK, LINK, RGBA, WHITE, alike, over, read_colour
from tools.mail.css import Style

UNSEEN_OPACITY = 0.1
TINY = 5.0  # pixels of a letter; the smallest print in use has 8
POINT = 5.0  # pixels of a box that holds nothing one could read
FAR_BACK, FAR_ON = -500.0, 2_000.0  # pixels to the left or above; to the right or below
_ROOT_SIZE = 16.0
_SCREEN = 1_000.0  # what a percentage of the window is taken of
_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "q": 0.945, "rem": 16.0}
_PER_LETTER = {"em": 1.0, "ex": 0.5, "ch": 0.5, "cap": 0.7, "ic": 1.0, "lh": 1.2}
_PER_SCREEN = {"vw", "vh", "vmin", "vmax", "dvw", "dvh", "svw", "svh", "lvw", "lvh", "vi", "vb"}
_LENGTH = re.compile(r"([-+]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}))([a-z%]{0,4})\Z")
_SIZES = {"xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0}
_TOKEN = re.compile(r"[^\s()]*+\([^()]*+(?:\([^()]*+\)[^()]*+)*+\)?+|[^\s()]++")
_CALL = re.compile(r"([a-z0-9-]{1,20})\(([^()]{0,200})\)")
UNREAD_COLOUR = re.compile(r"(?:var|oklch|oklab|lab|lch|hwb|color|color-mix|light-dark)\(")
"""Colours that are beyond this reader (CSS Color 4 and 5)."""
_CLIPS = frozenset({"hidden", "clip", "auto", "scroll"})
INLINE = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "label", "mark", "s", "small", "span", "strong", "sub", "sup", "u"}
)
"""Elements that stand within a line."""
_OUT_OF_FLOW = frozenset({"absolute", "fixed"})
_BOX = ("width", "height", "max-width", "max-height", "line-height")
_CELLS = frozenset({"table", "tbody", "td", "tfoot", "th", "thead", "tr"})


@dataclass(frozen=True, slots=True)
class Look:
    """What text inherits where it stands. `kind` is what hides it, '' when a person sees it.

    `gone` is a kind that nothing inside can undo; `background` None is one that cannot be known, as a picture.
    """

    gone: str = ""
    seen: bool = True
    size: float = _ROOT_SIZE
    colour: RGBA = BLACK
    fill: RGBA | None = None
    background: RGBA | None = WHITE
    indented: bool = False
    opacity: float = 1.0
    kind: str = ""


def look_of(element: Element, style: Style, outer: Look) -> Look:
    """How text in the element looks, given the element's cascaded style and the look around it."""
    attributes = element.attrs
    size = _font_size(style, outer.size)
    opacity = outer.opacity * _opacity(style)
    gone = outer.gone or _gone(element, style, size)
    if not gone and opacity <= UNSEEN_OPACITY:
        gone = "opacity"
    seen, indented = _seen(style, outer.seen), _is_indented(style, size, outer.indented)
    colour, fill = _text_colour(element, style, outer.colour), _fill(style, outer.fill)
    background = _background(style, attributes.get("bgcolor"), attributes.get("background"), outer.background)
    if gone:
        kind = gone
    elif not seen:
        kind = "visibility"
    elif size < TINY:
        kind = "tiny_font"
    else:
        kind = "off_screen" if indented else _lost_in(background, fill or colour, opacity)
    return Look(gone, seen, size, colour, fill, background, indented, opacity, kind)


def pixels(value: str, letter: float = _ROOT_SIZE, whole: float = _SCREEN) -> float | None:
    """A CSS length in pixels; None when it is none. `letter` is the size of the font, `whole` what % is a part of."""
    match = _LENGTH.match(value)
    if match is None:
        return None
    amount, unit = float(match.group(1)), match.group(2)
    if unit == "%":
        return amount * whole / 100
    if unit in _PER_SCREEN:
        return amount * _SCREEN / 100
    return amount * (_PER_LETTER[unit] * letter if unit in _PER_LETTER else _UNITS.get(unit, 1.0))


def _lost_in(background: RGBA | None, letters: RGBA, opacity: float) -> str:
    """What hides letters of a colour on a background."""
    if letters[3] <= UNSEEN_OPACITY:
        return "transparent"
    colour = (*letters[:3], letters[3] * opacity)
    return "same_colour" if background is not None and alike(over(colour, background), background) else ""


def _gone(element: Element, style: Style, size: float) -> str:
    """What takes the element and all that is in it off the screen."""
    if style.get("display") == "none":
        return "display_none"
    attributes = element.attrs
    if "display" not in style and (
        "hidden" in attributes or "popover" in attributes or (element.tag == "dialog" and "open" not in attributes)
    ):
        return "hidden_attribute"
    spacing = pixels(style.get("letter-spacing", "0"), size) or 0
    if spacing < 0 and spacing <= -size / 2:
        return "tiny_font"
    if style.get("content-visibility") == "hidden":
        return "visibility"
    for found in (_clipped(style), _scaled(style), _moved(style, size), _boxed(element, style, size)):
        if found:
            return found
    return ""


def _font_size(style: Style, outer: float) -> float:
    value = style.get("font-size", "")
    if not value and "font" in style:
        sizes = [token.partition("/")[0] for token in _TOKEN.findall(style["font"])]
        value = next((size for size in sizes if size == "0" or (_LENGTH.match(size) and not size.isdigit())), "")
    if not value:
        return outer
    found = pixels(value, outer, outer)
    return _SIZES.get(value, outer) if found is None else found


def _seen(style: Style, outer: bool) -> bool:
    value = style.get("visibility", "inherit")
    return outer if value in ("inherit", "unset") else value not in ("hidden", "collapse")


def _opacity(style: Style) -> float:
    opacity = _number(style.get("opacity", "1"))
    for name, value in _calls(style, "filter", "-webkit-filter"):
        if name == "opacity":
            opacity *= _number(value)
        elif name == "blur" and (pixels(value.strip()) or 0) >= _ROOT_SIZE / 2:
            opacity = 0
    return opacity


def _text_colour(element: Element, style: Style, outer: RGBA) -> RGBA:
    attribute = {"font": "color", "body": "text", "span": "color"}.get(element.tag)
    named = str(element.attrs.get(attribute) or "").lower() if attribute else ""
    value = style.get("color") or named
    if not value:
        # the browser's own sheet, not the text around it, colours a link
        return LINK if element.tag == "a" and "href" in element.attrs else outer
    return BLACK if value == "initial" else read_colour(value) or outer


def _fill(style: Style, outer: RGBA | None) -> RGBA | None:
    value = style.get("-webkit-text-fill-color")
    if value is None:
        return outer
    shows_picture = "text" in (style.get("-webkit-background-clip"), style.get("background-clip"))
    return None if shows_picture else read_colour(value)


def _background(style: Style, attribute: object, picture: object, outer: RGBA | None) -> RGBA | None:
    under = outer
    if attribute:
        under = _laid(read_colour(str(attribute).lower()), outer)
    if picture:
        under = None
    for name in ("background", "background-color"):
        value = style.get(name, "")
        tokens = _TOKEN.findall(value) if "(" in value or " " in value else [value]
        if any(token.startswith("url(") or "gradient(" in token or UNREAD_COLOUR.match(token) for token in tokens):
            return None
        colour = next((found for token in tokens if (found := read_colour(token))), None)
        under = _laid(colour, under)
    value = style.get("background-image", "none")
    return under if value in ("none", "initial") else None


def _laid(colour: RGBA | None, under: RGBA | None) -> RGBA | None:
    """A background over another; a see-through one over an unknown one is unknown."""
    if colour is None or colour[3] == 0:
        return under
    if colour[3] == 1:
        return colour
    return over(colour, under) if under else None


def _is_indented(style: Style, size: float, outer: bool) -> bool:
    value = style.get("text-indent")
    if value is None:
        return outer
    indent = pixels(value, size) or 0
    return _is_far(indent) or (indent >= _SCREEN and style.get("overflow") in _CLIPS)


def _is_far(distance: float) -> bool:
    return distance <= FAR_BACK or distance >= FAR_ON


def _moved(style: Style, size: float) -> str:
    """Whether the element lies far off the screen."""
    lengths = []
    if style.get("position", "static") != "static":
        lengths += [style.get(side, "") for side in ("left", "right", "top", "bottom")]
    margins = style.get("margin", "").split()
    if margins:
        lengths += [margins[0], margins[-1]]
    lengths += [style.get(side, "") for side in ("margin-left", "margin-top", "padding-left")]
    lengths += [
        part for name, value in _calls(style, *_TRANSFORMS) if name.startswith("translate") for part in value.split(",")
    ]
    distances = (pixels(length.strip(), size) for length in lengths if length)
    return "off_screen" if any(_is_far(distance) for distance in distances if distance is not None) else ""


_EDGE_ON = frozenset({"90deg", "-90deg", "270deg", "-270deg", "0.25turn", "100grad"})
_TRANSFORMS = ("transform", "-webkit-transform", "-ms-transform")


def _scaled(style: Style) -> str:
    """Whether the element is shrunk to nothing or turned edge on."""
    factors = [_number(value) for name in ("scale", "zoom") for value in style.get(name, "").split()[:2]]
    if "zoom" in style and factors and factors[-1] == 0:
        factors.pop()  # an old way to say no zoom
    for name, value in _calls(style, *_TRANSFORMS):
        parts = [part.strip() for part in value.split(",")]
        if name.startswith("scale"):
            factors += [_number(part) for part in parts[:2]]
        elif name == "matrix" and len(parts) == 6:
            factors.append(max(abs(_number(part)) for part in parts[:4]))
        elif name in ("rotatex", "rotatey"):
            factors.append(parts[0] not in _EDGE_ON)
    return "scaled_away" if any(abs(factor) < UNSEEN_OPACITY for factor in factors) else ""


def _clipped(style: Style) -> str:
    """Whether a clip leaves nothing of the element."""
    for name, value in _calls(style, "clip", "clip-path", "-webkit-clip-path"):
        found = (pixels(part, whole=100) for part in re.split(r"[\s,]+", value))
        lengths = [length for length in found if length is not None]
        if name == "rect" and len(lengths) == 4:
            top, right, bottom, left = lengths
            empty = bottom - top <= POINT or right - left <= POINT
        elif name == "inset" and lengths and "%" in value:
            top, right, bottom, left = _sides(lengths)
            empty = top + bottom >= 100 or right + left >= 100
        elif name in ("circle", "ellipse"):
            empty = bool(lengths) and lengths[0] <= POINT
        else:
            empty = name == "polygon" and not any(lengths)
        if empty:
            return "clipped"
    return ""


def _sides(lengths: list[float]) -> list[float]:
    """Top, right, bottom and left from the one to four lengths of a shorthand."""
    return (lengths * 4)[:4] if len(lengths) < 3 else [*lengths, lengths[1]][:4]


def _boxed(element: Element, style: Style, size: float) -> str:
    """Whether the element's box is too small for anything, and cuts off what does not fit."""
    if not any(style.get(name) in _CLIPS for name in ("overflow", "overflow-x", "overflow-y")):
        return ""
    if (
        element.tag in INLINE
        and style.get("display", "inline") == "inline"
        and "float" not in style
        and style.get("position") not in _OUT_OF_FLOW
    ):
        return ""
    # a cell grows with what is in it, unless it must not
    values = [style.get(name, "") for name in (("max-width",) if element.tag in _CELLS else _BOX)]
    sizes = (pixels(value.strip(), size) for value in values if value)
    return "zero_size" if any(found is not None and found <= POINT for found in sizes) else ""


def _calls(style: Style, *names: str) -> list[tuple[str, str]]:
    """The functions, with their arguments, in the values of these properties."""
    return [found for name in names if name in style for found in _CALL.findall(style[name])]


def _number(value: str) -> float:
    found = pixels(value.strip(), whole=1)
    return 1.0 if found is None else found
