"""Who is connected over HTTP: how many connections there may be, together and of one address."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from tools.mail.network import is_within, network_of

LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many connections there may be, and how many of one address, or IPv6 /64."""

    connections: int = 5000
    per_address: int = 500
    proxies: Sequence[IPv4Network | IPv6Network] = LOOPBACK
    """They speak for many, and are bound by `connections` alone."""


class Crowd:
    """The connections of one listener that are open."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._open = 0
        self._networks: Counter[str] = Counter()

    def enter(self, address: str) -> str:
        """Count a connection in, if it may stay; what is wrong otherwise, in words, or ''."""
        if self._open >= self._bounds.connections:
            return "Too many connections"
        network = network_of(address)
        full = self._networks[network] >= self._bounds.per_address
        if full and not is_within(address, self._bounds.proxies):
            return "Too many connections from your address"
        self._open += 1
        self._networks[network] += 1
        return ""

    def leave(self, address: str) -> None:
        """Count a connection out that may have stayed."""
        network = network_of(address)
        self._open -= 1
        self._networks[network] -= 1
        if not self._networks[network]:
            del self._networks[network]
