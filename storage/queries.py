"""Named queries from sql/*.sql: one text, in the parameter form of each driver.

A query begins with `-- name: what_it_is` and runs to the next one. Parameters are `:name`. The marker
`/* skip locked */` becomes FOR UPDATE SKIP LOCKED on PostgreSQL and nothing on SQLite, whose one writer has no rivals.
A line that begins with `/* sqlite */` or `/* postgres */` is there for that database alone.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from storage.dialect import spoken

_FOLDER = Path(__file__).parent / "sql"
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_SKIP_LOCKED = "/* skip locked */"


@dataclass(frozen=True, slots=True)
class Query:
    """One named statement: `text` with `:name` for SQLite, `numbered` with `$1` for PostgreSQL."""

    name: str
    text: str
    numbered: str
    parameters: tuple[str, ...]


@cache
def queries() -> dict[str, Query]:
    """Load every named query. Two queries of one name are an error."""
    found: dict[str, Query] = {}
    for path in sorted(_FOLDER.glob("*.sql")):
        pieces = _NAME.split(path.read_text(encoding="utf-8"))[1:]
        for name, text in zip(pieces[::2], pieces[1::2], strict=True):
            if name in found:
                raise ValueError(f"two queries are named {name}")
            found[name] = _query(name, text.strip().rstrip(";"))
    return found


def _query(name: str, text: str) -> Query:
    lite, full = spoken(text, "sqlite"), spoken(text, "postgres")
    parameters = tuple(dict.fromkeys(_PARAMETER.findall(full)))
    if set(parameters) != set(_PARAMETER.findall(lite)):
        raise ValueError(f"{name} takes other parameters on SQLite than on PostgreSQL")
    numbered = _PARAMETER.sub(lambda match: f"${parameters.index(match.group(1)) + 1}", full)
    return Query(
        name=name,
        text=lite.replace(_SKIP_LOCKED, ""),
        numbered=numbered.replace(_SKIP_LOCKED, "FOR UPDATE SKIP LOCKED"),
        parameters=parameters,
    )
