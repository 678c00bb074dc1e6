"""What kind of mail a submitted mail says it is, in header fields that are for us and leave with nobody."""

from collections.abc import Iterable

from policies.suppression import BULK, EXEMPT

CATEGORIES = BULK | EXEMPT | {"transactional"}

_WORDS = {
    # what people who come from elsewhere have written already
    b"istransactional": {"true": "transactional", "false": "bulk"},
    b"x-gatepost-category": {category: category for category in CATEGORIES},
}
CATEGORY_FIELDS = frozenset(_WORDS)
"""The fields' names, lower case."""


def category_of(fields: Iterable[bytes]) -> str:
    """The category of a mail with these header fields; of several the last counts, none says `transactional`.

    Raises ValueError for a word that is none: taken for transactional, bulk mail would leave without its way to
    unsubscribe.
    """
    category = "transactional"
    for field in fields:
        name, _, value = field.partition(b":")
        words = _WORDS.get(name.rstrip(b" \t").lower())
        if words is None:
            continue
        word = value.strip().lower().decode("ascii", "replace")
        if word not in words:
            raise ValueError(f"{name.decode('ascii', 'replace')} must be one of: {', '.join(sorted(words))}.")
        category = words[word]
    return category
