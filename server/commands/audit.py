"""`gatepost audit`: the life of one message, from the event log."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.commands.common import (
    ConfigOption,
    DataOption,
    JsonOption,
    iso,
    print_json,
    print_table,
    printable,
    with_context,
)

if TYPE_CHECKING:
    from storage.records import Account
    from tools.audit import Life, Tried
    from tools.context import Context

SHORT = 12
"""Digits of a digest in the table; the list of revisions has them whole."""


def audit(
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="The message's id (msg_…).")],
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the life of one message: what happened to it, when, by whom, and to which exact form of it."""

    async def work(context: "Context", account: "Account") -> "Life":
        from tools.audit import life_of

        return await life_of(context, account.id, message_id)

    shown = _shown(with_context(data, config, work))
    if as_json:
        print_json(shown)
        return
    typer.echo(printable(f"{shown['message_id']} from {shown['from']}: {shown['subject']}\nIt is {shown['status']}."))
    for revision in shown["revisions"]:
        typer.echo(f"Revision {revision['revision']}  {revision['digest']}")
    rows = [{**event, "what": _what(event)} for event in shown["events"]]
    print_table(rows, ("at", "event", "by", "what"), "Nothing is known of it.")
    if shown["attempts"]:
        typer.echo("\nAttempts to hand it over")
        print_table(shown["attempts"], ("at", "recipient", "number", "outcome", "host", "reply", "tls"), "")


def _shown(life: "Life") -> dict[str, Any]:
    message = life.message
    return {
        "message_id": message.id,
        "from": message.from_email,
        "subject": message.subject,
        "status": message.status,
        "revisions": [{"revision": number, "digest": digest} for number, digest in life.digests.items()],
        "events": [
            {
                "seq": entry.seq,
                "at": iso(entry.at),
                "event": entry.type,
                "by": entry.by,
                "revision": entry.revision,
                "digest": entry.digest,
                "details": entry.details,
            }
            for entry in life.entries
        ],
        "attempts": [_attempt(tried) for tried in life.tried],
    }


def _attempt(tried: "Tried") -> dict[str, Any]:
    attempt = tried.attempt
    return {
        "at": iso(attempt.created_at),
        "recipient": tried.recipient,
        "number": attempt.number,
        "outcome": attempt.outcome,
        "category": attempt.category,
        "host": attempt.host,
        "reply": f"{attempt.code or ''} {attempt.enhanced} {attempt.reply}".strip(),
        "tls": attempt.tls,
    }


def _what(event: dict[str, Any]) -> str:
    """The rest of an event in a line: the revision with the first digits of its digest, and the details."""
    form = [f"revision {event['revision']} {event['digest'][:SHORT]}".strip()] if event["revision"] else []
    said = [f"{name}: {value}" for name, value in event["details"].items() if value not in ("", None)]
    return "; ".join((*form, *said))
