"""May this mail leave? Every rule speaks and the strictest verdict wins."""

from collections.abc import Callable

from policies.category import category_trusted
from policies.content import CONTENT
from policies.decision import Decision, Finding, Verdict, strictest
from policies.facts import Outbound
from policies.limits import sending_on, within_limits
from policies.loops import answers_machine, loop
from policies.modes import GATES
from policies.region import region
from policies.suppression import suppressed

Rule = Callable[[Outbound], Finding | None]


def oversight(facts: Outbound) -> Finding:
    """The mailbox's mode. A person's approval overrides it, and nothing else (DESIGN section 3.5)."""
    if facts.approver is not None:
        return Finding("oversight", Verdict.ALLOW, f"Approved by {facts.approver}.")
    gate = GATES[facts.mode]
    if gate.allowlist and not facts.strangers:
        return Finding("oversight", Verdict.ALLOW, "Every recipient is on the mailbox's allowlist.")
    reasons = {
        Verdict.ALLOW: f"The mailbox is {facts.mode}: mail leaves without approval.",
        Verdict.HOLD: f"The mailbox is {facts.mode}: a person approves what leaves.",
        Verdict.DENY: f"The mailbox is {facts.mode}: nothing leaves it.",
    }
    reason = reasons[gate.outbound]
    if gate.allowlist:
        reason += f" Not on its allowlist: {', '.join(facts.strangers)}."
    return Finding("oversight", gate.outbound, reason, code="read_only_mailbox")


def requested(facts: Outbound) -> Finding | None:
    """`request_approval` holds in every mode, also where the mode alone would deny or allow."""
    if facts.requested and facts.approver is None:
        return Finding("requested", Verdict.HOLD, "The agent asked for approval of this mail.")
    return None


def addressed(facts: Outbound) -> Finding | None:
    """An empty list of recipients means nobody, never everybody."""
    if not facts.recipients:
        return Finding("addressed", Verdict.DENY, "The mail has no recipient.")
    return None


RULES: tuple[Rule, ...] = (
    oversight,
    requested,
    addressed,
    category_trusted,
    suppressed,
    sending_on,
    within_limits,
    region,
    answers_machine,
    loop,
    *CONTENT,
)


def decide(facts: Outbound, rules: tuple[Rule, ...] = RULES) -> Decision:
    """Run every rule; a rule that raises holds the mail (DESIGN section 5.6)."""
    return strictest(finding for rule in _applying(facts, rules) if (finding := _ask(rule, facts)) is not None)


def _applying(facts: Outbound, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """An agent that asks for approval puts the person's judgement in the place of the mode's."""
    if facts.requested and facts.approver is None:
        return tuple(rule for rule in rules if rule is not oversight)
    return rules


def _ask(rule: Rule, facts: Outbound) -> Finding | None:
    try:
        return rule(facts)
    except Exception:
        name = getattr(rule, "__name__", "rule")
        return Finding(name, Verdict.HOLD, f"The rule {name} could not be worked out, so a person decides.")
