"""How many requests a key and its account may make in a minute, counted in this process."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from tools.context import MINUTE, SECOND, Principal
from tools.errors import Refusal
from tools.views import time_text


@dataclass(frozen=True, slots=True)
class PerMinute:
    """Requests a minute."""

    key: int = 60_000
    account: int = 120_000
    visitor: int = 60
    """Of an address, where no key is asked for."""


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
        return self._take(
            {
                (principal.account_id, principal.name): self._per_minute.key,
                (principal.account_id, ""): self._per_minute.account,
            }
        )

    def visit(self, address: str) -> Rate:
        """The same for somebody without a key, who is known by an address."""
        return self._take({("", _network(address)): self._per_minute.visitor})

    def _take(self, limits: Mapping[tuple[str, str], int]) -> Rate:
        minute = self._clock() // MINUTE
        if minute != self._minute:
            self._minute = minute
            self._made.clear()
        self._made.update(limits.keys())
        rates = [Rate(limit, self._made[who], (minute + 1) * MINUTE) for who, limit in limits.items()]
        return min(rates, key=lambda rate: rate.limit - rate.made)

    def refusal(self, rate: Rate) -> Refusal:
        """What one too many is answered."""
        wait = max(-((self._clock() - rate.resets_at) // SECOND), 1)
        return Refusal("rate_limited", f"{rate.limit} requests a minute.", retry_after=wait, limit=rate.limit)


def telling(rate: Rate, send: Send) -> Send:
    """Sends with the rate among the headers."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(rate.headers())
        await send(message)

    return told


def _network(address: str) -> str:
    """Whom an address stands for: of IPv6 one subscriber has 64 bits to choose from (RFC 6177)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return parsed.packed[:8].hex() if isinstance(parsed, IPv6Address) else address
