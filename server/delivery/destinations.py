"""What each destination is given: so many mails at once, and a rest when it asks for one. Others never wait for it."""

from collections import Counter
from collections.abc import Callable

from server.delivery.outcome import Deferred, Outcome, Sent

MINUTE = 60_000_000
PER_DOMAIN = 20
"""Deliveries to one domain claimed together; with that many on their way no more are claimed."""
LONGEST_REST = 30 * MINUTE
_ASKS_FOR_REST = ("Throttled", "BlackListed")


class Destinations:
    """The domains a worker is delivering to, and those it leaves alone for a while."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock`: microseconds."""
        self._clock = clock
        self._running: Counter[str] = Counter()
        self._rests: dict[str, tuple[int, int]] = {}
        """When a domain's rest ends, and how long it was."""

    def closed(self) -> frozenset[str]:
        """The domains for which nothing is to be claimed now."""
        now = self._clock()
        busy = (domain for domain, count in self._running.items() if count >= PER_DOMAIN)
        return frozenset((*busy, *(domain for domain, (until, _) in self._rests.items() if now < until)))

    def begin(self, domain: str) -> None:
        self._running[domain] += 1

    def end(self, domain: str, outcome: Outcome | None) -> None:
        """An attempt is over. A domain that says "too much" rests, each time twice as long until it takes a mail."""
        self._running[domain] -= 1
        if not self._running[domain]:
            del self._running[domain]
        if isinstance(outcome, Sent):
            self._rests.pop(domain, None)
        elif isinstance(outcome, Deferred) and outcome.category in _ASKS_FOR_REST:
            self._rest(domain)

    def _rest(self, domain: str) -> None:
        now = self._clock()
        # forgotten when they are long over, or a stranger's domains would fill the table
        self._rests = {each: rest for each, rest in self._rests.items() if now < rest[0] + LONGEST_REST}
        until, length = self._rests.get(domain, (0, 0))
        if now >= until:  # the answers of mails that were on their way together count once
            length = min(max(2 * length, MINUTE), LONGEST_REST)
            self._rests[domain] = now + length, length
