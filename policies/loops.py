"""Programs that answer programs: what a machine sent is not answered, and an endless exchange stops by itself."""

from policies.decision import Finding, Verdict
from policies.facts import Conversation, Outbound

NAME = "loop"
MOST = 10
"""So many messages, of both sides, may two programs exchange before a person looks."""
_TURNS = MOST // 2 - 1
"""Answers of ours that make an exchange of what might be a person who writes fast."""
MARKED_SECONDS = 86_400
"""The time in which they are counted where the other side says that it is a program."""
UNMARKED_SECONDS = 600
"""The same where it says nothing: no person answers five times in ten minutes."""

_READ_BY_PEOPLE = frozenset({"list"})


def answers_machine(facts: Outbound) -> Finding | None:
    """No answer to what a machine sent (RFC 3834 section 2); a person decides where a person may read it."""
    found = _conversation(facts)
    if facts.approver is not None or found.answers in ("", "agent"):
        return None
    what = found.answers.replace("_", " ")
    if facts.requested or not found.certain or found.answers in _READ_BY_PEOPLE:
        return Finding("answers_machine", Verdict.HOLD, f"It answers automatic mail ({what}), which nobody may read.")
    reason = f"It answers automatic mail ({what}): nobody waits for an answer."
    return Finding("answers_machine", Verdict.DENY, reason, code="answers_machine")


def loop(facts: Outbound) -> Finding | None:
    """An exchange as programs have it waits for a person, and so does what follows in a thread that was paused."""
    found = _conversation(facts)
    if facts.approver is not None:
        return None
    if found.paused:
        return Finding(NAME, Verdict.HOLD, "The thread is paused until a person resumes it.")
    # this mail and its answer would be two more
    if found.sent < _TURNS or found.arrived + found.sent + 2 <= MOST:
        return None
    reason = (
        f"The two sides exchanged {found.arrived + found.sent} messages in this thread as programs do; it is paused."
    )
    return Finding(NAME, Verdict.HOLD, reason)


def _conversation(facts: Outbound) -> Conversation:
    if facts.conversation is None:
        raise LookupError("nobody looked up what the mail answers")
    return facts.conversation
