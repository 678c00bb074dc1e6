"""What a stop does to work in flight: a claim is completed and handed back, an attempt ends or is broken off."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from typing import Any, TypeVar

from storage.errors import StorageError

STOP_SECONDS = 5.0
"""At a stop: how long attempts may go on, before those that have not handed their mail over are broken off."""
LAST_SECONDS = 5.0
"""And how long it may take to write what became of them."""

Result = TypeVar("Result")
Claimed = TypeVar("Claimed", bound=Iterable[Any])


class BrokenOff(Exception):
    """A stop ended the attempt, and nobody has the mail."""


async def take(claim: Coroutine[Any, Any, Claimed], hand_back: Callable[[Any], Awaitable[None]]) -> Claimed:
    """What is claimed. Cancelled meanwhile, it hands each of that back: nothing is left to a lease."""
    claiming = asyncio.create_task(claim)
    try:
        return await asyncio.shield(claiming)
    except asyncio.CancelledError:
        await asyncio.gather(claiming, return_exceptions=True)
        if not claiming.cancelled() and claiming.exception() is None:
            await asyncio.gather(*map(hand_back, claiming.result()))
        raise


class Flight:
    """The attempts under way, which a stop can break off."""

    def __init__(self) -> None:
        self._patience: set[asyncio.Timeout] = set()
        """What breaks them off."""

    async def attempt(self, attempt: Awaitable[Result]) -> Result:
        """What became of it. Raises BrokenOff where a stop ended it; an error of storage passes even then."""
        patience = asyncio.timeout(None)
        try:
            async with patience:
                self._patience.add(patience)
                return await attempt
        except Exception as error:
            if patience.expired() and not isinstance(error, StorageError):
                raise BrokenOff from error
            raise
        finally:
            self._patience.discard(patience)

    async def stop(self, running: Collection[asyncio.Task[None]]) -> None:
        """Let the tasks around attempts end, then break those off; what became of them may still be written."""
        if running:
            await asyncio.wait(running, timeout=STOP_SECONDS)
        for each in self._patience:
            each.reschedule(0)
        if running:
            await asyncio.wait(running, timeout=LAST_SECONDS)
        for task in running:
            task.cancel()
