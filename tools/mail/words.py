"""Text as the words it is found by: folded here and once, so that every database indexes and looks for the same."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import chain, islice

MARK = "\u00b7"
"""Stands between a field and its word, and alone where a phrase must not run on. It is in no word."""
WORD_CHARS = 64
MOST_WORDS = 16_000
"""Words of one entry: PostgreSQL counts places up to 16,383."""
MOST_OF_A_WORD = 255
"""Places of one word in an entry: PostgreSQL keeps 256."""

_ASCII_WORD = re.compile(f"[a-z0-9]{{1,{WORD_CHARS}}}")
_ASCII_APART = str.maketrans({sign: " " for sign in map(chr, range(128)) if not sign.isalnum()})
# Scripts that put no space between words: each of their characters is a word, and their words are phrases.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_ANY_WORD = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]{{1,{WORD_CHARS}}}")
# Accents, vowel points and what nobody sees inside of a word.
_UNHEEDED = re.compile(
    "[\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u200b-\u200d\u2060\u20d0-\u20ff\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]+"
)


def words(text: str) -> list[str]:
    """The words in order, without case and accents (Unicode NFKD); a longer one is cut into several."""
    if text.isascii():
        text = text.lower()
        found = text.translate(_ASCII_APART).split()
        # twice as fast as to look for them, but nothing is cut
        return found if max(map(len, found), default=0) <= WORD_CHARS else _ASCII_WORD.findall(text)
    return _ANY_WORD.findall(_UNHEEDED.sub("", unicodedata.normalize("NFKD", text)).casefold())


def in_field(field: str, found: Iterable[str]) -> list[str]:
    """Words as they are found in this field alone."""
    return [f"{field}{MARK}{word}" for word in found]


def section(text: str, field: str = "") -> list[str]:
    """A piece of an entry that no phrase runs out of; with a field, once more as that field's words."""
    found = words(text)
    return [*found, MARK, *in_field(field, found), MARK] if field else [*found, MARK]


def entry(sections: Iterable[list[str]]) -> str:
    """All sections as one text of words with a space between, within what every database can hold."""
    kept = list(islice(chain.from_iterable(sections), MOST_WORDS))
    if len(kept) > MOST_OF_A_WORD:
        left = {word: MOST_OF_A_WORD for word, count in Counter(kept).items() if count > MOST_OF_A_WORD}
        for place, word in enumerate(kept) if left else ():
            if word in left:
                left[word] -= 1
                kept[place] = word if left[word] >= 0 else MARK
    return " ".join(kept)
