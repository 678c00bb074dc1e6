"""What is found out about a mail by itself, whoever gets it: a key for each topic, as JSON values."""

from dataclasses import asdict
from typing import Any

from tools.mail.machine import Machine
from tools.mail.parse import Parsed
from tools.screening import Screened

ALWAYS = frozenset({"automatic", "defects"})
"""Topics that are kept with a message also where there is nothing to say; the others only where there is."""


def findings_of(parsed: Parsed, machine: Machine, seen: Screened) -> dict[str, Any]:
    """Every topic, also those without anything. `machine` is what the mail is to whoever knows its envelope."""
    return {
        "automatic": machine.automatic,
        "defects": list(parsed.defects),
        "machine": machine.as_findings(),
        "sender_ambiguous": parsed.sender_ambiguous,
        "signature": parsed.signature,
        "hidden": [asdict(piece) for piece in parsed.hidden],
        "links": [asdict(link) for link in parsed.links],
        "calendar": [asdict(event) for event in parsed.calendar],
        "signals": seen.as_findings(),
    }


def telling(findings: dict[str, Any]) -> dict[str, Any]:
    """The topics that are kept with a message."""
    return {topic: value for topic, value in findings.items() if value or topic in ALWAYS}
