"""What both databases offer: reads, units of work in a transaction, and wake-ups after a commit."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from storage.wakeups import Wakeups

Value = str | int | bytes | None
Row = Mapping[str, Any]
Record = TypeVar("Record")
Result = TypeVar("Result")


class Reader(Protocol):
    """Something named queries can be read through: the database itself, or a transaction."""

    async def rows(self, query: str, /, **values: Value) -> list[Row]:
        """All rows of the named query. Raises Unavailable."""
        ...


class Transaction(Reader, Protocol):
    """A unit of work's view of the database. A unit awaits its transaction and nothing else."""

    async def run(self, query: str, /, **values: Value) -> int:
        """Run the named statement; the number of rows it touched. Raises Conflict, Unavailable."""
        ...

    async def run_each(self, query: str, each: Sequence[Mapping[str, Value]], /) -> None:
        """Run the named statement with each of these values, in one exchange. Raises Conflict, Unavailable."""
        ...

    def wake(self, topic: str) -> None:
        """Wake those who listen to `topic`, once and only if this unit commits."""
        ...


Work = Callable[[Transaction], Awaitable[Result]]


class Database(Reader, Protocol):
    """An open database."""

    wakeups: Wakeups

    async def write(self, work: Work[Result]) -> Result:
        """Run `work` in one transaction and return its result after the commit.

        An exception rolls the unit back and is raised here. Once handed over, a unit runs to its end even when
        the caller is cancelled: a peer that hangs up does not cancel a commit.
        """
        ...

    async def script(self, text: str) -> None:
        """Run several statements in one transaction: migrations and tests."""
        ...

    async def close(self) -> None: ...


async def one(reader: Reader, kind: type[Record], query: str, /, **values: Value) -> Record | None:
    """The first row of the named query as a record, or None."""
    found = await reader.rows(query, **values)
    return record(kind, found[0]) if found else None


async def many(reader: Reader, kind: type[Record], query: str, /, **values: Value) -> list[Record]:
    """Every row of the named query as a record."""
    return [record(kind, row) for row in await reader.rows(query, **values)]


def record(kind: type[Record], row: Row) -> Record:
    """A row as a record; columns the record does not have are left out."""
    return kind(**{name: row[name] for name in _names(kind)})


def columns(row: object) -> dict[str, Value]:
    """A record's fields as values for an INSERT."""
    return {name: getattr(row, name) for name in _names(type(row))}


def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(kind.__dataclass_fields__)
