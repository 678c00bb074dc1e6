"""`gatepost key`: make, list and revoke API keys."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.commands.common import ConfigOption, DataOption, JsonOption, iso, print_json, print_rows, with_context

if TYPE_CHECKING:
    from storage.records import Account, ApiKey
    from tools.context import Context
    from tools.identity import NewKey

app = typer.Typer(help="API keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scope: Annotated[list[str], typer.Option(help="read, send, admin, oversight or oversight_read; repeat it.")],
    mailbox: Annotated[str | None, typer.Option(help="Address of the one mailbox the key is bound to.")] = None,
    person: Annotated[str, typer.Option(help="With scope oversight: the overseer whose hand it is.")] = "",
    test: Annotated[bool, typer.Option("--test", help="Mail handed in with it never leaves.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and show it this once."""

    async def work(context: "Context", account: "Account") -> "NewKey":
        from server.commands.mailboxes import find
        from tools.identity import create_key

        bound = await find(context, account, mailbox) if mailbox else None
        bound_id = bound.id if bound else None
        return await create_key(context, account.id, name, frozenset(scope), bound_id, sandbox=test, person=person)

    made = with_context(data, config, work)
    if as_json:
        print_json(_shown(made.key) | {"key": made.text})
    else:
        typer.echo(f"{made.text}\nShown this once. Its id is {made.key.id}.")


@app.command("list")
def list_(data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the keys, revoked ones too."""

    async def work(context: "Context", account: "Account") -> "list[ApiKey]":
        from tools.identity import list_keys

        return await list_keys(context, account.id)

    rows = [_shown(key) for key in with_context(data, config, work)]
    print_rows(rows, ("id", "scopes", "name", "revoked_at"), "There are no keys.", as_json=as_json)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id (key_…).")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key worthless at once."""

    async def work(context: "Context", account: "Account") -> None:
        from tools.identity import revoke_key

        await revoke_key(context, account.id, key_id)

    with_context(data, config, work)
    typer.echo(f"{key_id} is revoked.")


def _shown(key: "ApiKey") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes,
        "mailbox_id": key.mailbox_id,
        "test": bool(key.sandbox),
        "person": key.person,
        "created_at": iso(key.created_at),
        "revoked_at": iso(key.revoked_at),
    }
