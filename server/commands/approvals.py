"""`gatepost approvals`: see and decide what waits. Whoever is on the machine acts as the overseer."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.commands.common import (
    ConfigOption,
    DataOption,
    JsonOption,
    iso,
    print_json,
    print_rows,
    printable,
    with_context,
)

if TYPE_CHECKING:
    from storage.records import Account, Approval, Message
    from tools.context import Context

app = typer.Typer(help="Mail that waits for a person.", no_args_is_help=True)

LISTED = 200

ApprovalId = Annotated[str, typer.Argument(metavar="APPROVAL_ID", help="The approval's id (apr_…).")]
Revision = Annotated[
    int | None, typer.Option(help="The revision you looked at; if the mail was edited since, nothing happens.")
]


@app.command("list")
def list_(data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List what is pending, oldest first."""

    async def work(context: "Context", account: "Account") -> list[dict[str, Any]]:
        from storage.database import many
        from storage.records import Approval
        from tools.approvals import message_of

        pending = await many(context.db, Approval, "pending_approvals", account_id=account.id, limit=LISTED)
        return [_shown(approval, await message_of(context.db, approval)) for approval in pending]

    rows = with_context(data, config, work)
    print_rows(rows, ("id", "from", "subject", "expires_at"), "Nothing waits for a decision.", as_json=as_json)


@app.command()
def show(
    approval_id: ApprovalId, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show everything that would leave, and why it was held."""

    async def work(context: "Context", account: "Account") -> dict[str, Any]:
        from tools.approvals import message_of

        approval = await _find(context, account, approval_id)
        message = await message_of(context.db, approval)
        return _shown(approval, message) | await _contents(context, approval, message)

    shown = with_context(data, config, work)
    if as_json:
        print_json(shown)
    else:
        typer.echo(printable(_page(shown)))


@app.command()
def approve(
    approval_id: ApprovalId, revision: Revision = None, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Let a held mail through."""

    async def work(context: "Context", account: "Account") -> int:
        from tools import decide

        approval = await _find(context, account, approval_id)
        return await decide.approve(context, approval, revision or approval.revision, account.overseer)

    missing = with_context(data, config, work)
    typer.echo(
        f"{approval_id} is approved by the overseer; the second overseer must approve it too."
        if missing
        else f"{approval_id} is approved."
    )


@app.command()
def reject(
    approval_id: ApprovalId,
    reason: Annotated[str, typer.Option(help="Why; the agent reads it.")] = "",
    revision: Revision = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Stop a held mail for good."""

    async def work(context: "Context", account: "Account") -> None:
        from tools import decide

        approval = await _find(context, account, approval_id)
        await decide.reject(context, approval, revision or approval.revision, account.overseer, reason)

    with_context(data, config, work)
    typer.echo(f"{approval_id} is rejected.")


async def _find(context: "Context", account: "Account", approval_id: str) -> "Approval":
    from storage.database import one
    from storage.records import Approval
    from tools.errors import Refusal

    found = await one(context.db, Approval, "approval", id=approval_id, account_id=account.id)
    if found is None:
        raise Refusal("approval_not_found")
    return found


async def _contents(context: "Context", approval: "Approval", message: "Message") -> dict[str, Any]:
    """The mail itself: each recipient of the envelope, the text, the attachments."""
    from tools.mail.wire import Wire
    from tools.quorum import tally
    from tools.wires import wire_row

    row = await wire_row(context, context.db, message.id, approval.revision)
    why = json.loads(approval.reasons)
    return {
        "approvals": await tally(context.db, approval),
        "why": why["why"],
        "note": why["note"],
        "recipients": [each.address for each in Wire.of(row.envelope, b"").recipients],
        "people": json.loads(message.people),
        "text": message.body_text,
        "attachments": json.loads(message.attachments),
        "digest": row.digest,
    }


def _shown(approval: "Approval", message: "Message") -> dict[str, Any]:
    return {
        "id": approval.id,
        "state": approval.state,
        "revision": approval.revision,
        "direction": approval.direction,
        "message_id": message.id,
        "from": message.from_email,
        "subject": message.subject,
        "created_at": iso(approval.created_at),
        "expires_at": iso(approval.expires_at),
    }


def _page(shown: dict[str, Any]) -> str:
    people = shown["people"]
    named = [f"{label.title()}: {person['email']}" for label in ("to", "cc", "bcc") for person in people[label]]
    # a recipient that no header names is shown all the same: it would get the mail
    listed = {person["email"] for group in people.values() for person in group}
    named += [f"Copy: {address}" for address in shown["recipients"] if address not in listed]
    files = [f"File: {file['name']} ({file['content_type']}, {file['size']} bytes)" for file in shown["attachments"]]
    why = [f"Held: {reason}" for reason in (*shown["why"], shown["note"]) if reason]
    standing = f"{shown['state']} with {shown['approvals']} approvals"
    head = [f"{shown['id']} revision {shown['revision']}, {standing}, until {shown['expires_at']}"]
    mail = [f"From: {shown['from']}", *named, f"Subject: {shown['subject']}", *files]
    return "\n".join([*head, *why, "", *mail, "", shown["text"]])
