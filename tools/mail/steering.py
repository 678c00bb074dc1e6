"""How the rules are written that tell when a text wants to steer the assistant that reads it.

A space in a pattern stands for a few characters between words, ` ?` for perhaps some, `…` for up to five words. All is
compared with folded text (`tools/mail/folded.py`): small letters, no accents, digits as the letters they stand for.
"""

import re
from dataclasses import dataclass

_BETWEEN = r"(?:[^\w.!?;]|_){1,4}"
_PERHAPS = r"[\W_]{0,4}"
_WORD = r"[^\W_]{1,24}+"
_BEFORE = "[^a-z0-9_]"
_GAP = rf"(?:[^\w.!?;]{{1,4}}+{_WORD}){{0,5}}?[^\w.!?;]{{1,4}}+"


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to steer. A `weight` of 3 is strong, 2 is clear; 1 counts only beside another rule.

    A text is searched for the pattern only if it has a word of each set of `needs`: knowing the words costs far less
    than looking. The pattern's first group is what it says; a line end stands before the text that is searched.
    `negated` passes over what a "never" stands before.
    """

    code: str
    weight: int
    reason: str
    needs: tuple[frozenset[str], ...]
    pattern: re.Pattern[str]
    negated: bool = False


def rule(code: str, weight: int, reason: str, needs: str, *patterns: str, negated: bool = False) -> Rule:
    """A rule from its words, sets of them with `&` between, and its patterns.

    Whatever repeats in a pattern is bounded, so that no text makes the search go wild.
    """
    text = "|".join(patterns).replace("…", _GAP).replace(r"\w+", _WORD)
    text = text.replace(" ?", _PERHAPS).replace(" ", _BETWEEN)
    words = tuple(frozenset(words.split()) for words in needs.split("&") if words)
    # what begins a word is found twice as fast by the character before it: a search passes over all others in C
    before = _BEFORE if all(pattern.startswith((r"\b", "^")) for pattern in patterns) else ""
    return Rule(code, weight, reason, words, re.compile(f"{before}({text})", re.MULTILINE), negated)
