"""`gatepost inspect`: what the server understands of raw mails, by the code that receives them."""

import json
import sys
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.commands.verdicts import Envelope, authenticated, envelope_of, verdicts

if TYPE_CHECKING:
    from tools.mail.parse import Parsed
    from tools.mail.reports import Report

STDIN = "-"
LIMIT = 256 * 1024 * 1024
"""A file that goes on after so many bytes is not read; no mail is as large, but a device may be."""


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

    Each line has `file` and `kind`; `subject`, `from`, `to`, `message_id`; `text` as an agent gets it, and in it
    `new_text`, `quoted` and `signature`; `attachments`; `defects` of its form; `hidden`: what a person does not see and
    was taken out; `links`, `calendar`; `signals` of wanting to steer the reader; `spam` as of a sender nobody knows;
    `machine`: what kind of automatic mail it is; `automatic` and `sender_ambiguous`. Reports have `recipients`,
    `original_message_id` and `feedback_type`. A file that cannot be read has `error`; the exit status is then 1.

    With --zone each line has `spf`, `dkim`, `dmarc` and `arc` with their `result`, `verified_domain` and `failed`. The
    file has records by name and type: {"example.com": {"TXT": ["v=spf1 -all"], "A": ["192.0.2.1"],
    "MX": [[10, "mx.example.com"]]}}, or as the published suites write theirs; "TIMEOUT" or "SERVFAIL" in place of
    records is how asking for them ends.
    """
    envelope = envelope_of(zone, client_ip, helo, mail_from, at or datetime.now(UTC))
    failed = False
    for name in files:
        try:
            found = understood(_read(name), envelope)
        except Exception as error:  # also a defect of ours costs a line, and not the files behind it
            failed = True
            found = {"error": getattr(error, "strerror", None) or str(error) or type(error).__name__}
        # ASCII: text from a mail cannot move a terminal's cursor or turn its letters around
        sys.stdout.write(json.dumps({"file": name} | found) + "\n")
    if failed:
        raise typer.Exit(1)


def _read(name: str) -> bytes:
    """A file's bytes. Raises OSError, and ValueError for a name or a file that is none."""
    with nullcontext(sys.stdin.buffer) if name == STDIN else Path(name).open("rb") as file:
        raw = file.read(LIMIT + 1)
    if len(raw) > LIMIT:
        raise ValueError(f"larger than {LIMIT} bytes")
    return raw


def understood(raw: bytes, envelope: Envelope | None) -> dict[str, Any]:
    """A mail's kind, what it reports, what any mail has, and who it is from, as JSON values."""
    from policies.spam import Standing, judge
    from tools.findings import findings_of
    from tools.mail.parse import parse
    from tools.mail.reports import read_report
    from tools.screening import examined, spam_findings

    parsed = parse(raw)
    authentication = authenticated(raw, parsed, envelope) if envelope else None
    seen = examined(raw, parsed, authentication)
    return (
        _reported(read_report(raw))
        | _told(parsed)
        | findings_of(parsed, parsed.machine, seen)
        # all of it, where a message only keeps that there is something
        | {"machine": asdict(parsed.machine), "spam": spam_findings(judge(seen.traits, Standing()))}
        | (verdicts(authentication) if authentication else {})
    )


def _told(parsed: "Parsed") -> dict[str, Any]:
    """What the mail says. `text` is what an agent gets of its body; `new_text` and `quoted` are parts of that."""
    return {
        "subject": parsed.subject,
        "from": parsed.sender.email if parsed.sender else "",
        "to": [address.email for address in parsed.to],
        "message_id": parsed.message_id,
        "text": parsed.text,
        "new_text": parsed.new_text,
        "quoted": parsed.quoted,
        "attachments": [asdict(part) for part in parsed.attachments],
    }


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
