"""How the text of an office document is shown, as styles and runs say it, and whether anybody would see it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tools.mail.colour import RGBA, alike, read_colour
from tools.mail.documents.archive import Unreadable

SMALLEST = 2.0
"""Points; letters below that are not read."""
MOST_STYLES = 20_000
_MOST_PARENTS = 20


@dataclass(frozen=True, slots=True)
class Look:
    """What is said of a text; None is that nothing is said of it. `size` is in points."""

    hidden: bool | None = None
    colour: RGBA | None = None
    ground: RGBA | None = None
    size: float | None = None

    def upon(self, other: "Look") -> "Look":
        """This, and where it says nothing the other."""
        return Look(
            other.hidden if self.hidden is None else self.hidden,
            self.colour or other.colour,
            self.ground or other.ground,
            other.size if self.size is None else self.size,
        )

    def is_unseen(self, around: RGBA | None) -> bool:
        """Whether nobody sees such a text on a ground of that colour; None is one that nobody knows."""
        ground = self.ground or around
        same = self.colour is not None and ground is not None and alike(self.colour, ground)
        return bool(self.hidden) or same or (self.size is not None and self.size < SMALLEST)


@dataclass(slots=True)
class Styles:
    """Styles by their names, each perhaps based on another."""

    looks: dict[str, Look] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, parent: str = "") -> None:
        if len(self.looks) >= MOST_STYLES:
            raise Unreadable("too_much")
        self.looks[name] = Look()
        self.parents[name] = parent

    def say(self, name: str, look: Look) -> None:
        """More of a style that was added."""
        self.looks[name] = look.upon(self.looks[name])

    def look(self, name: str) -> Look:
        """All that is said by a style and those it is based on."""
        found = Look()
        for style in self.line(name):
            found = found.upon(self.looks[style])
        return found

    def line(self, name: str) -> Iterator[str]:
        """A style and those it is based on."""
        for _ in range(_MOST_PARENTS):
            if name not in self.looks:
                return
            yield name
            name = self.parents[name]


def colour_of(value: str) -> RGBA | None:
    """A colour as six digits with or without a hash, or by name; None for one that fits itself to its ground."""
    return None if value in ("", "auto", "none", "transparent") else read_colour(value.lower())


def number_of(attributes: Mapping[str, str], name: str) -> float | None:
    """An attribute that is a number; None where it is none."""
    value = attributes.get(name, "")
    digits = value.removeprefix("-").replace(".", "", 1)
    return float(value) if digits.isascii() and digits.isdigit() and len(value) < 12 else None
