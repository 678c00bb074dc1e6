"""`gatepost suppression`: whom the account does not send to. Whoever is on the machine acts as the operator."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from server.commands.common import ConfigOption, DataOption, JsonOption, print_json, print_rows, with_context

if TYPE_CHECKING:
    from storage.records import Account
    from tools.context import Context

app = typer.Typer(help="Addresses the account does not send to.", no_args_is_help=True)

Result = TypeVar("Result")

REASONS = "manual, unsubscribe, complaint or bounce"
PAGE = 100


@app.command("list")
def list_(
    reason: Annotated[str | None, typer.Option(help=f"Only this reason: {REASONS}.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the suppressed addresses, newest first."""

    async def work(context: "Context") -> list[dict[str, Any]]:
        from server.calls import call
        from tools.suppression import LIST_SUPPRESSIONS

        rows: list[dict[str, Any]] = []
        arguments: dict[str, object] = {"reason": reason, "limit": PAGE}
        while True:
            page = (await call(LIST_SUPPRESSIONS, context, arguments, "")).model_dump()
            rows += page["suppressions"]
            if page["next_cursor"] is None:
                return rows
            arguments["cursor"] = page["next_cursor"]

    rows = _as_operator(data, config, work)
    print_rows(rows, ("address", "reason", "code", "created_at"), "Nobody is suppressed.", as_json=as_json)


@app.command()
def add(
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS…", help="Whom not to send to.")],
    reason: Annotated[str, typer.Option(help=f"Why: {REASONS}.")] = "manual",
    transactional_only: Annotated[
        bool, typer.Option("--transactional-only", help="Stop bulk and broadcast mail alone.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Suppress addresses, all or none."""

    async def work(context: "Context") -> list[dict[str, Any]]:
        from server.calls import call
        from tools.suppression import ADD_SUPPRESSIONS

        arguments = {"addresses": addresses, "reason": reason, "transactional_only": transactional_only}
        added = (await call(ADD_SUPPRESSIONS, context, arguments, "")).model_dump()
        return list(added["suppressions"])

    rows = _as_operator(data, config, work)
    if as_json:
        print_json(rows)
    else:
        typer.echo("\n".join(f"{row['address']} is suppressed: {row['reason']}." for row in rows))


@app.command()
def remove(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address to send to again.")],
    bounced: Annotated[
        bool, typer.Option("--bounced", help="Even if it bounced for good: it exists again, and you know it.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an address off the list."""

    async def work(context: "Context") -> dict[str, Any]:
        from tools.suppression import lift

        return (await lift(context, address, bounced=bounced)).model_dump()

    removed = _as_operator(data, config, work)
    if as_json:
        print_json(removed)
    else:
        typer.echo(f"{removed['address']} may be written to again; it was suppressed: {removed['reason']}.")


def _as_operator(data: Path | None, config: Path | None, work: "Callable[[Context], Awaitable[Result]]") -> Result:
    async def run(context: "Context", account: "Account") -> Result:
        from tools.context import Principal

        return await work(context.acting_as(Principal(account.id, frozenset({"admin"}), account.overseer)))

    return with_context(data, config, run)
