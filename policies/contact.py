"""First contact: an address that came from a stranger's text, and duplicates of what was just handed in."""

from policies.decision import Finding, Verdict
from policies.evidence import listed, quoted
from policies.facts import Correspondent, Outbound


def first_contact(facts: Outbound) -> Finding | None:
    """Mail to somebody known only from a received mail waits for a person: a trick may have put the address there."""
    if facts.approver is not None:
        return None
    if facts.correspondents is None:
        raise LookupError("nobody looked up whom the mailbox knows")
    found = [_named(each) for each in facts.correspondents if each.introduced and not each.vouched_for]
    if not found:
        return None
    reason = f"First contact with an address known only from a received mail: {listed(found)}."
    return Finding("first_contact", Verdict.HOLD, reason)


def _named(each: Correspondent) -> str:
    """The address, and the mail that brought it up."""
    return quoted(each.address) + (f" (named in {each.introduced_by})" if each.introduced_by else "")


def duplicate(facts: Outbound) -> Finding | None:
    """The same mail within a minute is a call made twice. A person who approves it means it."""
    if facts.approver is not None:
        return None
    if facts.repeated is None:
        raise LookupError("nobody looked up what was handed in before")
    if not facts.repeated:
        return None
    reason = "The same mail to the same recipients was handed in less than a minute ago."
    return Finding("duplicate", Verdict.DENY, reason, code="duplicate", details=(("first_message_id", facts.repeated),))
