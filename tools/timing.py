"""When a mail shall leave, as a caller says it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from tools.context import DAY, HOUR, MINUTE, SECOND
from tools.errors import Refusal

GateTiming = Literal["gate_first", "schedule_first"]

LATEST = 365 * DAY

_WAIT = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)[ ]?([a-z]{1,7})")
_UNITS = {
    name: length
    for names, length in (
        ("s sec secs second seconds", SECOND),
        ("m min mins minute minutes", MINUTE),
        ("h hr hrs hour hours", HOUR),
        ("d day days", DAY),
        ("w week weeks", 7 * DAY),
    )
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class Timing:
    """`send_at` in microseconds since the epoch, None for at once; and whether the gate waits for that time."""

    send_at: int | None = None
    gate_timing: GateTiming = "gate_first"

    @property
    def waits_for_gate(self) -> bool:
        """Nothing is decided before the time has come."""
        return self.send_at is not None and self.gate_timing == "schedule_first"


def timing_of(send_at: str | None, gate_timing: GateTiming, now: int) -> Timing:
    """Read a time in UTC, ISO 8601 with Z. Raises Refusal invalid_time."""
    if send_at is None:
        return Timing()
    try:
        moment = datetime.fromisoformat(send_at)
    except ValueError as error:
        raise Refusal("invalid_time", f"send_at: {send_at!r} is not a time.", field="send_at") from error
    if moment.utcoffset() != timedelta():
        raise Refusal("invalid_time", "send_at: give it in UTC, ending in Z.", field="send_at")
    at = int(moment.timestamp() * 1_000_000)
    if not now < at <= now + LATEST:
        today = datetime.fromtimestamp(now // SECOND, UTC).isoformat().replace("+00:00", "Z")
        raise Refusal("invalid_time", f"send_at: it has to lie ahead, within a year; it is {today}.", field="send_at")
    return Timing(at, gate_timing)


def wait_of(text: str | None) -> int:
    """How long to wait for an answer, in microseconds, a minute at least; None is 0. Raises invalid_duration."""
    if text is None:
        return 0
    found = _WAIT.fullmatch(text.strip().lower())
    if found is None or found[2] not in _UNITS:
        raise Refusal("invalid_duration", f"expect_reply_within: {text!r} is none.", field="expect_reply_within")
    wait = int(float(found[1]) * _UNITS[found[2]])
    if wait > LATEST:
        raise Refusal("invalid_duration", "It is more than a year.", field="expect_reply_within")
    return max(wait, MINUTE)
