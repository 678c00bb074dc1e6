"""`gatepost init`, `dns`, `migrate` and `config show`: setting up, and looking at how it is set up."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from server.commands.common import (
    ConfigOption,
    DataOption,
    JsonOption,
    Stop,
    print_json,
    print_table,
    settings_of,
    with_context,
)
from server.zone import DnsRecord, ptr_note

if TYPE_CHECKING:
    from server.settings import Settings
    from storage.records import Account
    from tools.context import Context

config_app = typer.Typer(help="The settings in force.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Made:
    """What `init` made. `key` is shown this once."""

    data: str
    domain: str
    overseer: str
    mailbox_id: str
    mailbox: str
    mode: str
    key: str
    dns: tuple[DnsRecord, ...]
    mcp: dict[str, str]


def init(
    domain: Annotated[str, typer.Option(help="Domain of the mailboxes, such as agents.example.com.")],
    overseer: Annotated[str, typer.Option(help="Your own address: who decides on held mail.")],
    mailbox: Annotated[str, typer.Option(help="Local part of the first mailbox.")] = "agent",
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set up: data folder, secret, database, signing keys, a first mailbox and its key."""
    settings = settings_of(data, config)
    made = asyncio.run(_make(settings, domain, overseer, mailbox))
    if as_json:
        print_json(asdict(made))
    else:
        _print_made(settings, made)


def dns(data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the DNS records to publish."""

    async def work(context: "Context", account: "Account") -> list[DnsRecord]:
        from server.domains import published

        return [
            record for domain in await published(context, account.id, settings.hostname) for record in domain.records
        ]

    settings = settings_of(data, config)
    records = with_context(data, config, work)
    if as_json:
        print_json([asdict(record) for record in records])
    else:
        _print_records(records)


def migrate(data: DataOption = None, config: ConfigOption = None) -> None:
    """Bring the database to this program's schema."""
    from storage.migrate import available

    settings = settings_of(data, config)
    applied = asyncio.run(_migrate(settings))
    newest = max(available())
    typer.echo(
        f"Applied {', '.join(map(str, applied))}." if applied else f"The database is at schema {newest} already."
    )


@config_app.command("show")
def show(data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print every setting in force, with passwords and secrets covered."""
    shown = settings_of(data, config).masked()
    if as_json:
        print_json(shown)
        return
    print_table([{"setting": name, "value": value} for name, value in shown.items()], ("setting", "value"), "")


async def _make(settings: "Settings", domain: str, overseer: str, local: str) -> Made:
    from server import snippets
    from server.domains import new_signing_keys, published
    from server.opening import opened
    from tools import accounts, identity

    _refuse_early(domain, overseer, local)
    async with opened(settings) as context:
        if existing := await accounts.list_accounts(context):
            raise Stop(
                f"{settings.data} is set up already, for {existing[0].overseer}; nothing was changed. "
                "'gatepost mailbox create' and 'gatepost key create' add to it; --data names another folder."
            )
        account = await accounts.create_account(context, domain, overseer, new_signing_keys(context))
        (zone,) = await published(context, account.id, settings.hostname)
        mailbox = await accounts.create_mailbox(context, account.id, local, zone.domain)
        key = await identity.create_key(context, account.id, "first agent", frozenset({"read", "send"}), mailbox.id)
    return Made(
        data=str(settings.data),
        domain=zone.domain,
        overseer=account.overseer,
        mailbox_id=mailbox.id,
        mailbox=mailbox.address,
        mode=mailbox.mode,
        key=key.text,
        dns=zone.records,
        mcp=snippets.every(settings.base_url, key.text),
    )


def _refuse_early(domain: str, overseer: str, local: str) -> None:
    # before anything is made, so that the command can be given again
    from tools.accounts import local_part
    from tools.errors import Refusal
    from tools.mail.address import canonical

    local_part(local)
    if canonical(overseer) == canonical(f"{local}@{domain}"):
        raise Refusal("overseer_address")


async def _migrate(settings: "Settings") -> list[int]:
    from server.opening import looked_into
    from storage.migrate import migrate

    async with looked_into(settings) as context:
        return await migrate(context.db)


def _print_made(settings: "Settings", made: Made) -> None:
    typer.echo(f"Gatepost is set up in {made.data}.\n")
    typer.echo(f"Mailbox   {made.mailbox} ({made.mode}: mail waits until {made.overseer} approves it)")
    typer.echo(f"          Its id, for REST: {made.mailbox_id}")
    if made.overseer.endswith(f"@{made.domain}"):
        typer.echo(
            f"          No mail for {made.overseer} is taken here, or the agent could read the approval links:\n"
            "          choose another overseer if the domain's MX shall lead here."
        )
    typer.echo(f"API key   {made.key}\n          Shown this once; 'gatepost key create' makes another.\n")
    typer.echo("Records to publish, when real mail is wanted ('gatepost dns' prints them again):\n")
    _print_records(made.dns)
    for where, snippet in made.mcp.items():
        typer.echo(f"\n{where}:\n\n{snippet}")
    typer.echo(f"\nNow run 'gatepost serve' and open {settings.base_url}. The route is {settings.route}", nl=False)
    typer.echo(": no mail leaves this machine." if settings.route == "capture" else ".")


def _print_records(records: Sequence[DnsRecord]) -> None:
    for record in records:
        typer.echo(record.line())
    (host, *_) = (record.value.split()[1].rstrip(".") for record in records if record.type == "MX")
    typer.echo(f"\n{ptr_note(host)}")
