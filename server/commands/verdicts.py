"""What `gatepost inspect` finds out about who a mail is from, with the DNS out of a file."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from tools.mail.auth.dkim import Signature
    from tools.mail.auth.verdict import Authentication
    from tools.mail.auth.zone import Zone
    from tools.mail.parse import Parsed


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a mail is taken to have come."""

    client_ip: str
    """Empty where that is not known; then SPF says `none`."""
    helo: str
    mail_from: str
    at: datetime
    zone: "Zone"


def envelope_of(zone: Path | None, client_ip: str, helo: str, mail_from: str, at: datetime) -> Envelope | None:
    """None without a zone: nothing is asked over the network. `at` is in UTC. Raises BadParameter."""
    from tools.mail.auth.zone import Zone

    if client_ip:
        try:
            ip_address(client_ip)
        except ValueError as error:
            raise typer.BadParameter(f"{client_ip} is not an IP address", param_hint="--client-ip") from error
    if zone is None:
        if client_ip or helo or mail_from:
            raise typer.BadParameter("the envelope is judged by a DNS zone: name its file", param_hint="--zone")
        return None
    try:
        return Envelope(client_ip, helo, mail_from, at.replace(tzinfo=UTC), Zone.from_json(zone.read_bytes()))
    except OSError as error:
        raise typer.BadParameter(f"{zone}: {error.strerror}", param_hint="--zone") from error
    except ValueError as error:
        raise typer.BadParameter(f"{zone} is not a DNS zone as JSON: {error}", param_hint="--zone") from error


def authenticated(raw: bytes, parsed: "Parsed", envelope: Envelope) -> "Authentication":
    """Who a mail is from, by the code that receives mail."""
    from tools.mail.auth.authenticator import Authenticator
    from tools.mail.auth.spf import Sender

    author = parsed.shown_author(envelope.mail_from)
    authenticator = Authenticator(envelope.zone, clock=lambda: int(envelope.at.timestamp()) * 1_000_000, local=True)
    sender = Sender(envelope.client_ip, envelope.helo, envelope.mail_from)
    return asyncio.run(
        authenticator.authenticate(raw, sender, author, ambiguous=parsed.sender_ambiguous, others=parsed.authors[1:]),
    )


def verdicts(found: "Authentication") -> dict[str, Any]:
    """SPF, DKIM, DMARC and ARC, each with its `result`, and what follows from them, as JSON values."""
    return found.as_findings() | {"dkim": _dkim(found.dkim)}


def _dkim(signatures: "Sequence[Signature]") -> dict[str, Any]:
    """The best of the signatures, and all of them."""
    results = [each.result for each in signatures]
    best = "pass" if "pass" in results else next(iter(results), "none")
    return {"result": best, "signatures": [asdict(each) for each in signatures]}
