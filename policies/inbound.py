"""May this arrived mail be shown to the agent?"""

from policies.decision import Decision, Finding, Verdict, strictest
from policies.facts import Inbound
from policies.modes import GATES


def oversight(facts: Inbound) -> Finding:
    """`gated_all` holds what arrives until a person lets it in."""
    if facts.approver is not None:
        return Finding("oversight", Verdict.ALLOW, f"Let in by {facts.approver}.")
    if GATES[facts.mode].inbound is Verdict.HOLD:
        return Finding("oversight", Verdict.HOLD, f"The mailbox is {facts.mode}: a person lets mail in.")
    return Finding("oversight", Verdict.ALLOW, f"The mailbox is {facts.mode}: mail is delivered.")


def accept(facts: Inbound) -> Decision:
    """Run the rules for arrived mail; the strictest verdict wins."""
    return strictest((oversight(facts),))
