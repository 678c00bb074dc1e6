"""Which text of a PDF page nobody sees: its content followed operator by operator (ISO 32000-1, sections 8 and 9).

Followed are matrices, colours, sizes, clipping by boxes, what was painted before and after, and layers that are off.
What cannot be followed (patterns, masks, pictures, letters that look like others) counts as seen.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tools.mail.documents import pdf_state
from tools.mail.documents.archive import Unreadable
from tools.mail.documents.pdf_colour import entry, numbers
from tools.mail.documents.pdf_ground import MOST_AREAS, NOWHERE, Area, Box, Ground, Outline, Patience, Point
from tools.mail.documents.pdf_state import Ink, State

Matrix = list[float] | tuple[float, ...]
"""a b c d e f (section 8.3.3)."""

SHOWING = frozenset({b"Tj", b"TJ", b"'", b'"'})
"""The operators that show text."""
MOST_PIECES = 20_000
"""Of one page, the newest: they may still be covered."""
_FILLING = frozenset({b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"})
_STROKING = frozenset({b"S", b"s", b"B", b"B*", b"b", b"b*"})
_ENDING = frozenset({*_FILLING, *_STROKING, b"n"})
_SEEN, _HIDDEN, _UNDRAWN, _CUT = range(4)
"""Text is seen; or it is not; or it is there without being drawn; or it would be seen in what is painted next."""

_SMALLEST, _SMALLEST_SHARE = 2.0, 400
"""Letters of less points are not read; on a page that is measured otherwise, of less than that share of it."""
_THIN = 1.5
"""What is narrower than so many smallest letters is a line, and no ground."""
_EM_SHARE = 0.7
"""Of the size: how far a letter goes at most, as a rule."""
_SCAN_SHARE, _SCAN_TEXT = 0.5, 10
_CUTTING = 7
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True, slots=True)
class _Outside:
    """What holds again behind a form."""

    state: State
    depth: int
    marks: int
    base: Matrix
    resources: object


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text that was shown: which piece it is, where it begins and where its middle may be, and how long it is."""

    number: int
    begin: Point
    middle: Point
    length: int


