"""SPF macros (RFC 7208 section 7): text whose parts depend on the mail, read once and expanded for each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

MAX_DOMAIN = 253
_PIECE = re.compile(
    r"%\{(?P<letter>[A-Za-z])(?P<digits>[0-9]{0,4})(?P<reverse>[rR]?)(?P<delimiters>[-.+,/_=]*)\}"
    r"|%(?P<escape>[%_-])"
    r"|(?P<literal>[\x20-\x24\x26-\x7e]+)"
)
_ESCAPES = {"%": "%", "_": " ", "-": "%20"}
_IN_DOMAINS = frozenset("slodiphv")
_IN_EXPLANATIONS = _IN_DOMAINS | frozenset("crt")
# section 7.1: a top label is not all digits, and neither begins nor ends with a hyphen
_TOP_LABEL = re.compile(r"\.(?:[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9])\.?\Z")


class SpfSyntaxError(ValueError):
    """What is wrong with a record, as one sentence."""


@dataclass(frozen=True, slots=True)
class Macro:
    """One `%{…}`: the letter as written, and how its value is cut and turned around."""

    letter: str
    keep: int
    """How many parts from the right; 0 is all."""
    reverse: bool
    delimiters: str

    def expand(self, values: Mapping[str, str]) -> str:
        """The value of this macro out of those of all letters."""
        text = values[self.letter.lower()]
        for delimiter in self.delimiters[1:]:
            text = text.replace(delimiter, self.delimiters[0])
        parts = text.split(self.delimiters[0])
        parts = parts[::-1] if self.reverse else parts
        text = ".".join(parts[-self.keep :])
        # section 7.3: an upper-case letter asks for the encoding of RFC 3986
        return quote(text, safe="-._~") if self.letter.isupper() else text


@dataclass(frozen=True, slots=True)
class MacroText:
    """A macro-string, as literal texts and macros in turn."""

    pieces: tuple[str | Macro, ...]

    @property
    def letters(self) -> frozenset[str]:
        """Whose values an expansion needs."""
        return frozenset(piece.letter.lower() for piece in self.pieces if isinstance(piece, Macro))

    def expand(self, values: Mapping[str, str]) -> str:
        """The text with each macro's value in its place."""
        return "".join(piece if isinstance(piece, str) else piece.expand(values) for piece in self.pieces)

    def domain(self, values: Mapping[str, str]) -> str:
        """The text as a domain: what is too long loses labels on the left (section 7.3)."""
        name = self.expand(values)
        while len(name) > MAX_DOMAIN:
            name = name.partition(".")[2]
        return name


def read_domain(text: str) -> MacroText:
    """A domain-spec. Raises SpfSyntaxError."""
    pieces = _split(text)
    literal = pieces[-1]["literal"] if pieces else ""
    # it ends with a macro, or with what can be the last label of a domain
    if " " in text or (literal is not None and not _TOP_LABEL.search(literal)):
        raise SpfSyntaxError(f"{text!r} is no domain")
    return _read(pieces, _IN_DOMAINS)


def read_text(text: str) -> MacroText:
    """A macro-string. Raises SpfSyntaxError."""
    if " " in text:
        raise SpfSyntaxError(f"{text!r} has a space")
    return _read(_split(text), _IN_DOMAINS)


def read_explanation(text: str) -> MacroText:
    """A macro-string that may have spaces and three letters more. Raises SpfSyntaxError."""
    return _read(_split(text), _IN_EXPLANATIONS)


def _split(text: str) -> list[re.Match[str]]:
    found: list[re.Match[str]] = []
    position = 0
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None:
            raise SpfSyntaxError(f"{text!r} is no macro text from character {position + 1} on")
        found.append(piece)
        position = piece.end()
    return found


def _read(pieces: list[re.Match[str]], letters: frozenset[str]) -> MacroText:
    return MacroText(
        tuple(
            _macro(piece, letters) if piece["letter"] else piece["literal"] or _ESCAPES[piece["escape"]]
            for piece in pieces
        )
    )


def _macro(piece: re.Match[str], letters: frozenset[str]) -> Macro:
    letter, digits = piece["letter"], piece["digits"]
    if letter.lower() not in letters:
        raise SpfSyntaxError(f"there is no macro {letter!r} here")
    if digits and int(digits) == 0:
        raise SpfSyntaxError("a macro keeps no part of its value")
    return Macro(letter, int(digits or 0), bool(piece["reverse"]), piece["delimiters"] or ".")
