"""A port where conversations are held, and its clean end."""

import asyncio
from collections.abc import Callable, Sequence

from server.smtp.conversation import Connections, Conversation

BACKLOG = 1000
STOP_SECONDS = 5.0
"""What is in flight at a stop has so long to be finished."""


class Listener:
    """A TCP port inside the running event loop; each connection is a conversation that `make` gives."""

    def __init__(self, make: Callable[[], Conversation], connections: Connections) -> None:
        self._make = make
        self._connections = connections
        self._server: asyncio.Server | None = None

    async def start(self, host: str | Sequence[str], port: int) -> int:
        """Listen on an address or several; the port, which is chosen when 0 was asked for. Raises OSError."""
        self._server = await asyncio.get_running_loop().create_server(self._make, host, port, backlog=BACKLOG)
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    async def stop(self) -> None:
        """Take no more connections, and end those there are."""
        if self._server is None:
            return
        self._server.close()
        await self._connections.end(STOP_SECONDS)
        await self._server.wait_closed()
