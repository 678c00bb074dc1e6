"""Wrong keys and links: where too many come from, no more are looked at for a while. No account is ever locked."""

from collections import OrderedDict
from dataclasses import dataclass

from tools.errors import Refusal
from tools.mail.network import network_of

FREE = 10
"""The tenth wrong one in a row of hours is the first that has to be waited for."""
LONGEST = 600
"""Seconds."""
FORGET = 3600
"""Seconds without a wrong one."""
KNOWN = 10_000
"""Networks, and keys, that are remembered; those that were not seen for the longest time go first."""
_SECOND = 1_000_000
_SHOWN = 16
"""Leading characters of a key: they tell which it is, and not what it is."""


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    last: int = 0
    until: int = 0
    """When the next one is looked at."""


class Guesses:
    """What was tried in this process, over every protocol, by network (`tools.mail.network`).

    `now` is in microseconds. A key that was right from a network is looked at always: who guesses beside it, behind the
    same address, must not lock it out.
    """

    def __init__(self) -> None:
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._right: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, now: int, address: str, key: str) -> None:
        """Raises Refusal rate_limited where a key from this address is not looked at now."""
        network = network_of(address)
        tries = self._tries.get(network)
        if tries is not None and now < tries.until and (network, key[:_SHOWN]) not in self._right:
            wait = -((now - tries.until) // _SECOND)
            raise Refusal("rate_limited", "Too many wrong ones came from your network.", retry_after=wait)

    def wrong(self, now: int, address: str) -> None:
        """Count one. From the tenth on each makes the wait twice as long."""
        network = network_of(address)
        tries = self._tries.get(network)
        if tries is None or now > tries.last + FORGET * _SECOND:
            tries = self._tries[network] = _Tries()
        self._tries.move_to_end(network)
        tries.wrong, tries.last = tries.wrong + 1, now
        if tries.wrong >= FREE:
            tries.until = now + _SECOND * min(2 ** min(tries.wrong - FREE, 16), LONGEST)
        if len(self._tries) > KNOWN:
            self._tries.popitem(last=False)

    def right(self, address: str, key: str) -> None:
        """Remember a key that was right."""
        who = network_of(address), key[:_SHOWN]
        self._right[who] = None
        self._right.move_to_end(who)
        if len(self._right) > KNOWN:
            self._right.popitem(last=False)
