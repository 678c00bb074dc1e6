"""The rules that guard a reputation: nothing over a limit, nothing while sending is stopped. Approval lifts neither."""

from policies.decision import Decision, Finding, Verdict
from policies.facts import Allowance, Halt, Outbound
from policies.windows import SECOND, Span, Window

NO_FACT = "It is not known, so a person decides."


def within_limits(facts: Outbound) -> Finding | None:
    """Deny what would go over a limit; of several, the one that lasts longest speaks."""
    if facts.allowance is None:
        return Finding("within_limits", Verdict.HOLD, f"How much was sent already? {NO_FACT}")
    return no_room(facts.allowance, len(facts.recipients))


def no_room(allowance: Allowance, recipients: int) -> Finding | None:
    """The denial of a mail to so many that would go over a limit."""
    full = [each for each in allowance.windows if each.remaining is not None and recipients > each.remaining]
    if not full:
        return None
    longest = max(full, key=lambda window: window.ends_at)
    is_now = longest.span.start(longest.ends_at - 1) <= allowance.now
    window = f"this {longest.span}" if is_now else f"the {longest.span} it shall leave in"
    return Finding(
        "within_limits",
        Verdict.DENY,
        f"The {longest.subject} may send to {longest.limit} recipients in {window}, {longest.used} are taken, "
        f"and this mail has {recipients}.",
        code=_code(longest),
        retry_after=max(-((allowance.now - longest.ends_at) // SECOND), 1),
        details=_details(longest),
    )


def sending_on(facts: Outbound) -> Finding | None:
    """Deny everything while the kill switch is thrown or sending is paused."""
    if facts.allowance is None:
        return Finding("sending_on", Verdict.HOLD, f"Is sending stopped? {NO_FACT}")
    return halted(facts.allowance.halts)


def halted(halts: tuple[Halt, ...]) -> Finding | None:
    """The denial that follows from what keeps an account from sending."""
    if not halts:
        return None
    codes = {halt.kind for halt in halts}
    return Finding(
        "sending_on",
        Verdict.DENY,
        " ".join(halt.reason for halt in halts),
        code="sending_stopped" if "stopped" in codes else "sending_paused",
    )


def room_at(decision: Decision, recipients: int, now: int) -> int | None:
    """When there is room for a mail that is denied for used-up limits alone, in microseconds since the epoch.

    None where something else denies it, or where it would not fit an empty window either; one that warming sets grows.
    """
    if decision.verdict is not Verdict.DENY:
        return None
    waits = []
    for finding in decision.deciding:
        details = dict(finding.details)
        limit = details.get("limit", 0)
        if finding.rule != "within_limits" or ("warmup_stage" not in details and recipients > int(limit)):
            return None
        waits.append(finding.retry_after or 0)
    at = now + max(waits) * SECOND
    # the wait was rounded up, and windows begin on the second
    return at - at % SECOND


def _code(window: Window) -> str:
    if window.stage is not None:
        return "warmup_limit"
    return "quota_exceeded" if window.span is Span.MONTH else "rate_limited"


def _details(window: Window) -> tuple[tuple[str, str | int], ...]:
    told: dict[str, str | int] = {
        "limited": window.subject,
        "window": window.span,
        "limit": window.limit or 0,
        "used": window.used,
    }
    if window.stage is not None:
        told["warmup_stage"] = window.stage
    return tuple(told.items())
