"""What lies on a page of a PDF, one thing over the other: the ground that text is seen on, and what covers it."""

import math
from dataclasses import dataclass
from itertools import pairwise

from tools.mail.colour import RGBA, WHITE, alike, over
from tools.mail.documents.archive import Unreadable

Point = tuple[float, float]

_CLOSED = 5
"""Points of a rectangle that goes back to its beginning."""
MOST_AREAS = 20_000
"""Of one page."""
_MIXING = 10
"""Comparisons that take as long as to mix two colours."""
_MOST_SHADES = 8
"""Grounds that a place may have; where there could be more, nobody knows what is seen."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle along the page's sides."""

    left: float
    bottom: float
    right: float
    top: float

    def within(self, other: "Box") -> "Box":
        """What two boxes have in common; a box turned inside out is nothing."""
        return Box(
            max(self.left, other.left),
            max(self.bottom, other.bottom),
            min(self.right, other.right),
            min(self.top, other.top),
        )

    def grown(self, by: float) -> "Box":
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)

    def has(self, point: Point) -> bool:
        return self.left <= point[0] <= self.right and self.bottom <= point[1] <= self.top

    def least(self) -> float:
        """The shorter side; negative for nothing."""
        return min(self.right - self.left, self.top - self.bottom)

    def size(self) -> float:
        return (self.right - self.left) * (self.top - self.bottom) if self.least() > 0 else 0.0


NOWHERE = Box(math.inf, math.inf, -math.inf, -math.inf)


class Outline:
    """A path that is being made: the box around it, and whether it is a box itself."""

    __slots__ = ("_points", "_straight", "box")

    def __init__(self) -> None:
        self.box = NOWHERE
        self._points: list[Point] = []
        self._straight = True

    def add(self, *points: Point, straight: bool = True) -> None:
        for point in points:
            self.box = Box(
                min(self.box.left, point[0]),
                min(self.box.bottom, point[1]),
                max(self.box.right, point[0]),
                max(self.box.top, point[1]),
            )
        # more than five are no rectangle, and need not be kept
        if len(self._points) <= _CLOSED:
            self._points += points
        self._straight = self._straight and straight

    def is_box(self) -> bool:
        points = self._points[: len(self._points) - (self._points[0] == self._points[-1])] if self._points else []
        corners = {(x, y) for x in (self.box.left, self.box.right) for y in (self.box.bottom, self.box.top)}
        turned = all((one[0] == other[0]) != (one[1] == other[1]) for one, other in pairwise(points))
        return self._straight and turned and len(points) == len(corners) == _CLOSED - 1 and set(points) == corners


@dataclass(frozen=True, slots=True)
class Area:
    """Something painted. `colour` is None where it is not one, as of a picture; `whole` where it fills its box."""

    box: Box
    colour: RGBA | None
    whole: bool


@dataclass(slots=True)
class Patience:
    """Comparisons of a place with an area that are still made for one document: two seconds of them."""

    left: int = 8_000_000

    def spend(self, comparisons: int) -> None:
        self.left -= comparisons
        if self.left < 0:
            raise Unreadable("too_much")


class Ground:
    """The areas of one page in the order they were painted."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._areas: list[Area] = []
        self._colours: set[RGBA | None] = {WHITE}

    def paint(self, area: Area) -> None:
        if len(self._areas) >= MOST_AREAS:
            raise Unreadable("too_much")
        self._areas.append(area)
        self._colours.add(area.colour)

    def hides(self, colour: RGBA, points: tuple[Point, ...]) -> bool:
        """Whether letters of a colour cannot be told from what is behind them, at any of these points."""
        # of ordinary text hardly any has the colour of anything behind it
        if colour[3] == 1 and not any(ground and alike(colour, ground) for ground in self._colours):
            return False
        for point in points:
            behind = self._behind(point)
            if not behind or not all(alike(over(colour, ground), ground) for ground in behind):
                return False
        return True

    def _behind(self, point: Point) -> set[RGBA]:
        """The colours that may be behind a point; empty where it may be any."""
        self._patience.spend(len(self._areas))
        shades: set[RGBA] = {WHITE}
        for area in self._areas:
            if not area.box.has(point):
                continue
            if area.whole and area.colour is not None and area.colour[3] == 1:
                shades = {area.colour}
            elif area.colour is None or not shades:
                shades = set()
            else:
                self._patience.spend(_MIXING * len(shades))
                mixed = {over(area.colour, shade) for shade in shades}
                shades = mixed if area.whole else shades | mixed
            if len(shades) > _MOST_SHADES:
                shades = set()
        return shades
