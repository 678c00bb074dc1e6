"""Everything a rule may look at. The caller gathers it; a rule never looks anything up."""

from dataclasses import dataclass

from policies.modes import Mode


@dataclass(frozen=True, slots=True)
class Outbound:
    """The facts about a mail on its way out."""

    mode: Mode
    recipients: tuple[str, ...]
    """Everybody the agent addresses: To, Cc and Bcc; automatic copies are not among them."""
    strangers: tuple[str, ...]
    """Those of the recipients whom no allowlist entry of the mailbox covers."""
    requested: bool = False
    """The agent itself asked for a person's approval."""
    approver: str | None = None
    """Who approved this very wire form; None before anybody has."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """The facts about a mail that has arrived."""

    mode: Mode
    approver: str | None = None
