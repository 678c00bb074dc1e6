"""Room for large mail, however it comes in: what may be in memory meanwhile, and what may be read at once."""

from collections import Counter

LARGE = 1024 * 1024
AT_ONCE = 2
"""Large mails that are parsed at the same time, of different tenants: each is several times its size in memory."""


class Room:
    """How many bytes of large mail all connections together may hold while it comes in; one tenant has three quarters
    of it at most."""

    def __init__(self, bytes_: int = 192 * 1024 * 1024, max_message_bytes: int = 0) -> None:
        """More than `bytes_` where the largest mail would not find a place."""
        bytes_ = max(bytes_, 2 * max_message_bytes)
        self._free = bytes_
        self._share = bytes_ * 3 // 4
        self._held: Counter[str] = Counter()

    def take(self, bytes_: int, whose: str) -> bool:
        """Whether there was so much."""
        if bytes_ > self._free or self._held[whose] + bytes_ > self._share:
            return False
        self._free -= bytes_
        self._held[whose] += bytes_
        return True

    def give_back(self, bytes_: int, whose: str) -> None:
        self._free += bytes_
        self._held[whose] -= bytes_
        if not self._held[whose]:
            del self._held[whose]
