"""HTTP connections that are one too many: each is told so at once, whatever it asks."""

import asyncio
from typing import cast

from server.calls import RETRY_SECONDS
from server.http.crowd import Bounds, Crowd
from server.http.patience import Patient

LINGER_SECONDS = 2.0
LINGERING = 64
"""Connections at a time that were told to go and may be; the one told longest ago makes room for another."""


def admitting(bounds: Bounds) -> type[Patient]:
    """The connections of one listener, for uvicorn: as many as the bounds allow."""
    crowd = Crowd(bounds)
    leaving: dict[Farewell, None] = {}

    class Admitted(Patient):
        _address = ""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            # whoever has gone already has no name
            self._address = str((transport.get_extra_info("peername") or ("",))[0])
            wrong = crowd.enter(self._address)
            if wrong:
                Farewell(transport, leaving).say(wrong)
            else:
                super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            crowd.leave(self._address)

    return Admitted


class Farewell(asyncio.Protocol):
    """A connection that is told to go, from then on.

    What comes meanwhile is taken, and not looked at: to close on it would be a reset, which takes the answer away from
    whoever has not read it yet (RFC 9112 section 9.6).
    """

    def __init__(self, transport: asyncio.BaseTransport, leaving: "dict[Farewell, None]") -> None:
        # uvloop's are transports in all but their class
        self._transport = cast(asyncio.Transport, transport)
        self._leaving = leaving
        transport.set_protocol(self)
        self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.end)

    def say(self, why: str) -> None:
        """Whoever reads it to its end goes; who does not is soon cut off."""
        if len(self._leaving) >= LINGERING:
            next(iter(self._leaving)).end()
        self._leaving[self] = None
        self._transport.write(
            f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {RETRY_SECONDS}\r\nConnection: close\r\n"
            f"Content-Type: text/plain\r\nContent-Length: {len(why)}\r\n\r\n{why}".encode()
        )
        self._transport.write_eof()

    def end(self) -> None:
        """Cut it off, if it is still there."""
        self._timer.cancel()
        self._leaving.pop(self, None)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end()
