"""How many sessions run at once, and the idle ones kept for the next mail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from server.delivery.connection import Connection
from server.delivery.routes import Host

MAX_MAILS = 100
MAX_REFUSED = 5
"""Postfix waits a second before each command of a session that had ten errors, and a refused recipient makes two."""

Key = tuple[str, int]


class Pool:
    """Sessions by host name and port: at most `per_host` at once each, and `total` in all; as many may idle."""

    def __init__(self, *, per_host: int, total: int, idle: float, clock: Callable[[], int]) -> None:
        """`idle`: the seconds a session is kept without work. `clock`: microseconds."""
        self._per_host = per_host
        self._total = total
        self._idle_seconds = idle
        self._clock = clock
        self._running = asyncio.Semaphore(total)
        self._gates: WeakValueDictionary[Key, asyncio.Semaphore] = WeakValueDictionary()
        self._idle: dict[Connection, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @asynccontextmanager
    async def slot(self, host: Host, deadline: float) -> AsyncIterator[None]:
        """A right to one session with the host. Raises TimeoutError at `deadline` (the loop's time)."""
        # the host's gate first: who waits for a slow host must not keep others from theirs
        gate = self._gates.setdefault((host.name, host.port), asyncio.Semaphore(self._per_host))
        async with _acquired(gate, deadline), _acquired(self._running, deadline):
            yield

    def take(self, host: Host) -> Connection | None:
        """The session with the host that idled the shortest, if there is one."""
        self._sweep()
        for connection in reversed(self._idle):
            # secured alike, or a mail whose domain asks for more would leave by a session opened for another's
            if connection.host.key == host.key:
                del self._idle[connection]
                return connection
        return None

    def keep(self, connection: Connection) -> None:
        """Take a session back after a mail."""
        if self._closed or connection.handed_over >= MAX_MAILS or connection.refused >= MAX_REFUSED:
            connection.quit()
            return
        self._idle[connection] = self._clock()
        self._sweep()

    def close(self) -> None:
        """End the idle sessions now, and those at work when they come back."""
        self._closed = True
        for connection in self._idle:
            connection.quit()
        self._idle.clear()
        if self._timer:
            self._timer.cancel()

    def _sweep(self) -> None:
        oldest = self._clock() - round(self._idle_seconds * 1_000_000)
        for connection, since in list(self._idle.items()):
            if since <= oldest or len(self._idle) > self._total or not connection.alive:
                del self._idle[connection]
                connection.quit()
        if self._timer:
            self._timer.cancel()
        self._timer = None
        if self._idle:
            self._timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._sweep)


@asynccontextmanager
async def _acquired(semaphore: asyncio.Semaphore, deadline: float) -> AsyncIterator[None]:
    async with asyncio.timeout_at(deadline):
        await semaphore.acquire()
    try:
        yield
    finally:
        semaphore.release()
