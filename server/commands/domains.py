"""`gatepost domain`: where notifications about a domain's mail go."""

from typing import TYPE_CHECKING, Annotated

import typer

from server.commands.common import ConfigOption, DataOption, with_context

if TYPE_CHECKING:
    from storage.records import Account, Domain
    from tools.context import Context

app = typer.Typer(help="Domains that mail is sent from.", no_args_is_help=True)


# a group of one command would take the command's name away
@app.callback()
def domain() -> None:
    """Domains that mail is sent from."""


@app.command("forward-to")
def forward_to(
    name: Annotated[str, typer.Argument(metavar="DOMAIN", help="A domain that is set up.")],
    address: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS]", help="Who is told; none is the domain's postmaster.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Set where it is told that mail handed in over SMTP could not be delivered."""

    async def work(context: "Context", account: "Account") -> "Domain":
        from tools import accounts

        return await accounts.forward_to(context, account.id, name, address)

    was = with_context(data, config, work)
    told = address or f"postmaster@{was.name}"
    typer.echo(f"Notifications about mail from {was.name} go to {told}.")
