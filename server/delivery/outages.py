"""Hosts that gave no session a moment ago: to ask each of them again for every waiting mail would hold up the rest."""

from collections.abc import Callable

from server.delivery.outcome import Bounced, Deferred
from server.delivery.routes import Host
from server.delivery.security import Security


class Outages:
    """The failures of the last `seconds`, by host and what a session with it must be."""

    def __init__(self, seconds: float, clock: Callable[[], int]) -> None:
        """`clock`: microseconds."""
        self._length = round(seconds * 1_000_000)
        self._clock = clock
        self._failures: dict[tuple[str, int, Security], tuple[int, Deferred]] = {}

    def of(self, host: Host) -> Deferred | None:
        """Why the host is left alone just now."""
        since, failure = self._failures.get(host.key, (0, None))
        return failure if self._clock() < since + self._length else None

    def note(self, host: Host, failure: Deferred | Bounced) -> None:
        """Remember a failure to get a session, unless the host itself spoke: what it said may be about one mail."""
        now = self._clock()
        self._failures = {key: known for key, known in self._failures.items() if now < known[0] + self._length}
        if isinstance(failure, Deferred) and failure.code == 0:
            self._failures[host.key] = now, failure
