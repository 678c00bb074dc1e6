"""Who scores mail for spam besides us: rspamd or SpamAssassin, behind one interface."""

from dataclasses import dataclass
from typing import Protocol


class ScannerFailed(Exception):
    """No answer in time, or none that could be understood; the mail is taken with its score unknown."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of a mail beside its bytes; '' is unknown."""

    sender: str
    recipients: tuple[str, ...]
    ip: str = ""
    helo: str = ""


class Scanner(Protocol):
    """Scores a mail."""

    name: str
    """`rspamd` or `spamd`."""

    async def score(self, raw: bytes, envelope: Envelope) -> float:
        """The spam score. Raises ScannerFailed."""
        ...
