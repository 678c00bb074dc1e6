"""A connection without a socket: what is fed to a conversation, in any pieces, and what it says."""

import asyncio
from collections.abc import Iterable
from typing import Any

SECONDS = 30.0


class Pipe(asyncio.Transport):
    """The transport of a protocol, and its client at once."""

    def __init__(self, protocol: asyncio.Protocol, address: str = "192.0.2.1") -> None:
        super().__init__()
        self._protocol = protocol
        self._address = address
        self._said = b""
        self.everything = b""
        """All that was ever said."""
        self._closing = False
        protocol.connection_made(self)

    # -- the client

    def feed(self, pieces: Iterable[bytes]) -> None:
        """Let the pieces come one by one."""
        for piece in pieces:
            if not self._closing:
                self._protocol.data_received(piece)

    async def replies(self, count: int) -> list[bytes]:
        """The next replies, of their last lines; fewer when the line is closed. Ends with TimeoutError."""
        async with asyncio.timeout(SECONDS):
            while len(found := self._whole()) < count and not self._closing:
                await asyncio.sleep(0)
        self._said = b""
        return found

    async def closed(self) -> None:
        """Wait for the end. Ends with TimeoutError."""
        async with asyncio.timeout(SECONDS):
            while not self._closing:
                await asyncio.sleep(0)

    def _whole(self) -> list[bytes]:
        return [line for line in self._said.split(b"\r\n")[:-1] if line[3:4] != b"-"]

    # -- asyncio.Transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self._address, 25_000) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._said += bytes(data)
        self.everything += bytes(data)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None:
        """Nothing comes but what is fed."""

    def resume_reading(self) -> None:
        """The same."""
