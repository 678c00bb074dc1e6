"""`gatepost usage`, `stop`, `start` and `account resume`: how much may be sent, and whether at all."""

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

if TYPE_CHECKING:
    from storage.records import Account
    from tools.context import Context

app = typer.Typer(help="Accounts.", no_args_is_help=True)

AccountOption = Annotated[str | None, typer.Option("--account", help="Slug or id of one account; none is everybody.")]
OPERATOR = "the operator"


async def _account(context: "Context", wanted: str) -> "Account":
    from tools.accounts import list_accounts

    accounts = await list_accounts(context)
    for account in accounts:
        if wanted in (account.slug, account.id):
            return account
    raise Stop(f"There is no account {wanted}; there are {', '.join(account.slug for account in accounts)}.")


def usage(
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="A mailbox; none is every one.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the limits on sending and how much of them is used."""

    async def work(context: "Context", account: "Account") -> list[dict[str, Any]]:
        from server.commands.mailboxes import find
        from tools.accounts import list_mailboxes
        from tools.context import Principal
        from tools.usage import UsageRequest
        from tools.usage import usage as ask

        acting = context.acting_as(Principal(account.id, frozenset({"read"}), OPERATOR))
        found = [await find(context, account, address)] if address else await list_mailboxes(context, account.id)
        return [
            {
                "mailbox": mailbox.address,
                **(await ask(acting, UsageRequest(mailbox_id=mailbox.id))).model_dump(mode="json"),
            }
            for mailbox in found
        ]

    found = with_context(data, config, work)
    if as_json:
        print_json(found)
        return
    rows = [{**limit, "mailbox": each["mailbox"]} for each in found for limit in each["limits"]]
    columns = ("mailbox", "limited", "window", "limit", "used", "remaining", "stage", "resets_at")
    print_table(rows, columns, "There are no mailboxes.")
    for reason in {reason for each in found for reason in each["reasons"]}:
        typer.echo(reason)


def stop(
    account: AccountOption = None,
    reason: Annotated[str, typer.Option(help="Why, for the people who find it stopped.")] = "",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """The kill switch: nothing leaves any more, also what is queued or scheduled."""

    async def work(context: "Context", _: "Account") -> bool:
        from tools import stops

        subject = (await _account(context, account)).id if account else None
        return await stops.stop(context, subject, OPERATOR, reason)

    thrown = with_context(data, config, work)
    whose = f"{account} is" if account else "All sending is"
    typer.echo(f"{whose} stopped{'' if thrown else ' already'}. 'gatepost start' lets everything go on.")


def start(account: AccountOption = None, data: DataOption = None, config: ConfigOption = None) -> None:
    """Lift the kill switch; what was queued goes on."""

    async def work(context: "Context", _: "Account") -> bool:
        from tools import stops

        subject = (await _account(context, account)).id if account else None
        return await stops.start(context, subject, OPERATOR)

    lifted = with_context(data, config, work)
    whose = account or "everybody"
    typer.echo(f"The stop of {whose} is lifted." if lifted else f"There was no stop of {whose}.")


@app.command()
def resume(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Slug or id of the account.")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """End a pause that bounces or complaints brought."""

    async def work(context: "Context", _: "Account") -> bool:
        from tools import stops

        return await stops.resume(context, (await _account(context, account)).id, OPERATOR)

    ended = with_context(data, config, work)
    typer.echo(f"{account} sends again." if ended else f"{account} was not paused.")
