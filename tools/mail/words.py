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

MOST_BYTES = 900_000
"""Of one entry in UTF-8: a tsvector of PostgreSQL holds a megabyte, with its places."""

_ASCII_WORD = re.compile(f"[a-z0-9]{{1,{WORD_CHARS}}}")
_ASCII_APART = str.maketrans({sign: " " for sign in map(chr, range(128)) if not sign.isalnum()})
# Scripts that put no space between words (of Thai, Lao, Myanmar, Khmer, Japan and China): each of their characters is a
# word, and their words are phrases.
_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109d\u1780-\u17d3"
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_ANY_WORD = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]{{1,{WORD_CHARS}}}")
# The scripts of India and Tibet write vowels as marks, which are letters of their words.
_MARKS = "".join(sign for sign in map(chr, range(0x0900, 0x1000)) if unicodedata.category(sign) in ("Mn", "Mc"))
_MARK = re.compile(f"[{_MARKS}]")
_MARKED_WORD = re.compile(f"[{_UNSPACED}]|(?:[^\\W_{_UNSPACED}]|[{_MARKS}]){{1,{WORD_CHARS}}}")
# Accents, vowel points, what makes a word longer to look at, and what nobody sees inside of a word.
_UNHEEDED = re.compile(
    "[\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08d3-\u08e1\u08e3-\u08ff"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200d\u2060\u20d0-\u20ff\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]+"
)
# What Unicode takes for letters of their own, and people for those below the stroke; and the digits of all scripts.
_PLAIN = {"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "þ": "th", "æ": "ae", "œ": "oe"} | {
    sign: str(unicodedata.decimal(sign)) for sign in map(chr, range(0x0660, 0x1A9A)) if sign.isdecimal()
}
_UNPLAIN = re.compile(f"[{''.join(_PLAIN)}]")


def words(text: str) -> list[str]:
    """The words in order, without case and accents (Unicode NFKD); a longer one is cut into several."""
    if text.isascii():
        text = text.lower()
        found = text.translate(_ASCII_APART).split()
        # twice as fast as to look for them, but nothing is cut
        return found if max(map(len, found), default=0) <= WORD_CHARS else _ASCII_WORD.findall(text)
    text = _UNHEEDED.sub("", unicodedata.normalize("NFKD", text)).casefold()
    text = _UNPLAIN.sub(lambda found: _PLAIN[found[0]], text)
    return (_MARKED_WORD if _MARK.search(text) else _ANY_WORD).findall(text)


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
    text = " ".join(kept)
    if len(text) * 4 <= MOST_BYTES:
        return text
    whole = text.encode()
    return text if len(whole) <= MOST_BYTES else whole[:MOST_BYTES].rpartition(b" ")[0].decode()
