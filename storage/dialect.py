"""The few lines of SQL that the two databases cannot share: a mark at the line's beginning says whose it is."""

import re
from typing import Literal

Dialect = Literal["sqlite", "postgres"]

_MARKED = re.compile(r"^([ \t]*)/\* (sqlite|postgres) \*/[ ]*([^\n]*\n?)", re.MULTILINE)


def spoken(text: str, dialect: Dialect) -> str:
    """The text for one database: its own marked lines without the mark, and none of the other's."""
    return _MARKED.sub(lambda found: found[1] + found[3] if found[2] == dialect else "", text)
