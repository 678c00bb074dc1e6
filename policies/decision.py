"""What a policy answers: a verdict and the findings of the rules that led to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Allow, hold for a person, or deny; listed from mildest to strictest."""

    ALLOW = "allow"
    HOLD = "hold"
    DENY = "deny"

    @property
    def strictness(self) -> int:
        return _MILD_TO_STRICT.index(self)


_MILD_TO_STRICT = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's word: its name, its verdict, and the reason in a sentence for a person."""

    rule: str
    verdict: Verdict
    reason: str
    code: str = ""
    """For a denial: which condition of the catalogue of errors it is."""
    retry_after: int | None = None
    """Seconds after which a denial no longer stands."""
    details: tuple[tuple[str, str | int], ...] = ()
    """For a denial: what a program may want to know, by name."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The strictest verdict among the findings, with all of them."""

    verdict: Verdict
    findings: tuple[Finding, ...]

    @property
    def deciding(self) -> tuple[Finding, ...]:
        """The findings that share the verdict: the reason why."""
        return tuple(finding for finding in self.findings if finding.verdict is self.verdict)


def strictest(findings: Iterable[Finding]) -> Decision:
    """Join findings into a decision. Nobody having spoken is not a yes: it holds."""
    heard = tuple(findings)
    if not heard:
        heard = (Finding("no_rule", Verdict.HOLD, "No rule allowed this mail, so a person has to."),)
    verdict = max((finding.verdict for finding in heard), key=lambda verdict: verdict.strictness)
    return Decision(verdict, heard)
