"""To whom an account no longer sends, and what a delivery's outcome changes in that."""

from dataclasses import dataclass
from enum import StrEnum

from policies.decision import Finding, Verdict
from policies.facts import Outbound, Suppressed

BULK = frozenset({"bulk", "broadcast"})
"""Categories of mail that carries a way to unsubscribe."""
EXEMPT = frozenset({"login-link", "password-reset", "mfa-otp", "verification"})
"""Mail that a person asks for by an act of their own; unsubscribing was not about it."""
BOUNCES_IN_ROW = 7
NOT_THE_ADDRESS = frozenset({"NotDelivered", "NotDeliveredCancelled", "ManualCancel", "CodeError", "Ignore"})
"""Bounces that say nothing about the address: stopped here, or for want of the receiver's resources."""


class Reason(StrEnum):
    """Why an address is suppressed, from the weakest to the strongest; of two, the stronger one stays."""

    MANUAL = "manual"
    UNSUBSCRIBE = "unsubscribe"
    COMPLAINT = "complaint"
    BOUNCE = "bounce"

    @property
    def liftable(self) -> bool:
        """Whether an agent or the API may take it back: not from an address that is not there."""
        return self is not Reason.BOUNCE


def strength(reason: Reason, *, transactional_only: bool) -> int:
    """How strong an entry is, for comparing two; one that stops bulk mail alone is the weakest of all."""
    return 0 if transactional_only else 1 + list(Reason).index(reason)


def applies(entry: Suppressed, category: str) -> bool:
    """Whether an entry stops mail of this category."""
    if entry.transactional_only:
        return category in BULK
    return not (entry.reason == Reason.UNSUBSCRIBE and category in EXEMPT)


def suppressed(facts: Outbound) -> Finding | None:
    """No mail to an address on the account's list of suppressions, whoever approves it."""
    if facts.suppressed is None:
        return Finding("suppressed", Verdict.HOLD, "The list of suppressions could not be read, so a person decides.")
    stopped = [entry for entry in facts.suppressed if applies(entry, facts.category)]
    if not stopped:
        return None
    named = ", ".join(f"{entry.address} ({entry.reason})" for entry in stopped)
    return Finding("suppressed", Verdict.DENY, f"The account does not send to: {named}.", code="recipient_suppressed")


@dataclass(frozen=True, slots=True)
class Settled:
    """The facts about a delivery that came to an end."""

    state: str
    """`sent`, `bounced` or `uncertain`; `deferred` is not an end and changes nothing."""
    category: str
    """Which of the seventeen categories, for a bounce."""
    code: int
    """The reply's code; 0 when no server replied."""
    bounces_in_row: int
    """Bounces of the address before this one, since the last mail that was taken."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the contact stands after it."""

    bounces_in_row: int
    invalid: bool = False
    """The address is to be suppressed, with reason `bounce`."""


def after_outcome(settled: Settled) -> Standing:
    """What an outcome changes: a mail taken resets the count, a bounce counts, some end it at once."""
    if settled.state == "sent":
        return Standing(0)
    if settled.state != "bounced" or settled.category in NOT_THE_ADDRESS:
        return Standing(settled.bounces_in_row)
    bounces = settled.bounces_in_row + 1
    # a full or closed mailbox may open again: refused for good it is listed, put off until the end it only counts
    at_once = settled.category == "NoMailbox" or (settled.category == "AccountProblem" and settled.code >= 500)
    return Standing(bounces, at_once or bounces >= BOUNCES_IN_ROW)
