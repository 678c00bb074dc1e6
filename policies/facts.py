"""Everything a rule may look at. The caller gathers it; a rule never looks anything up."""

from dataclasses import dataclass

from policies.modes import Mode


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A recipient that is on the account's list of suppressions."""

    address: str
    reason: str
    """`manual`, `unsubscribe`, `complaint` or `bounce`."""
    transactional_only: bool = False
    """Bulk and broadcast mail alone is stopped."""


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
    category: str = "transactional"
    """What kind of mail the agent says it is."""
    suppressed: tuple[Suppressed, ...] | None = None
    """Those of the recipients that are on the account's list of suppressions; None is unknown."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """The facts about a mail that has arrived."""

    mode: Mode
    approver: str | None = None
