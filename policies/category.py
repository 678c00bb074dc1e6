"""Who may say that a mail is one its reader asked for this moment: such mail reaches also those who unsubscribed."""

from policies.decision import Finding, Verdict
from policies.facts import Outbound
from policies.suppression import EXEMPT


def category_trusted(facts: Outbound) -> Finding | None:
    """An agent's word alone does not pass an unsubscription: the operator trusts the mailbox, or a person decides."""
    if facts.category not in EXEMPT or facts.trusted_category or facts.approver is not None:
        return None
    return Finding(
        "category_trusted",
        Verdict.HOLD,
        f"The category {facts.category} reaches people who unsubscribed, and the mailbox is not marked for such mail. "
        "Use transactional, or ask the operator for 'gatepost mailbox transactional'.",
    )
