"""`gatepost account overseers`, `second-overseer` and `risky-rules`: who decides, and what both must approve."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.commands.common import (
    ConfigOption,
    DataOption,
    JsonOption,
    Stop,
    print_json,
    print_table,
    with_context,
)
from server.commands.sending import OPERATOR

if TYPE_CHECKING:
    from storage.records import Account
    from tools.context import Context


def overseers(data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show who oversees the account, and which rules' mail both must approve."""
    shown = with_context(data, config, _shown)
    if as_json:
        print_json(shown)
        return
    typer.echo(f"Overseer          {shown['overseer']}")
    typer.echo(f"Second overseer   {shown['second_overseer'] or 'nobody; one approval is enough'}")
    typer.echo(f"Both must approve {', '.join(shown['risky_rules']) or 'nothing'}")


def second_overseer(
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="Their e-mail address.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Have one overseer alone again.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Name a second overseer: both must approve what a risky rule holds, and each may decide on the rest."""
    if (address is None) is not none:
        raise Stop("Give an address, or --none.")

    async def work(context: "Context", account: "Account") -> str:
        from tools.overseers import name_second_overseer

        return await name_second_overseer(context, account, address, OPERATOR)

    kept = with_context(data, config, work)
    now = f"{kept} is the second overseer" if kept else "There is no second overseer now"
    typer.echo(f"{now}. What waits already needs as many approvals as before.")


def risky_rules(
    rules: Annotated[list[str] | None, typer.Argument(metavar="[RULE]…", help="Names of rules.")] = None,
    default: Annotated[bool, typer.Option("--default", help="Go back to those of the program.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the rules whose mail both overseers must approve; without a name, list all."""

    async def work(context: "Context", account: "Account") -> list[dict[str, Any]]:
        from tools.overseers import RULE_NAMES, name_risky_rules

        if rules or default:
            await name_risky_rules(context, account, None if default else rules, OPERATOR)
        named = (await _shown(context, account))["risky_rules"]
        return [{"rule": rule, "both_must_approve": "yes" if rule in named else "no"} for rule in RULE_NAMES]

    rows = with_context(data, config, work)
    if as_json:
        print_json([row["rule"] for row in rows if row["both_must_approve"] == "yes"])
    else:
        print_table(rows, ("rule", "both_must_approve"), "")


async def _shown(context: "Context", account: "Account") -> dict[str, Any]:
    from tools.quorum import oversight_of

    oversight = await oversight_of(context.db, account.id)
    return {
        "overseer": account.overseer,
        "second_overseer": account.second_overseer or None,
        "risky_rules": sorted(oversight.rules),
    }
