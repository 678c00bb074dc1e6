"""How a PDF's content draws at one moment: colours, opacity, sizes (ISO 32000-1, section 8.4), as far as it matters."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tools.mail.colour import BLACK, RGBA
from tools.mail.documents.pdf_colour import colour_of, components, entry, first_colour, numbers, resolved
from tools.mail.documents.pdf_ground import Box

_FILLED, _STROKED, _MODES = (0, 2, 4, 6), (1, 2, 5, 6), range(8)
_DEVICE = {b"g": 1, b"rg": 3, b"k": 4}
_COLOURS = frozenset({*_DEVICE, b"cs", b"sc", b"scn"})
_FAINTEST = 0.1
_PLAIN_BLENDS = ("/Normal", "/Compatible", None)


@dataclass(frozen=True, slots=True)
class Ink:
    """What is drawn with: a colour, None where it is not known; how many numbers its space has; its opacity."""

    colour: RGBA | None = BLACK
    space: int = 1
    alpha: float = 1.0

    def through(self, group: float) -> RGBA | None:
        """The colour with its opacity, in a group of that opacity. What is hardly there has no colour that matters."""
        alpha = self.alpha * group
        colour = BLACK if alpha < _FAINTEST else self.colour
        return colour and (*colour[:3], alpha)


@dataclass(frozen=True, slots=True)
class State:
    """The graphics state. `window` is around all that still shows, and `boxed` says that it is just that."""

    window: Box
    boxed: bool = True
    fill: Ink = Ink()
    stroke: Ink = Ink()
    plain: bool = True
    """Neither blended with what is below nor masked."""
    group: float = 1.0
    """The opacity of the groups that this is in (section 11.4)."""
    grouped_plain: bool = True
    """Whether these are plain."""
    line: float = 1.0
    mode: int = 0
    """How text is rendered (table 106)."""
    size: float = 0.0
    stretch: float = 1.0
    measured: bool = True
    """Whether the size tells that of the letters; for a Type 3 font it does not."""
    bytes_each: int = 1
    """Of a letter."""
    lettered: bool = False
    """Whether letters cut what is painted (render mode 7)."""

    def in_group(self) -> "State":
        """The state a transparency group begins with: it is composed by itself, and then shown through this one."""
        return replace(
            self,
            fill=replace(self.fill, alpha=1.0),
            stroke=replace(self.stroke, alpha=1.0),
            plain=True,
            group=self.group * self.fill.alpha,
            grouped_plain=self.grouped_plain and self.plain,
        )

    def is_plain(self) -> bool:
        return self.plain and self.grouped_plain

    def inks(self) -> tuple[Ink, ...]:
        """What text is drawn with; nothing in render modes 3 and 7."""
        return (self.fill,) * (self.mode in _FILLED) + (self.stroke,) * (self.mode in _STROKED)


def changed(state: State, operator: bytes, operands: Any, resources: object) -> State:
    """The state after an operator; those that do not matter change nothing."""
    if operator in _COLOURS:
        return replace(state, fill=_inked(state.fill, operator, operands, resources))
    if operator.lower() in _COLOURS:
        return replace(state, stroke=_inked(state.stroke, operator.lower(), operands, resources))
    change = _CHANGES.get(operator)
    return change(state, operands, resources) if change and operands else state


def _inked(ink: Ink, operator: bytes, operands: Any, resources: object) -> Ink:
    if operator == b"cs":
        space = components(operands[0], resources) if operands else 0
        return Ink(first_colour(space), space, ink.alpha)
    space = _DEVICE.get(operator, ink.space)
    return Ink(colour_of(operands, space), space, ink.alpha)


def _extended(state: State, operands: Any, resources: object) -> State:
    """A dictionary of parameters (table 58)."""
    given = entry(resources, "/ExtGState", operands[0])
    if not isinstance(given, dict):
        return state
    for name, alpha in (("/ca", numbers([given.get("/ca")], 1)), ("/CA", numbers([given.get("/CA")], 1))):
        if alpha and name == "/ca":
            state = replace(state, fill=replace(state.fill, alpha=alpha[0]))
        elif alpha:
            state = replace(state, stroke=replace(state.stroke, alpha=alpha[0]))
    if "/BM" in given or "/SMask" in given:
        plain = entry(given, "/BM") in _PLAIN_BLENDS and entry(given, "/SMask") in ("/None", None)
        state = replace(state, plain=plain)
    return state


def _font(state: State, operands: Any, resources: object) -> State:
    size = numbers(operands[1:], 1)
    kind = entry(resources, "/Font", operands[0], "/Subtype")
    each = 2 if kind == "/Type0" else 1
    return replace(state, size=size[0] if size else state.size, measured=kind != "/Type3", bytes_each=each)


def _mode(state: State, operands: Any, _: object) -> State:
    mode = resolved(operands[0])
    return replace(state, mode=mode) if isinstance(mode, int) and mode in _MODES else state


def _stretch(state: State, operands: Any, _: object) -> State:
    percent = numbers(operands, 1)
    return replace(state, stretch=percent[0] / 100) if percent else state


def _line(state: State, operands: Any, _: object) -> State:
    width = numbers(operands, 1)
    return replace(state, line=width[0]) if width else state


_CHANGES: dict[bytes, Callable[[State, Any, object], State]] = {
    b"gs": _extended,
    b"Tf": _font,
    b"Tr": _mode,
    b"Tz": _stretch,
    b"w": _line,
}
OPERATORS = frozenset({*_COLOURS, *(name.upper() for name in _COLOURS), *_CHANGES})
"""Those that change the state."""
