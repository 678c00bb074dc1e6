"""Whether the two renderings of a mail, plain text and HTML, say the same; compared by words and their neighbours."""

import re
from dataclasses import dataclass
from itertools import pairwise

_COMPARED_CHARS = 200_000
_URL = re.compile(r"(?:https?://|www\.|mailto:)\S+|[\w.+-]{1,64}@[\w.-]{1,255}", re.IGNORECASE)
# Scripts without spaces are compared letter by letter: their lines are broken anywhere.
_WORD = re.compile("[\u3040-\u9fff\uac00-\ud7af]|[^\\W_\u3040-\u9fff\uac00-\ud7af]+")
_PASSAGE = 12
"""Words in a row that the other one has nowhere in such a row: longer than what programs add of themselves."""
_SHARE = 0.4
# A number that stands alone, but for those that programs write: of a list's items, and of links told below.
_NUMBER = re.compile(r"^[ \t>]{0,20}\d{1,3}[.)](?=\s)|\[\d{1,3}\]|(?<!\w)(\d{1,40})(?!\w)", re.MULTILINE)
_FEWEST, _FEW = 4, 12  # words of the plain text, and of the page, too few for shares to mean anything


@dataclass(frozen=True, slots=True)
class Difference:
    """`plain_only` are passages of the plain text that the page does not show; `agree` is whether the plain text can
    stand for the page: it holds no such passage, and most of what the page shows."""

    plain_only: str
    agree: bool


def difference(plain: str, shown: str) -> Difference:
    """How a plain text differs from what a page shows. Addresses do not count: the two carry them differently."""
    plain, shown = plain[:_COMPARED_CHARS], shown[:_COMPARED_CHARS]
    text = _without_addresses(plain)
    words = [word.casefold() for word in _WORD.findall(text)]
    others = _WORD.findall(_without_addresses(shown).casefold())
    known = set(others)
    if _share_missing(words, known, _FEWEST) > _SHARE:
        return Difference(plain.strip(), agree=False)
    passages = _passages(words, others)
    said = set(words)
    agree = not passages and _share_missing(others, said, _FEW) <= _SHARE and not _contradicts(text, said, known)
    spans = [found.span() for found in _WORD.finditer(text)] if passages else []
    return Difference("\n".join([plain[spans[first][0] : spans[last][1]] for first, last in passages]), agree)


def _contradicts(text: str, said: set[str], known: set[str]) -> bool:
    """Whether a text has a number that is not known, or not one word that is: few words say another thing."""
    missing = said - known
    if not any(map(str.isdecimal, missing)):
        return bool(said) and missing == said
    return not known.issuperset(filter(None, _NUMBER.findall(text)))


def _without_addresses(text: str) -> str:
    """The text with blanks in their places. Only what may hold one is looked at closely."""
    words = text.split(" ")
    return " ".join(
        [_URL.sub(_blank, word) if "@" in word or ":" in word or "." in word[:-1] else word for word in words]
    )


def _blank(found: re.Match[str]) -> str:
    return " " * len(found.group())


def _passages(words: list[str], others: list[str]) -> list[tuple[int, int]]:
    """The first and last word of each passage that is in `words` alone."""
    pairs = set(pairwise(others))
    found, first = [], 0
    for place, pair in enumerate([*pairwise(words), None]):
        if pair is None or pair in pairs:
            if place - first >= _PASSAGE:
                found.append((first, place))
            first = place + 1
    return found


def _share_missing(words: list[str], others: set[str], few: int) -> float:
    """The share of words that are not among the others; nothing where fewer than `few` are missing."""
    missing = sum(word not in others for word in words)
    return missing / len(words) if missing >= few else 0.0