class Page:
    """Is told of each operator before and after it was followed; `unseen` then tells what became of each text."""

    def __init__(self, box: Box, resources: object, layers_off: frozenset[int], patience: Patience) -> None:
        self._box, self._resources, self._off, self._patience = box, resources, layers_off, patience
        self._least = min(_SMALLEST, max(box.right - box.left, box.top - box.bottom) / _SMALLEST_SHARE)
        self._ground = Ground(patience)
        self._state, self._base = State(box), _IDENTITY
        self._stack: list[State] = []
        self._outside: list[_Outside] = []
        self._marks: list[bool] = []
        self._path, self._boxes, self._clips = Outline(), list[Outline](), False
        self._fates = bytearray()
        self._pieces: deque[_Piece] = deque(maxlen=MOST_PIECES)
        self._cutting: list[int] = []
        self._drawn = self._undrawn = 0
        self._pictured = 0.0

    def before(self, operator: bytes, operands: Any, cm: Matrix, tm: Matrix) -> None:
        """An operator is about to be followed; the matrices are those of the page, or of the form that it is in."""
        if operator in SHOWING:
            self._show(operator, operands, _times(tm, _times(cm, self._base)))
        elif operator in pdf_state.OPERATORS:
            self._state = pdf_state.changed(self._state, operator, operands, self._resources)
        elif operator in _ENDING:
            self._end_path(operator, _times(cm, self._base))
        elif operator in _OTHERS:
            _OTHERS[operator](self, operands, _times(cm, self._base))

    def after(self, operator: bytes, operands: Any, cm: Matrix, tm: Matrix) -> None:
        """An operator was followed, and if it was a form all that is in it."""
        if operator == b"Do":
            outside = self._outside.pop()
            self._state, self._base, self._resources = outside.state, outside.base, outside.resources
            del self._stack[outside.depth :], self._marks[outside.marks :]

    def unseen(self) -> bytes:
        """For each operator that showed text, 1 where nobody sees it.

        A page that is a picture keeps the text that is not drawn: that is how a scan can be searched.
        """
        scan = self._pictured >= _SCAN_SHARE * self._box.size() and self._drawn * _SCAN_TEXT <= self._undrawn
        return bytes(fate in (_HIDDEN, _CUT) or (fate == _UNDRAWN and not scan) for fate in self._fates)

    def _show(self, operator: bytes, operands: Any, at: Matrix) -> None:
        state, number = self._state, len(self._fates)
        length, lead = _shown(operator, operands)
        length = -(-length // state.bytes_each)
        along = at[0] * state.size * state.stretch, at[1] * state.size * state.stretch
        up = at[2] * state.size, at[3] * state.size
        begin = at[4] + lead * along[0], at[5] + lead * along[1]
        fate = self._fate(begin, along, up, length) if length else _SEEN
        self._fates.append(fate)
        if fate == _UNDRAWN:
            self._undrawn += length
        elif fate == _SEEN and length:
            self._drawn += length
            first, middle = _inside(begin, along, up, 0.2), _inside(begin, along, up, length / 4)
            self._pieces.append(_Piece(number, first, middle, length))
        elif fate == _CUT:
            self._state = replace(state, lettered=True)
            self._cutting.append(number)

    def _fate(self, begin: Point, along: Point, up: Point, length: int) -> int:
        """What becomes of text that begins here; `along` and `up` are the sides of a letter as wide as it is high."""
        state, width = self._state, math.hypot(*along)
        height = abs(along[0] * up[1] - along[1] * up[0]) / width if width else 0.0
        if any(self._marks) or not all(map(math.isfinite, (*begin, width, height))) or not width or not height:
            return _HIDDEN
        if state.measured and min(width, height) < self._least:
            return _HIDDEN
        end = begin[0] + length * _EM_SHARE * along[0], begin[1] + length * _EM_SHARE * along[1]
        around = Outline()
        around.add(begin, end)
        if around.box.grown(height).within(state.window).least() < 0:
            return _HIDDEN
        if not state.inks():
            return _CUT if state.mode == _CUTTING else _UNDRAWN
        points = _inside(begin, along, up, 0.2), _inside(begin, along, up, length / 4)
        return _HIDDEN if all(self._is_unseen(ink, points) for ink in state.inks()) else _SEEN

    def _is_unseen(self, ink: Ink, points: tuple[Point, ...]) -> bool:
        colour = ink.through(self._state.group)
        return colour is not None and self._ground.hides(colour, points)

    def _end_path(self, operator: bytes, at: Matrix) -> None:
        shapes = [*self._boxes, *([self._path] if self._path.box != NOWHERE else [])]
        if operator in _FILLING:
            # of boxes inside one another the even-odd rule fills what is between them
            single = len(shapes) == 1 or b"*" not in operator
            for shape in shapes:
                self._paint(shape.box, self._state.fill, whole=single and shape.is_box())
        if operator in _STROKING:
            line = self._state.line * math.hypot(at[0], at[1])
            if line >= _THIN * self._least:
                for shape in shapes:
                    self._paint(shape.box.grown(line / 2), self._state.stroke, whole=False)
        # programs write W for no path at all, and viewers make nothing of it
        if self._clips and shapes:
            boxed = self._state.boxed and len(shapes) == 1 and shapes[0].is_box()
            self._narrow(shapes, boxed=boxed)
        self._path, self._boxes, self._clips = Outline(), [], False

    def _narrow(self, shapes: list[Outline], *, boxed: bool) -> None:
        """From now on only what is inside these shapes shows."""
        around = Outline()
        for shape in shapes:
            around.add((shape.box.left, shape.box.bottom), (shape.box.right, shape.box.top))
        self._state = replace(self._state, window=self._state.window.within(around.box), boxed=boxed)

    def _paint(self, box: Box, ink: Ink, *, whole: bool) -> None:
        if any(self._marks):
            return
        state, box = self._state, box.within(self._state.window)
        for number in self._cutting:
            self._fates[number] = _SEEN
        self._cutting.clear()
        if box.least() < _THIN * self._least:
            return
        colour = ink.through(state.group) if state.is_plain() else None
        whole = whole and state.boxed and colour is not None and not state.lettered
        self._ground.paint(Area(box, colour, whole))
        if whole and colour is not None and colour[3] == 1:
            self._cover(box)

    def _cover(self, box: Box) -> None:
        """Nobody sees the text any more that was here."""
        self._patience.spend(len(self._pieces))
        pieces = list(self._pieces)
        self._pieces.clear()
        for piece in pieces:
            if box.has(piece.begin) and box.has(piece.middle):
                self._fates[piece.number] = _HIDDEN
                self._drawn -= piece.length
            else:
                self._pieces.append(piece)

    def _save(self, operands: Any, at: Matrix) -> None:
        self._stack.append(self._state)

    def _restore(self, operands: Any, at: Matrix) -> None:
        inside = self._outside[-1].depth if self._outside else 0
        if len(self._stack) > inside:
            self._state = self._stack.pop()
        if not self._state.lettered:
            self._cutting.clear()

    def _box_path(self, operands: Any, at: Matrix) -> None:
        if given := numbers(operands, 4):
            left, bottom, width, height = given
            if len(self._boxes) >= MOST_AREAS:
                raise Unreadable("too_much")
            box = Outline()
            box.add(*(_moved((left + width * x, bottom + height * y), at) for x, y in _CORNERS))
            self._boxes.append(box)

    def _line_path(self, operands: Any, at: Matrix) -> None:
        if given := numbers(operands, 2):
            self._path.add(_moved((given[0], given[1]), at))

    def _curve_path(self, operands: Any, at: Matrix) -> None:
        given = numbers(operands, len(operands))
        points = zip(given[::2], given[1::2], strict=False)
        self._path.add(*(_moved(point, at) for point in points), straight=False)

    def _clip(self, operands: Any, at: Matrix) -> None:
        self._clips = True

    def _picture(self, operands: Any, at: Matrix) -> None:
        """A picture fills the unit square (section 8.9.3)."""
        square = Outline()
        square.add(*(_moved(corner, at) for corner in _CORNERS))
        self._pictured += square.box.within(self._state.window).size()
        self._paint(square.box, Ink(None), whole=False)

    def _shade(self, operands: Any, at: Matrix) -> None:
        self._paint(self._state.window, Ink(None), whole=False)

    def _draw(self, operands: Any, at: Matrix) -> None:
        """A picture, or a form, whose operators come next (section 8.10)."""
        outside = _Outside(self._state, len(self._stack), len(self._marks), self._base, self._resources)
        self._outside.append(outside)
        drawn = entry(self._resources, "/XObject", operands[0]) if operands else None
        if not isinstance(drawn, dict):
            return
        self._marks.append(self._is_off(drawn.get("/OC")))
        if entry(drawn, "/Subtype") == "/Image":
            if not any(self._marks):
                self._picture(operands, at)
            return
        if entry(drawn, "/Group", "/S") == "/Transparency":
            self._state = self._state.in_group()
        self._base = _times(numbers(entry(drawn, "/Matrix"), 6) or _IDENTITY, at)
        self._resources = entry(drawn, "/Resources") or self._resources
        if around := numbers(entry(drawn, "/BBox"), 4):
            box = Outline()
            box.add(*(_moved((around[x], around[y]), self._base) for x, y in ((0, 1), (2, 1), (2, 3), (0, 3))))
            self._narrow([box], boxed=self._state.boxed and box.is_box())

    def _mark(self, operands: Any, at: Matrix) -> None:
        """Marked content; what belongs to a layer names it (section 8.11)."""
        layer = None
        if len(operands) > 1 and operands[0] == "/OC" and isinstance(operands[1], str):
            properties = entry(self._resources, "/Properties")
            layer = properties.get(operands[1]) if isinstance(properties, dict) else None
        self._marks.append(self._is_off(layer))

    def _unmark(self, operands: Any, at: Matrix) -> None:
        inside = self._outside[-1].marks if self._outside else 0
        if len(self._marks) > inside:
            self._marks.pop()

    def _is_off(self, layer: object) -> bool:
        """Whether a layer, or each of a group of them, is switched off."""
        if getattr(layer, "idnum", None) in self._off:
            return True
        members = entry(layer, "/OCGs")
        found = [layer for layer in members if layer] if isinstance(members, list) else []
        return bool(found) and all(getattr(each, "idnum", None) in self._off for each in found)


def _shown(operator: bytes, operands: Any) -> tuple[int, float]:
    """How many bytes of text an operator shows, without blanks around them, and how far on it begins, in ems."""
    place = 2 if operator == b'"' else 0
    shown = operands[place] if len(operands) > place else b""
    pieces = shown if isinstance(shown, list) else [shown]
    length, lead = 0, 0.0
    for piece in pieces:
        if isinstance(piece, str | bytes):
            length += len(piece.strip())
        elif not length and isinstance(piece, int | float):
            lead -= float(piece) / 1000
    return length, lead


def _inside(begin: Point, along: Point, up: Point, share: float) -> Point:
    """A point in the lower half of a line's letters, so many letters from its beginning."""
    return begin[0] + share * along[0] + 0.3 * up[0], begin[1] + share * along[1] + 0.3 * up[1]


def _moved(point: Point, at: Matrix) -> Point:
    return point[0] * at[0] + point[1] * at[2] + at[4], point[0] * at[1] + point[1] * at[3] + at[5]


def _times(one: Matrix, other: Matrix) -> Matrix:
    """First the one and then the other."""
    return (
        one[0] * other[0] + one[1] * other[2],
        one[0] * other[1] + one[1] * other[3],
        one[2] * other[0] + one[3] * other[2],
        one[2] * other[1] + one[3] * other[3],
        one[4] * other[0] + one[5] * other[2] + other[4],
        one[4] * other[1] + one[5] * other[3] + other[5],
    )


_OTHERS: dict[bytes, Callable[[Page, Any, Matrix], None]] = {
    b"q": Page._save,
    b"Q": Page._restore,
    b"re": Page._box_path,
    b"m": Page._line_path,
    b"l": Page._line_path,
    b"c": Page._curve_path,
    b"v": Page._curve_path,
    b"y": Page._curve_path,
    b"W": Page._clip,
    b"W*": Page._clip,
    b"sh": Page._shade,
    b"INLINE IMAGE": Page._picture,
    b"Do": Page._draw,
    b"BMC": Page._mark,
    b"BDC": Page._mark,
    b"EMC": Page._unmark,
}
