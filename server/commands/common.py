"""What the commands share: options, opening the database, tables and JSON, and errors in one line."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from server.settings import Settings
    from storage.records import Account
    from tools.context import Context

TABLE_WIDTH = 72
"""Columns of a terminal below which a table cannot be read."""

Result = TypeVar("Result")

DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.", show_default=False)]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file (TOML).", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class Stop(Exception):
    """The command cannot go on; the sentence says why and what to do."""


def settings_of(data: Path | None, config: Path | None, **flags: Any) -> "Settings":
    """The settings in force for one command."""
    from server.settings import Settings

    return Settings.load(config, data=data, **flags)


def with_context(
    data: Path | None, config: Path | None, work: "Callable[[Context, Account], Awaitable[Result]]"
) -> Result:
    """Open what `gatepost init` made, do the work for its account, and close again."""
    from server.opening import opened
    from tools.accounts import list_accounts

    settings = settings_of(data, config)
    if settings.database_url is None and not settings.data.is_dir():
        raise Stop(f"There is no data folder {settings.data}. Run 'gatepost init', or name another with --data.")

    async def run() -> Result:
        async with opened(settings) as context:
            accounts = await list_accounts(context)
            if not accounts:
                raise Stop("Nothing is set up yet. Run 'gatepost init' first.")
            return await work(context, accounts[0])

    return asyncio.run(run())


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turn what can be expected to go wrong into one line on stderr and exit status 1."""
    try:
        yield
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        typer.echo(" ".join(sentence.split()), err=True)
        raise SystemExit(1) from error


def print_json(value: object) -> None:
    """One document on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_rows(rows: Sequence[dict[str, Any]], columns: Sequence[str], empty: str, *, as_json: bool) -> None:
    """A listing: all of the rows as one JSON document, or these keys of them as a table."""
    if as_json:
        print_json(rows)
    else:
        print_table(rows, columns, empty)


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str], empty: str) -> None:
    """These keys of the rows as a table on stdout, on a narrow terminal one a line; or the sentence for no rows."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        typer.echo(empty)
        return
    cells = [["" if row[name] is None else printable(str(row[name])) for name in columns] for row in rows]
    console = Console()
    if console.width < TABLE_WIDTH:
        for row_cells in cells:
            lines = (f"{name}: {cell}" for name, cell in zip(columns, row_cells, strict=True))
            typer.echo("\n".join(lines) + "\n")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        # folded, so that nothing is cut off; an id stays whole, to be copied
        table.add_column(name.replace("_", " "), overflow="fold", no_wrap=name == "id")
    for row_cells in cells:
        # Text and not markup: a subject may hold square brackets
        table.add_row(*map(Text, row_cells))
    console.print(table)


def printable(text: str) -> str:
    """Text from a mail without what could move a terminal's cursor or turn its letters around."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)


def iso(microseconds: int | None) -> str | None:
    """Microseconds since the epoch as ISO 8601 in UTC."""
    from tools.views import time_text

    return None if microseconds is None else time_text(microseconds)


def _sentence(error: Exception) -> str | None:
    from server.settings import SettingsError
    from storage.errors import StorageError
    from tools.errors import Refusal

    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, Refusal):
        return f"{error.code}: {error.sentence} {error.condition.fix}"
    if isinstance(error, Stop | SettingsError | StorageError):
        return str(error)
    if isinstance(error, PermissionError):
        return f"{error.filename}: permission denied. Run this as the user whose files these are, or give them to it."
    return None
