"""Named queries from sql/*.sql: one text, with numbered parameters in the form of each driver.

A query begins with `-- name: what_it_is` and runs to the next one. Parameters are `:name`. The marker
`/* skip locked */` becomes FOR UPDATE SKIP LOCKED on PostgreSQL and nothing on SQLite, whose one writer has no rivals.
A line that begins with `/* sqlite */` or `/* postgres */` is there for that database alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from storage.database import Value
from storage.dialect import spoken

_FOLDER = Path(__file__).parent / "sql"
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_SKIP_LOCKED = "/* skip locked */"


@dataclass(frozen=True, slots=True)
class Query:
    """One named statement: `lite` with `?1` for SQLite, `full` with `$1` for PostgreSQL."""

    name: str
    lite: str
    full: str
    parameters: tuple[str, ...]

    def arguments(self, values: Mapping[str, Value]) -> list[Value]:
        """The values in the order of the parameters' numbers."""
        return [values[name] for name in self.parameters]


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
    numbers = {parameter: number for number, parameter in enumerate(parameters, 1)}
    lite = _PARAMETER.sub(lambda match: f"?{numbers[match[1]]}", lite)
    full = _PARAMETER.sub(lambda match: f"${numbers[match[1]]}", full)
    return Query(
        name=name,
        lite=lite.replace(_SKIP_LOCKED, ""),
        full=full.replace(_SKIP_LOCKED, "FOR UPDATE SKIP LOCKED"),
        parameters=parameters,
    )
