"""How many requests a key and its account may make in a minute, counted in this process."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tools.context import MINUTE, SECOND, Principal
from tools.errors import Refusal
from tools.views import time_text


@dataclass(frozen=True, slots=True)
class PerMinute:
    """Requests a minute."""

    key: int = 60_000
    account: int = 120_000


DEFAULT = PerMinute()


@dataclass(frozen=True, slots=True)
class Rate:
    """What a caller is told about the limit that is nearest."""

    limit: int
    made: int
    resets_at: int
    """Microseconds since the epoch."""

    @property
    def exceeded(self) -> bool:
        return self.made > self.limit

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(self.limit - self.made, 0)),
            "X-RateLimit-Reset": time_text(self.resets_at),
        }


class Rates:
    """The requests of the current minute. A new minute forgets the old one, so the memory has an end."""

    def __init__(self, per_minute: PerMinute, clock: Callable[[], int]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._minute = 0
        self._made: Counter[tuple[str, str]] = Counter()

    def take(self, principal: Principal) -> Rate:
        """Count a request and tell where the caller stands."""
        now = self._clock()
        minute = now // MINUTE
        if minute != self._minute:
            self._minute = minute
            self._made.clear()
        limits = {
            (principal.account_id, principal.name): self._per_minute.key,
            (principal.account_id, ""): self._per_minute.account,
        }
        self._made.update(limits.keys())
        rates = [Rate(limit, self._made[who], (minute + 1) * MINUTE) for who, limit in limits.items()]
        return min(rates, key=lambda rate: rate.limit - rate.made)

    def refusal(self, rate: Rate) -> Refusal:
        """What one too many is answered."""
        wait = max(-((self._clock() - rate.resets_at) // SECOND), 1)
        return Refusal("rate_limited", f"{rate.limit} requests a minute.", retry_after=wait, limit=rate.limit)
