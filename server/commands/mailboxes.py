"""`gatepost mailbox`: make and list mailboxes, set their mode, keep their allowlists."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.commands.common import ConfigOption, DataOption, JsonOption, iso, print_json, print_rows, with_context
from server.commands.sending import OPERATOR

if TYPE_CHECKING:
    from storage.records import Account, Mailbox
    from tools.context import Context
    from tools.forwarding_target import ForwardingView

app = typer.Typer(help="Mailboxes, their oversight modes and allowlists.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The mailbox's address.")]
Pattern = Annotated[str, typer.Argument(metavar="PATTERN", help="An address, or *@domain.")]
MODES = "read_only, gated_all, gated_send, monitored or autonomous"


async def find(context: "Context", account: "Account", address: str) -> "Mailbox":
    """The account's mailbox of this address or id. Raises Refusal mailbox_not_found."""
    from tools.accounts import list_mailboxes
    from tools.errors import Refusal
    from tools.mail.address import canonical

    for mailbox in await list_mailboxes(context, account.id):
        if address == mailbox.id or canonical(address) == mailbox.address:
            return mailbox
    raise Refusal("mailbox_not_found", f"'gatepost mailbox list' shows the addresses; {address} is none of them.")


@app.command()
def create(
    address: Address,
    name: Annotated[str, typer.Option(help="The name people see beside the address.")] = "",
    mode: Annotated[str, typer.Option(help=f"Oversight mode: {MODES}.")] = "gated_send",
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a mailbox on a domain that is set up."""

    async def work(context: "Context", account: "Account") -> "Mailbox":
        from tools.accounts import create_mailbox
        from tools.oversight import mode_named

        local, _, domain = address.rpartition("@")
        return await create_mailbox(context, account.id, local, domain, mode=mode_named(mode), display_name=name)

    made = with_context(data, config, work)
    if as_json:
        print_json(_shown(made))
    else:
        typer.echo(f"{made.address} is made, in mode {made.mode}. Its id is {made.id}.")


@app.command("list")
def list_(data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the mailboxes."""

    async def work(context: "Context", account: "Account") -> "list[Mailbox]":
        from tools.accounts import list_mailboxes

        return await list_mailboxes(context, account.id)

    rows = [_shown(mailbox) for mailbox in with_context(data, config, work)]
    print_rows(rows, ("address", "mode", "id"), "There are no mailboxes.", as_json=as_json)


@app.command("mode")
def mode_(
    address: Address,
    mode: Annotated[str, typer.Argument(metavar="MODE", help=f"{MODES}.")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Set a mailbox's oversight mode, as the overseer."""

    async def work(context: "Context", account: "Account") -> "Mailbox":
        from tools.oversight import mode_named, set_mode

        mailbox = await find(context, account, address)
        await set_mode(context, mailbox, mode_named(mode), account.overseer)
        return mailbox

    mailbox = with_context(data, config, work)
    typer.echo(f"{mailbox.address} was {mailbox.mode} and is {mode} now.")


@app.command()
def dmarc(
    address: Address,
    policy: Annotated[str, typer.Argument(metavar="POLICY", help="accept, quarantine or reject.")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Say what becomes of mail whose From fails DMARC, where the domain it names asks for as much."""

    async def work(context: "Context", account: "Account") -> "Mailbox":
        from tools.dmarc_policy import set_policy

        mailbox = await find(context, account, address)
        await set_policy(context, mailbox, policy, account.overseer)
        return mailbox

    mailbox = with_context(data, config, work)
    typer.echo(f"{mailbox.address}: mail that fails DMARC was {mailbox.dmarc_policy}, and is {policy} from now on.")


@app.command()
def transactional(
    address: Address,
    off: Annotated[bool, typer.Option("--off", help="Trust its agents no more with these categories.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let the mailbox send login-link, password-reset, mfa-otp and verification mail, also to who unsubscribed."""

    async def work(context: "Context", account: "Account") -> "Mailbox":
        from tools.accounts import trust_categories

        mailbox = await find(context, account, address)
        await trust_categories(context, mailbox, trusted=not off)
        return mailbox

    mailbox = with_context(data, config, work)
    typer.echo(f"{mailbox.address} may {'no longer ' if off else ''}send mail that passes an unsubscription.")


@app.command()
def retention(
    address: Address,
    days: Annotated[
        int | None, typer.Argument(metavar="DAYS", help="Keep mail so many days; 0 is for ever.", min=0, max=36_500)
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Tell or set how long the mailbox keeps its mail. What is older is deleted within a minute, and for good."""

    async def work(context: "Context", account: "Account") -> int:
        from tools.retention import retention_of, set_retention

        mailbox = await find(context, account, address)
        if days is not None:
            await set_retention(context, mailbox, days, account.overseer)
        return await retention_of(context, mailbox)

    kept = with_context(data, config, work)
    typer.echo(f"{address} keeps its mail {f'for {kept} days' if kept else 'for ever'}.")


@app.command()
def forward(
    address: Address,
    target: Annotated[str | None, typer.Argument(metavar="TARGET", help="Where a copy of all mail goes.")] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Say yourself that the target's reader agrees.")] = False,
    off: Annotated[bool, typer.Option("--off", help="Pass nothing on any longer.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell where the mailbox's mail is passed on to, or set it: its reader is mailed a link, to agree by."""

    async def work(context: "Context", account: "Account") -> "ForwardingView":
        from tools.errors import Refusal
        from tools.forwarding_consent import vouch
        from tools.forwarding_target import forwarding_of, set_target

        if off and (target is not None or confirm):
            raise Refusal("invalid_request", "--off stands alone.")
        mailbox = await find(context, account, address)
        if off or target is not None:
            await set_target(context, mailbox, target, account.overseer)
        if confirm:
            await vouch(context, mailbox, OPERATOR)
        return await forwarding_of(context, mailbox)

    view = with_context(data, config, work)
    if as_json:
        print_json(view.model_dump())
    else:
        typer.echo(f"{address}, {view.status}: {view.next}")


@app.command()
def allow(address: Address, pattern: Pattern, data: DataOption = None, config: ConfigOption = None) -> None:
    """Let the mailbox send to a recipient without approval, in mode gated_send."""

    async def work(context: "Context", account: "Account") -> str:
        from tools import accounts

        return await accounts.allow(context, await find(context, account, address), pattern)

    kept = with_context(data, config, work)
    typer.echo(f"{address} may send to {kept}.")


@app.command()
def disallow(address: Address, pattern: Pattern, data: DataOption = None, config: ConfigOption = None) -> None:
    """Take a pattern off the mailbox's allowlist."""

    async def work(context: "Context", account: "Account") -> None:
        from tools import accounts

        await accounts.disallow(context, await find(context, account, address), pattern)

    with_context(data, config, work)
    typer.echo(f"{pattern} is off the allowlist of {address}.")


@app.command()
def allowlist(
    address: Address, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List whom the mailbox may send to without approval."""

    async def work(context: "Context", account: "Account") -> list[str]:
        from tools import accounts

        return await accounts.allowlist(context, await find(context, account, address))

    patterns = with_context(data, config, work)
    if as_json:
        print_json(patterns)
    else:
        typer.echo("\n".join(patterns) or "The allowlist is empty: every mail waits for approval.")


def _shown(mailbox: "Mailbox") -> dict[str, Any]:
    return {
        "id": mailbox.id,
        "address": mailbox.address,
        "name": mailbox.display_name,
        "mode": mailbox.mode,
        "transactional": bool(mailbox.transactional),
        "dmarc": mailbox.dmarc_policy,
        "created_at": iso(mailbox.created_at),
    }
