"""`gatepost inspect`: what the server understands of raw mails, by the code that receives them."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.commands.verdicts import Envelope, envelope_of, verdicts

if TYPE_CHECKING:
    from tools.mail.reports import Report

STDIN = "-"


def inspect(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Raw mails (RFC 5322); - is standard input.")],
    zone: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A DNS zone as JSON: who the mails are from is judged by it.")
    ] = None,
    client_ip: Annotated[str, typer.Option(help="The address that brought the mails; for SPF.")] = "",
    helo: Annotated[str, typer.Option(help="The name it gave with EHLO.")] = "",
    mail_from: Annotated[str, typer.Option(help="The envelope sender; empty is the null sender.")] = "",
    at: Annotated[
        datetime | None, typer.Option(help="When they arrived (UTC); signatures expire. Now by default.")
    ] = None,
) -> None:
    """Print what each mail is (message, bounce, complaint, auto_reply, report) and says, one JSON object a line.

    A file that cannot be read has a line with `error`; the exit status is then 1.

    With --zone each line has `spf`, `dkim`, `dmarc` and `arc` with their `result`, `verified_domain` and `failed`. The
    file has records by name and type: {"example.com": {"TXT": ["v=spf1 -all"], "A": ["192.0.2.1"],
    "MX": [[10, "mx.example.com"]]}}; "TIMEOUT" or "SERVFAIL" in place of records is how asking for them ends.
    """
    envelope = envelope_of(zone, client_ip, helo, mail_from, at or datetime.now(UTC))
    failed = False
    for name in files:
        try:
            raw = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            failed = True
            found = {"error": getattr(error, "strerror", None) or str(error)}
        else:
            found = understood(raw, envelope)
        # ASCII: text from a mail cannot move a terminal's cursor or turn its letters around
        sys.stdout.write(json.dumps({"file": name} | found) + "\n")
    if failed:
        raise typer.Exit(1)


def understood(raw: bytes, envelope: Envelope | None) -> dict[str, Any]:
    """A mail's kind, what it reports, what any mail has, and who it is from, as JSON values."""
    from policies.spam import Standing, judge
    from tools.mail.parse import parse
    from tools.mail.reports import read_report
    from tools.screening import examined, spam_findings

    parsed = parse(raw)
    seen = examined(raw, parsed)
    found = _reported(read_report(raw)) | {
        "subject": parsed.subject,
        "from": parsed.sender.email if parsed.sender else "",
        "to": [address.email for address in parsed.to],
        "message_id": parsed.message_id,
        "automatic": parsed.automatic,
        "defects": list(parsed.defects),
        "text": parsed.text,
        "new_text": parsed.new_text,
        "quoted": parsed.quoted,
        "attachments": [asdict(part) for part in parsed.attachments],
        "hidden": [asdict(piece) for piece in parsed.hidden],
        "links": [asdict(link) for link in parsed.links],
        "calendar": [asdict(event) for event in parsed.calendar],
        "signals": seen.as_findings(),
        "spam": spam_findings(judge(seen.traits, Standing())),
    }
    return found | verdicts(raw, parsed, envelope) if envelope else found


def _reported(report: "Report") -> dict[str, Any]:
    """The kind, and the fields that belong to it."""
    found: dict[str, Any] = {"kind": report.kind}
    if report.kind in ("bounce", "complaint", "report"):
        found["original_message_id"] = report.original_id
    if report.feedback_type:
        found["feedback_type"] = report.feedback_type
        found["recipients"] = [{"address": each.address} for each in report.recipients]
    elif report.kind in ("bounce", "report"):
        found["recipients"] = [
            {
                "address": each.address,
                "original_address": each.original,
                "action": each.action,
                "status": each.status,
                "reply_code": each.reply_code,
                "category": each.category,
                "hard": each.hard,
                "diagnostic": each.diagnostic,
            }
            for each in report.recipients
        ]
    return found
