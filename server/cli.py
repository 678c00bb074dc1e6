"""The command line: `gatepost`. Each group of commands has its own file in server/commands."""

from typing import Annotated

import typer

from server.commands import (
    approvals,
    audit,
    doctor,
    domains,
    inspection,
    keys,
    mailboxes,
    overseers,
    process,
    sending,
    setup,
    suppression,
)
from server.commands.common import errors_in_one_line

app = typer.Typer(
    name="gatepost",
    help="The mailbox server for AI agents: a real address over MCP, and a person's gate on what leaves.",
    no_args_is_help=True,
    add_completion=False,
    # no tracebacks with local variables: they may hold mail and keys
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"gatepost {version('gatepost')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of `gatepost` itself."""


app.command()(setup.init)
app.command()(process.serve)
app.command()(process.mcp)
app.command()(process.demo)
app.add_typer(keys.app, name="key")
app.add_typer(mailboxes.app, name="mailbox")
app.add_typer(domains.app, name="domain")
app.add_typer(approvals.app, name="approvals")
app.add_typer(suppression.app, name="suppression")
app.command()(sending.usage)
app.command()(sending.stop)
app.command()(sending.start)
app.add_typer(sending.app, name="account")
sending.app.command("overseers")(overseers.overseers)
sending.app.command("second-overseer")(overseers.second_overseer)
sending.app.command("risky-rules")(overseers.risky_rules)
app.add_typer(setup.config_app, name="config")
app.command()(setup.dns)
app.command()(setup.migrate)
app.command("doctor")(doctor.doctor)
app.command("inspect")(inspection.inspect)
app.command("audit")(audit.audit)


def main() -> None:
    """Run the command line; what goes wrong is one line on stderr and exit status 1."""
    with errors_in_one_line():
        app()
