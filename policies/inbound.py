"""May this arrived mail be shown to the agent?"""

from enum import StrEnum

from policies.decision import Decision, Finding, Verdict, strictest
from policies.facts import Inbound
from policies.modes import GATES

QUARANTINE = "quarantine"
"""Code of a finding that holds a mail as one nobody should see unasked."""
FLAG = "flag"
"""Code of a finding that lets a mail through, marked as spam."""


class Fate(StrEnum):
    """What becomes of a mail."""

    DELIVER = "deliver"
    FLAG = "flag"
    """Delivered and marked as spam; it wakes nobody."""
    HOLD = "hold"
    """A person is asked, and lets it in or not."""
    QUARANTINE = "quarantine"
    """Kept apart: nobody is asked, a person finds it among the mail and may let it in."""
    REJECT = "reject"
    """Refused while the other server is still there to hear it."""


def oversight(facts: Inbound) -> Finding:
    """`gated_all` holds what arrives until a person lets it in."""
    if facts.approver is not None:
        return Finding("oversight", Verdict.ALLOW, f"Let in by {facts.approver}.")
    if GATES[facts.mode].inbound is Verdict.HOLD:
        return Finding("oversight", Verdict.HOLD, f"The mailbox is {facts.mode}: a person lets mail in.")
    return Finding("oversight", Verdict.ALLOW, f"The mailbox is {facts.mode}: mail is delivered.")


def authenticated(facts: Inbound) -> Finding | None:
    """Mail that fails DMARC is treated as its domain asks, but never worse than the mailbox wants it treated."""
    if facts.approver is not None or facts.dmarc_disposition == "none" or facts.dmarc_policy == "accept":
        return None
    if facts.dmarc_disposition == facts.dmarc_policy == "reject":
        return Finding("dmarc", Verdict.DENY, "Its From failed DMARC, and the domain asks to reject such mail.")
    return Finding("dmarc", Verdict.HOLD, "Its From failed DMARC: it may not be from whom it says.", QUARANTINE)


def spam(facts: Inbound) -> Finding | None:
    """Spam is marked from one score on and kept apart from another. An unknown score does neither."""
    score = facts.spam_score
    if facts.approver is not None or score is None:
        return None
    if score >= facts.quarantine_from:
        return Finding("spam", Verdict.HOLD, f"Its spam score is {score:.1f}.", QUARANTINE)
    if score >= facts.flag_from:
        return Finding("spam", Verdict.ALLOW, f"Its spam score is {score:.1f}.", FLAG)
    return None


def accept(facts: Inbound) -> Decision:
    """Run the rules for arrived mail; the strictest verdict wins."""
    return strictest(finding for rule in (oversight, authenticated, spam) if (finding := rule(facts)) is not None)


def fate_of(ruling: Decision) -> Fate:
    """What the ruling comes to. Whatever a rule wants kept apart asks no person, also where the mode would."""
    codes = {finding.code for finding in ruling.findings}
    if ruling.verdict is Verdict.DENY:
        return Fate.REJECT
    if QUARANTINE in codes:
        return Fate.QUARANTINE
    if ruling.verdict is Verdict.HOLD:
        return Fate.HOLD
    return Fate.FLAG if FLAG in codes else Fate.DELIVER
