"""Colours of a PDF's content, by the colour space they are given in (ISO 32000-1, section 8.6)."""

from typing import Any

from tools.mail.colour import BLACK, RGBA, WHITE

INKS = -1
"""In the place of a number of components: inks of names of their own, of which none is the bare page."""

_COMPONENTS = {
    "/DeviceGray": 1,
    "/CalGray": 1,
    "/DeviceRGB": 3,
    "/CalRGB": 3,
    "/DeviceCMYK": 4,
    "/Separation": INKS,
    "/DeviceN": INKS,
}
_MOST = 1e9


def resolved(value: object) -> Any:
    """What a reference refers to, and any other value as it is."""
    get = getattr(value, "get_object", None)
    return value if get is None else get()


def entry(mapping: object, *names: object) -> Any:
    """A value inside dictionaries inside one another; None where there is none, or what should be a name is not."""
    for name in names:
        mapping = resolved(mapping)
        if not isinstance(mapping, dict) or not isinstance(name, str):
            return None
        mapping = mapping.get(name)
    return resolved(mapping)


def numbers(values: object, count: int) -> tuple[float, ...]:
    """The first numbers of a list; empty where they are not all numbers of a sensible size."""
    if not isinstance(values, list | tuple) or len(values) < count:
        return ()
    found = tuple(resolved(value) for value in values[:count])
    sound = all(isinstance(value, int | float) and -_MOST < value < _MOST for value in found)
    return tuple(map(float, found)) if sound else ()


def components(space: object, resources: object) -> int:
    """How many numbers make a colour of a space; INKS, or 0 where they do not tell how it looks."""
    if isinstance(space, str):
        if space in _COMPONENTS:
            return _COMPONENTS[space]
        space = entry(resources, "/ColorSpace", space)
    if isinstance(space, list) and space:
        if resolved(space[0]) == "/ICCBased" and len(space) > 1:
            count = entry(space[1], "/N")
            return count if count in (1, 3, 4) else 0
        space = resolved(space[0])
    return _COMPONENTS.get(space, 0) if isinstance(space, str) else 0


def first_colour(count: int) -> RGBA | None:
    """The colour that a space begins with."""
    return BLACK if count > 0 else None


def colour_of(values: object, count: int) -> RGBA | None:
    """The colour that these numbers of a space are; None where that is not known, as of a pattern."""
    if count == INKS:
        given = numbers(values, len(values)) if isinstance(values, list) else ()
        return WHITE if given and not any(given) else None
    given = numbers(values, count)
    match tuple(min(max(number, 0.0), 1.0) * 255 for number in given):
        case (grey,):
            return grey, grey, grey, 1.0
        case (red, green, blue):
            return red, green, blue, 1.0
        case (cyan, magenta, yellow, black):
            light = 1 - black / 255
            return (255 - cyan) * light, (255 - magenta) * light, (255 - yellow) * light, 1.0
    return None
