"""Telling waiters in this process that something was committed, without asking the database again and again."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Wakeups:
    """Topics and the events of those who listen. All methods belong to the event loop's thread."""

    def __init__(self) -> None:
        self._listening: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._gathering: list[tuple[str, dict[str, None]]] = []

    @contextmanager
    def listen(self, topic: str) -> Iterator[asyncio.Event]:
        """An event that is set by every `fire`. Listen before reading, so that no wake-up falls between."""
        event = asyncio.Event()
        self._listening[topic].add(event)
        try:
            yield event
        finally:
            self._listening[topic].discard(event)
            if not self._listening[topic]:
                del self._listening[topic]

    @contextmanager
    def gather(self, prefix: str) -> Iterator[dict[str, None]]:
        """What follows `prefix` in the topics that are fired, in their order; whoever has seen one takes it out."""
        gathering = (prefix, dict[str, None]())
        self._gathering.append(gathering)
        try:
            yield gathering[1]
        finally:
            self._gathering = [each for each in self._gathering if each is not gathering]

    def listeners(self, topic: str) -> int:
        """How many listen to `topic`."""
        return len(self._listening.get(topic, ()))

    def fire(self, topic: str) -> None:
        """Wake everybody who listens to `topic`."""
        for event in self._listening.get(topic, ()):
            event.set()
        for prefix, found in self._gathering:
            if topic.startswith(prefix):
                found[topic[len(prefix) :]] = None

    def fire_all(self) -> None:
        """Wake everybody who listens to anything."""
        for topic in tuple(self._listening):
            self.fire(topic)


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for a wake-up, at most `seconds`, and make the event ready for the next."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
