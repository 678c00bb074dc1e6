"""Who is connected: how many connections, new ones and refused commands one address may have."""

from collections.abc import Callable
from dataclasses import dataclass

MINUTE = 60.0
ERROR_SECONDS = 600.0
KNOWN = 10_000
"""So many networks are remembered before those that have become quiet are forgotten, once a minute."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many connections there may be, and what one address, or an IPv6 /64, may do."""

    connections: int = 2000
    per_address: int = 100
    per_minute: int | None = None
    """New connections."""
    errors: int = 200
    """Refused commands within ten minutes, after which it has to wait."""


@dataclass(slots=True)
class _Peer:
    open: int = 0
    minute: float = 0.0
    arrivals: int = 0
    since: float = 0.0
    errors: int = 0

    def is_quiet(self, now: float) -> bool:
        return not self.open and now > max(self.minute + MINUTE, self.since + ERROR_SECONDS)


class Peers:
    """The connections of one listener, by network (`tools.mail.network`). `clock` is monotonic, in seconds."""

    def __init__(self, bounds: Bounds, clock: Callable[[], float]) -> None:
        self._bounds = bounds
        self._clock = clock
        self._open = 0
        self._peers: dict[str, _Peer] = {}
        self._swept = 0.0

    def enter(self, network: str) -> bytes | None:
        """Count a connection in, whatever comes of it; the reply that ends it at once, or None if it may stay."""
        now = self._clock()
        if len(self._peers) > KNOWN and now > self._swept + MINUTE:
            self._swept = now
            self._peers = {name: peer for name, peer in self._peers.items() if not peer.is_quiet(now)}
        peer = self._peers.setdefault(network, _Peer())
        self._open += 1
        peer.open += 1
        if now > peer.minute + MINUTE:
            peer.minute, peer.arrivals = now, 0
        peer.arrivals += 1
        if self._open > self._bounds.connections:
            return b"421 4.3.2 Too many connections at the moment; come again in a minute"
        if peer.open > self._bounds.per_address:
            return b"421 4.7.0 Too many connections from your address"
        if self._bounds.per_minute is not None and peer.arrivals > self._bounds.per_minute:
            return b"421 4.7.0 Too many new connections from your address; wait a minute"
        if self._is_barred(peer, now):
            return b"421 4.7.0 Too many errors from your address; wait ten minutes"
        return None

    def leave(self, network: str) -> None:
        """Count a connection out."""
        self._open -= 1
        self._peers[network].open -= 1

    def blame(self, network: str) -> None:
        """Count a refused command."""
        now = self._clock()
        peer = self._peers[network]
        if now > peer.since + ERROR_SECONDS:
            peer.since, peer.errors = now, 0
        peer.errors += 1

    def _is_barred(self, peer: _Peer, now: float) -> bool:
        return peer.errors >= self._bounds.errors and now <= peer.since + ERROR_SECONDS
