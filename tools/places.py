"""Places that accounts share: who asks a hundred times waits behind himself, and not in front of others."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tools.errors import Refusal

WAITING = 100
"""Of one account; one more is refused at once."""
SECONDS = 30.0
"""Whoever has waited for so long is refused too."""


class Places:
    """So many `places`, of which one account has `each` at most. Those who wait are let in account by account."""

    def __init__(self, places: int, each: int) -> None:
        self._free = places
        self._each = each
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """In the order of their turns."""

    @asynccontextmanager
    async def one(self, account_id: str) -> AsyncIterator[None]:
        """A place for the time of the block. Raises Refusal rate_limited where the account asks for too much."""
        if self._free and self._held[account_id] < self._each:
            self._let_in(account_id)
        else:
            await self._wait(account_id)
        try:
            yield
        finally:
            self._give_back(account_id)

    async def _wait(self, account_id: str) -> None:
        queue = self._waiting.setdefault(account_id, deque())
        if len(queue) >= WAITING:
            raise Refusal("rate_limited", f"{WAITING} requests of the account wait already.", retry_after=1)
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            async with asyncio.timeout(SECONDS):
                await place
        except BaseException as error:
            if not place.cancelled():
                self._give_back(account_id)
            elif place in queue:
                queue.remove(place)
            if isinstance(error, TimeoutError):
                raise Refusal("rate_limited", "The account's own requests took too long.", retry_after=1) from error
            raise

    def _let_in(self, account_id: str) -> None:
        self._free -= 1
        self._held[account_id] += 1

    def _give_back(self, account_id: str) -> None:
        self._free += 1
        self._held[account_id] -= 1
        if not self._held[account_id]:
            del self._held[account_id]
        while self._free and (next_ := self._next()):
            queue = self._waiting.pop(next_)
            place = queue.popleft()
            if not place.cancelled():
                self._let_in(next_)
                place.set_result(None)
            if queue:
                # behind the others
                self._waiting[next_] = queue

    def _next(self) -> str:
        """Whose turn it is; empty where nobody waits who may come in."""
        self._waiting = {who: queue for who, queue in self._waiting.items() if queue}
        return next((who for who in self._waiting if self._held[who] < self._each), "")
