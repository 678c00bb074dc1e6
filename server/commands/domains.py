"""`gatepost domain`: where notifications about a domain's mail go, and who gets what arrives for nobody."""

from typing import TYPE_CHECKING, Annotated

import typer

from server.commands.common import ConfigOption, DataOption, with_context

if TYPE_CHECKING:
    from storage.records import Account, Domain
    from tools.context import Context
    from tools.domains import Part

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


Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="A domain that is set up.")]
Taker = Annotated[str | None, typer.Argument(metavar="[MAILBOX]", help="A mailbox's address or id; none is nobody.")]


@app.command("catch-all")
def catch_all(name: Name, mailbox: Taker = None, data: DataOption = None, config: ConfigOption = None) -> None:
    """Let one mailbox take in the domain's mail that is for no mailbox."""
    _take_in("catch_all", name, mailbox, data, config)
    typer.echo(f"Mail for no mailbox of {name} goes to {mailbox}." if mailbox else f"It is refused at {name} again.")


@app.command("postmaster")
def postmaster(name: Name, mailbox: Taker = None, data: DataOption = None, config: ConfigOption = None) -> None:
    """Set who gets mail for postmaster@ and abuse@; with nobody named it is the account's first mailbox."""
    _take_in("postmaster", name, mailbox, data, config)
    typer.echo(f"Mail for postmaster@{name} and abuse@{name} goes to {mailbox or 'the first mailbox'}.")


@app.command("forwarding-key")
def forwarding_key(
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="Let nobody bring mail over HTTP.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Print a new key for a service that brings the domain's mail by POST /v1/inbound; the old one is void."""

    async def work(context: "Context", account: "Account") -> str:
        from tools import domains

        if off:
            await domains.no_forwarding_key(context, account.id, name)
            return f"Nobody brings mail for {name} over HTTP."
        return await domains.new_forwarding_key(context, account.id, name)

    typer.echo(with_context(data, config, work))


def _take_in(part: "Part", name: str, address: str | None, data: DataOption, config: ConfigOption) -> None:
    async def work(context: "Context", account: "Account") -> None:
        from server.commands.mailboxes import find
        from tools import domains

        mailbox = await find(context, account, address) if address else None
        await domains.take_in(context, account.id, name, part, mailbox)

    with_context(data, config, work)
