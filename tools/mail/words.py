"""Text as the words it is found by: folded here and once, so that every database indexes and looks for the same."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

MARK = "\u00b7"
"""Stands between a field and its word, and alone where a phrase must not run on. It is in no word."""
WORD_CHARS = 64
MOST_WORDS = 16_000
"""Words of one entry: PostgreSQL counts places up to 16,383."""
MOST_OF_A_WORD = 255
"""Places of one word in an entry: PostgreSQL keeps 256."""

_ASCII_WORD = re.compile(r"[a-z0-9]+")
# Scripts that put no space between words: each of their characters is a word, and their words are phrases.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_ANY_WORD = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+")
# Accents, vowel points and what nobody sees inside of a word.
_UNHEEDED = re.compile(
    "[\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u200b-\u200d\u2060\u20d0-\u20ff\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]+"
)


def words(text: str) -> list[str]:
    """The words in order, without case and accents (Unicode NFKD), each cut to WORD_CHARS."""
    if text.isascii():
        found = _ASCII_WORD.findall(text.lower())
    else:
        plain = _UNHEEDED.sub("", unicodedata.normalize("NFKD", text)).casefold()
        found = _ANY_WORD.findall(plain)
    return [word[:WORD_CHARS] for word in found]


def in_field(field: str, found: Iterable[str]) -> list[str]:
    """Words as they are found in this field alone."""
    return [f"{field}{MARK}{word}" for word in found]


def section(text: str, field: str = "") -> list[str]:
    """A piece of an entry that no phrase runs out of; with a field, once more as that field's words."""
    found = words(text)
    return [*found, MARK, *in_field(field, found), MARK] if field else [*found, MARK]


def entry(sections: Iterable[list[str]]) -> str:
    """All sections as one text of words with a space between, within what every database can hold."""
    seen: Counter[str] = Counter()
    kept = []
    for word in (word for each in sections for word in each):
        seen[word] += 1
        kept.append(word if seen[word] <= MOST_OF_A_WORD else MARK)
        if len(kept) == MOST_WORDS:
            break
    return " ".join(kept)
