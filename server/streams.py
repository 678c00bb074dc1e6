"""Following an account's events over a connection that stays: each as it happens, and an end for every connection."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from storage.wakeups import wait
from tools.context import Context, Principal
from tools.errors import Refusal
from tools.events import topic
from tools.identity import still_valid
from tools.list_events import EventPage, Feed, read_on

HEARTBEAT_SECONDS = 15.0
PER_KEY = 8
"""Connections that one key may follow events on, in this process."""
_PAGE = 100


@dataclass(slots=True)
class Streams:
    """The connections of this process that follow events."""

    heartbeat_seconds: float = HEARTBEAT_SECONDS
    per_key: int = PER_KEY
    _open: Counter[str] = field(default_factory=Counter)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _woken: set[asyncio.Event] = field(default_factory=set)

    def close(self) -> None:
        """End all of them, so that a server that stops need not wait for them."""
        self._closing.set()
        for woken in self._woken:
            woken.set()

    def admit(self, name: str) -> None:
        """Raises Refusal rate_limited where the key has as many as it may."""
        if self._open[name] >= self.per_key:
            raise Refusal("rate_limited", f"{self.per_key} streams a key.", retry_after=60, limit=self.per_key)

    async def follow(self, context: Context, feed: Feed, after: int) -> AsyncGenerator[EventPage, None]:
        """Events as they come, and an empty page when there are none for long, until the key is revoked or `close`.

        Raises Unavailable.
        """
        account_id = feed.principal.account_id
        with self._counted(feed.principal.name), context.db.wakeups.listen(topic(account_id)) as woken:
            self._woken.add(woken)
            try:
                while not self._closing.is_set() and await still_valid(context, feed.principal):
                    page = await read_on(context, feed, after, _PAGE)
                    after = page.cursor
                    yield page
                    if not page.more:
                        await wait(woken, self.heartbeat_seconds)
            finally:
                self._woken.discard(woken)

    async def rest(self, context: Context, principal: Principal, begin: asyncio.Event) -> AsyncGenerator[None, None]:
        """Nothing is looked for until `begin` is set: an item now and then, until it is, or `follow` would end.

        Raises Unavailable.
        """
        with self._counted(principal.name):
            self._woken.add(begin)
            try:
                while not begin.is_set() and await still_valid(context, principal):
                    yield
                    with suppress(TimeoutError):
                        await asyncio.wait_for(begin.wait(), self.heartbeat_seconds)
            finally:
                self._woken.discard(begin)

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        self._open[name] += 1
        try:
            yield
        finally:
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]
