"""The five oversight modes and what each gates, as one table (DESIGN section 7)."""

from dataclasses import dataclass
from enum import StrEnum

from policies.decision import Verdict


class Mode(StrEnum):
    """A mailbox's oversight mode, from least to most autonomy."""

    READ_ONLY = "read_only"
    GATED_ALL = "gated_all"
    GATED_SEND = "gated_send"
    MONITORED = "monitored"
    AUTONOMOUS = "autonomous"

    def gives_more_than(self, other: "Mode") -> bool:
        """Whether this mode leaves the agent more autonomy than `other`."""
        order = list(Mode)
        return order.index(self) > order.index(other)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a mode does: with inbound mail, with outbound mail, and whether the allowlist or a copy applies."""

    inbound: Verdict
    outbound: Verdict
    allowlist: bool = False
    copies_overseer: bool = False


GATES = {
    Mode.READ_ONLY: Gate(inbound=Verdict.ALLOW, outbound=Verdict.DENY),
    Mode.GATED_ALL: Gate(inbound=Verdict.HOLD, outbound=Verdict.HOLD),
    Mode.GATED_SEND: Gate(inbound=Verdict.ALLOW, outbound=Verdict.HOLD, allowlist=True),
    Mode.MONITORED: Gate(inbound=Verdict.ALLOW, outbound=Verdict.ALLOW, copies_overseer=True),
    Mode.AUTONOMOUS: Gate(inbound=Verdict.ALLOW, outbound=Verdict.ALLOW),
}
