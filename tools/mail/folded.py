"""Text as a rule compares it: small letters without accents, look-alikes or what shows nothing; places are kept."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Digits that stand for letters ("1gn0re"). No rule looks for a digit.
_LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "$": "s"}
_ACCENTED = {
    "a": "àáâãäåæąă",
    "c": "çčć",
    "d": "đ",
    "e": "èéêëęě",
    "g": "ğ",
    "i": "ìíîïı",
    "l": "ł",
    "n": "ñńň",
    "o": "òóôõöøő",
    "r": "ř",
    "s": "śšșşß",
    "t": "țť",
    "u": "ùúûüűů",
    "y": "ýÿ",
    "z": "źżž",
    "е": "ё",
    "'": "’‘´`",
    '"': "“”„«»",
}
# Letters that look like Latin ones; they count only in words that have Latin letters too.
_LOOKALIKES = {
    "a": "аαɑ",
    "b": "в",
    "c": "с",
    "d": "ԁ",
    "e": "еεє",
    "g": "ɡ",
    "h": "һн",
    "i": "іιɩ",
    "j": "ј",
    "k": "кκ",
    "m": "м",
    "n": "пη",
    "o": "оο",
    "p": "рρ",
    "q": "ԛ",
    "r": "г",
    "s": "ѕ",
    "t": "тτ",
    "u": "υ",
    "v": "ν",
    "w": "ԝω",
    "x": "хχ",
    "y": "уγ",
}
_SUSPECT = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufffc"
    "\u0300-\u036f\u2100-\u214f\u24b6-\u24e9\uff01-\uff5e\U0001d400-\U0001d7ff\U0001f130-\U0001f189"
    "\U000e0000-\U000e01efİ]"
)
_MIXED = re.compile("[a-z][\u0370-\u03ff\u0400-\u052f\u0250-\u02af]|[\u0370-\u03ff\u0400-\u052f\u0250-\u02af][a-z]")
_FOREIGN = re.compile("[\u0250-\u02af\u0370-\u03ff\u0400-\u052f]")
_WORD = re.compile(r"\w{1,64}+")
_TAGS = range(0xE0020, 0xE007F)


def _table(letters: Mapping[str, str]) -> dict[str, str]:
    return {variant: plain for plain, variants in letters.items() for variant in variants}


_PLAIN = _table(_ACCENTED)
_LATIN = str.maketrans(_table(_LOOKALIKES))
_ASCII = str.maketrans(_LEET)
_ASCII_BYTES = bytes(range(0x80))


@dataclass(frozen=True, slots=True)
class Folded:
    """The folded text, and where each of its characters stood; None is where it stands now."""

    text: str
    places: Sequence[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The part of the original that a part of the folded text comes from."""
        if self.places is None or start >= end:
            return start, end
        return self.places[start], self.places[end - 1] + 1


def fold(original: str) -> Folded:
    """Linear in the length of the text. Plain ASCII, the usual case, costs two passes in C."""
    if original.isascii():
        return Folded(original.lower().translate(_ASCII))
    # what a text needs is told by the few characters it is made of, beside those of ASCII
    beyond = original.encode("utf-8", "surrogatepass").translate(None, _ASCII_BYTES)
    alphabet = "".join(set(beyond.decode("utf-8", "surrogatepass")))
    text, places = _bared(original) if _SUSPECT.search(alphabet) else (original, None)
    text = text.lower()
    if _FOREIGN.search(alphabet) and _MIXED.search(text):
        text = _WORD.sub(_unmixed, text)
    for letter in set(alphabet.lower()) & _PLAIN.keys():
        text = text.replace(letter, _PLAIN[letter])
    for digit, letter in _LEET.items():
        text = text.replace(digit, letter)
    return Folded(text, places)


def _bared(text: str) -> tuple[str, list[int]]:
    """The text without what shows nothing and with styled letters as plain ones; what tags spell is spelled out."""
    pieces: list[str] = []
    places: list[int] = []
    at = 0
    for found in _SUSPECT.finditer(text):
        plain = _bare(found.group())
        pieces += (text[at : found.start()], plain)
        places += range(at, found.start())
        places += [found.start()] * len(plain)
        at = found.end()
    return "".join((*pieces, text[at:])), [*places, *range(at, len(text))]


def _bare(letter: str) -> str:
    if ord(letter) in _TAGS:
        return chr(ord(letter) - 0xE0000)
    if letter == "İ":
        return "i"
    plain = unicodedata.normalize("NFKC", letter)
    return plain if plain != letter else ""


def _unmixed(word: re.Match[str]) -> str:
    """A word of two alphabets is read as the Latin one it looks like."""
    found = word.group()
    return found.translate(_LATIN) if _MIXED.search(found) else found
