"""What somebody looks for, read from the words and operators they wrote. Nothing they write is a database's syntax."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tools.errors import Refusal
from tools.mail.words import MARK, in_field, words
from tools.tags import folded

MOST_TERMS = 32
"""Pieces of one query."""
SHORTEST_PREFIX = 2
"""Characters before a `*`; fewer would be half of all words."""

HAS_ATTACHMENT = f"has{MARK}attachment"
"""The word of every entry that has an attachment."""

STATES = {
    "unread": {"unread"},
    "read": {"read"},
    "archived": {"archived"},
    "spam": {"spam_flagged"},
    "pending": {"pending_send_approval"},
    "scheduled": {"scheduled"},
    "queued": {"queued"},
    "sent": {"sent"},
    "bounced": {"bounced", "send_failed"},
    "cancelled": {"cancelled"},
    "rejected": {"rejected"},
}
PLACES = {
    "inbox": {"unread", "read"},
    "archive": {"archived"},
    "outbox": {"pending_send_approval", "scheduled", "queued"},
    "sent": {"sent", "bounced"},
}
FINDABLE = frozenset().union(*STATES.values())
"""Statuses of messages that a search finds: neither what a person holds back nor what is deleted."""

_PIECE = re.compile(r'(-?)(?:([A-Za-z]{2,12}):(?=\S))?(?:"([^"]*)"?|(\S+))')
_QUOTED_VALUE = re.compile(r'(?<!\S)(-?tag:)([^\s="]{1,100}=)"([^"]*)"', re.IGNORECASE)
_NAMED = re.compile(r"(?<!\S)-?([A-Za-z_]{2,20}):(?=[^\s/])")
_TEXT_FIELDS = frozenset({"from", "to", "cc", "subject", "filename"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand one behind the other; with `prefix` the last may go on."""

    words: tuple[str, ...]
    prefix: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """All of it must hold. Times are microseconds since the epoch: from `after` on, and before `before`."""

    terms: tuple[Term, ...] = ()
    after: int | None = None
    before: int | None = None
    statuses: frozenset[str] = field(default=FINDABLE)
    tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()


def read_query(text: str) -> Query:
    """The query that a text says. Raises Refusal invalid_query."""
    query = Query()
    text = _QUOTED_VALUE.sub(r'\1"\2\3"', text)
    for pieces, found in enumerate(_PIECE.finditer(text), 1):
        if pieces > MOST_TERMS:
            raise Refusal("invalid_query", f"At most {MOST_TERMS} words and operators.")
        minus, operator, quoted, bare = found.groups()
        name, value = (operator or "").lower(), bare if quoted is None else quoted
        if name in _OPERATORS:
            query = _OPERATORS[name](query, value, bool(minus))
        else:
            known = name if name in _TEXT_FIELDS else ""
            written = value if known or not operator else f"{operator} {value}"
            query = _with_words(query, known, written, prefix=quoted is None, negated=bool(minus))
    if query == Query():
        raise Refusal("invalid_query", "It holds no word.")
    return query


def unknown_operators(text: str) -> list[str]:
    """What looks like operators and is none, so that its words were looked for."""
    known = _TEXT_FIELDS | _OPERATORS.keys()
    return [name for name in dict.fromkeys(_NAMED.findall(text)) if name.lower() not in known]


def expression(query: Query, scope: str) -> str:
    """The terms as FTS5 reads them, among the entries that hold the word `scope`; operators are capitals or marks."""
    wanted = " AND ".join([scope, *(_phrase(term) for term in query.terms if not term.negated)])
    unwanted = " OR ".join(_phrase(term) for term in query.terms if term.negated)
    return f"({wanted}) NOT ({unwanted})" if unwanted else wanted


def _phrase(term: Term) -> str:
    return " + ".join(term.words) + ("*" if term.prefix else "")


def _with_words(query: Query, name: str, text: str, *, prefix: bool, negated: bool) -> Query:
    found = words(text)
    if not found and name:
        # without it, more would be found than was asked for
        raise Refusal("invalid_query", f"{name}: takes a word.")
    if not found:
        return query
    opened = prefix and text.endswith("*") and len(found[-1]) >= SHORTEST_PREFIX
    placed = tuple(in_field(name, found) if name else found)
    return replace(query, terms=(*query.terms, Term(placed, opened, negated)))


def _has(query: Query, value: str, negated: bool) -> Query:
    if value.lower() not in ("attachment", "attachments"):
        raise Refusal("invalid_query", "has: takes attachment.")
    return replace(query, terms=(*query.terms, Term((HAS_ATTACHMENT,), negated=negated)))


def _is(query: Query, value: str, negated: bool) -> Query:
    return _among(query, "is", STATES, value, negated)


def _in(query: Query, value: str, negated: bool) -> Query:
    return _among(query, "in", PLACES, value, negated)


def _among(query: Query, name: str, known: dict[str, set[str]], value: str, negated: bool) -> Query:
    statuses = known.get(value.lower())
    if statuses is None:
        raise Refusal("invalid_query", f"{name}: takes {', '.join(known)}.")
    kept = query.statuses - statuses if negated else query.statuses & statuses
    return replace(query, statuses=kept)


def _tag(query: Query, value: str, negated: bool) -> Query:
    wanted = folded(value)
    if negated:
        return replace(query, without_tags=(*query.without_tags, wanted))
    return replace(query, tags=(*query.tags, wanted))


def _after(query: Query, value: str, negated: bool) -> Query:
    at = _time("after", value)
    # of two bounds the narrower one holds
    return _until(query, at) if negated else replace(query, after=max(at, query.after or at))


def _before(query: Query, value: str, negated: bool) -> Query:
    at = _time("before", value)
    return replace(query, after=max(at, query.after or at)) if negated else _until(query, at)


def _until(query: Query, at: int) -> Query:
    return replace(query, before=at if query.before is None else min(at, query.before))


def _time(name: str, value: str) -> int:
    try:
        # with slashes too, as other mail programs have it
        moment = datetime.fromisoformat(value.replace("/", "-"))
        return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid_query", f"{name}: takes a date such as 2030-01-31, or a time in ISO 8601.") from error


_OPERATORS: dict[str, Callable[[Query, str, bool], Query]] = {
    "has": _has,
    "is": _is,
    "in": _in,
    "tag": _tag,
    "after": _after,
    "before": _before,
}
