"""When bounces or complaints are so many that sending pauses by itself."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares of the mail of the last 24 hours, and the least number of mails that says anything."""

    warn_bounces: float = 0.02
    pause_bounces: float = 0.05
    pause_complaints: float = 0.0008
    sample: int = 10


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of an account's mail in the last 24 hours, in recipients."""

    settled: int
    """Those whose fate is known: taken by the other side, or bounced."""
    bounced: int
    complained: int


@dataclass(frozen=True, slots=True)
class Health:
    """What they mean, with the sentence for a person."""

    state: Literal["good", "warned", "paused"]
    reason: str = ""


def judge(outcomes: Outcomes, thresholds: Thresholds) -> Health:
    """Good, worth a warning, or a reason to pause. Too few mails say nothing."""
    if outcomes.settled < max(thresholds.sample, 1):
        return Health("good")
    # divided, not multiplied: the quotient of 7 and 140 is exactly the float 0.05
    bounces = outcomes.bounced / outcomes.settled
    if bounces >= thresholds.pause_bounces:
        return Health("paused", _sentence(outcomes.bounced, "bounced", outcomes.settled))
    if outcomes.complained / outcomes.settled >= thresholds.pause_complaints:
        return Health("paused", _sentence(outcomes.complained, "brought a complaint", outcomes.settled))
    if bounces >= thresholds.warn_bounces:
        return Health("warned", _sentence(outcomes.bounced, "bounced", outcomes.settled))
    return Health("good")


def _sentence(count: int, what: str, settled: int) -> str:
    return f"{count} of the {settled} mails of the last 24 hours {what}."
