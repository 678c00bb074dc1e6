"""Signs that a mail wants to steer the assistant that reads it, each with its reason and the place it was seen.

A sign is for deciding and for showing; nothing is refused because of it alone. What has none is not therefore harmless.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tools.mail import limits
from tools.mail.encoded import LONG, ROT13, decoded_pieces
from tools.mail.folded import Folded, fold
from tools.mail.steering import Rule
from tools.mail.steering_english import ENGLISH
from tools.mail.steering_languages import BEYOND_LATIN, BEYOND_STEMS, LANGUAGES

_MARKS = "!\"#$%&'()*+,-./:;<=>?[\\]^`{|}~“”„«»…–—，。！？、：；（）"
_APART = str.maketrans(dict.fromkeys(_MARKS, " "))
_SEPARATOR = re.compile(r"[\W_]+")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_FEW_LETTERS = 5  # different ones standing alone; an order that is spelled out has more

CLEAR = 2
"""From this weight on one sign is reported by itself."""
STRONG = 3
_RULER_SIGNS = 2
_WITH_WORDS = (*ENGLISH, *LANGUAGES)
_NEEDED = frozenset(word for rule in _WITH_WORDS for needed in rule.needs for word in needed)
_NEGATION = re.compile(r"\b(?:never|not|n[o']t|cannot|nie|niemals|jamais|nunca|mai|nooit|никогда)\b[^.!?\n]{0,40}$")
_SPACED = re.compile(r"(?<!\w)(?:\w[ .\-_*·]{1,2}){7,400}\w(?!\w)")
_SPACED_OUT = re.compile(
    r"(?:ignore|disregard|forget)(?:all|any|the|your|my)*(?:previous|prior|above|earlier|other)*(?:instruction|prompt)"
    r"|systemprompt|donottelltheuser|donttelltheuser|developermode|jailbreak|youarenow"
)


@dataclass(frozen=True, slots=True)
class Field:
    """A text of the mail by its name; `unseen` is what a person would not have seen."""

    name: str
    text: str
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Signal:
    """A sign: its code, its reason in words of ours, and where: characters `start` to `end` of the field.

    `excerpt` is the mail's own text, `weight` is 1 to 3.
    """

    code: str
    reason: str
    field: str
    start: int
    end: int
    excerpt: str
    weight: int


def find_signals(fields: Iterable[Field]) -> tuple[Signal, ...]:
    """The signs of all fields, the heaviest of each code in each field. Linear; reads a bounded part of each."""
    found: dict[tuple[str, str], Signal] = {}
    for field in fields:
        for signal in _in_field(field):
            key = signal.code, signal.field
            if key not in found or found[key].weight < signal.weight:
                found[key] = signal
    signals = sorted(found.values(), key=lambda signal: -signal.weight)[: limits.SIGNALS]
    # several light ones together say as much as a clear one
    clear = any(signal.weight >= CLEAR for signal in signals) or len({signal.code for signal in signals}) > 1
    return tuple(signals) if clear else ()


def _in_field(field: Field) -> Iterator[Signal]:
    text = field.text[: limits.SIGNAL_CHARS]
    folded = fold(text)
    words = _words(folded.text)
    signals = list(_steering(field, text, folded, words))
    if len(words & _LETTERS) >= _FEW_LETTERS:
        signals += _spaced(field, text, folded)
    if not words.isdisjoint(ROT13) or any(map(_may_encode, words)):
        signals += _encoded(field, text)
    for signal in signals:
        if field.unseen:
            yield replace(signal, weight=STRONG, reason=f"{signal.reason} A person would not have seen it.")
        else:
            yield signal


def _may_encode(word: str) -> bool:
    """Whether a word is long enough to hold another text, and no mere line of one sign."""
    return len(word) >= LONG and len(set(word)) > _RULER_SIGNS


def _words(folded: str) -> set[str]:
    """The words of a text, each once; an @ is a word of its own. No way to look at all of it is cheaper."""
    folded = folded.replace("@", " @ ")
    if folded.isascii():
        folded = folded.translate(_APART)
    else:
        # str.translate is ten times slower than this where a text is not ASCII
        for mark in _MARKS:
            folded = folded.replace(mark, " ")
    words = set(folded.split())
    # rare marks, like those in ignore_all_orders, are looked for in what is left, each word once
    joined = [word for word in words if not word.isalnum()]
    return words.union(*map(_SEPARATOR.split, joined))


def _steering(field: Field, text: str, folded: Folded, words: set[str]) -> Iterator[Signal]:
    for rule in _rules(words):
        span = _found(rule, folded.text)
        if span is not None:
            yield _signal(rule.code, rule.reason, rule.weight, field, text, folded.span(*span))


def _rules(words: set[str]) -> Iterator[Rule]:
    """The rules whose words occur: of ordinary text few."""
    told = words & _NEEDED
    for rule in _WITH_WORDS if told else ():
        if not any(map(told.isdisjoint, rule.needs)):
            yield rule
    beyond = " ".join([word for word in words if not word.isascii()])
    if beyond and any(stem in beyond for stem in BEYOND_STEMS):
        yield from BEYOND_LATIN


def _found(rule: Rule, folded: str) -> tuple[int, int] | None:
    """Where a text first says what the rule is about."""
    for match in rule.pattern.finditer(f"\n{folded}"):
        start, end = match.start(1) - 1, match.end(1) - 1
        if not (rule.negated and _NEGATION.search(folded, max(0, start - 60), start)):
            return start, end
    return None


def _spaced(field: Field, text: str, folded: Folded) -> Iterator[Signal]:
    """Words written letter by letter: "i g n o r e  a l l"."""
    for run in _SPACED.finditer(folded.text):
        if _SPACED_OUT.search(re.sub(r"[\W_]", "", run.group())):
            reason = "It spells an order to its reader letter by letter."
            yield _signal("spaced_out", reason, STRONG, field, text, folded.span(*run.span()))
            return


def _encoded(field: Field, text: str) -> Iterator[Signal]:
    """Orders in base64, hex or rot13: whatever decodes to text is looked through as text."""
    for (start, end), decoded in decoded_pieces(text):
        inner = fold(decoded)
        for rule in _rules(_words(inner.text)):
            if rule.weight >= CLEAR and _found(rule, inner.text):
                reason = f"An encoded piece decodes to text that speaks so: {rule.reason}"
                yield _signal("encoded_instructions", reason, STRONG, field, text, (start, end))
                break


def _signal(code: str, reason: str, weight: int, field: Field, text: str, span: tuple[int, int]) -> Signal:
    start, end = span
    excerpt = text[start : min(end, start + limits.EXCERPT_CHARS)]
    return Signal(code, reason, field.name, start, end, excerpt, weight)
