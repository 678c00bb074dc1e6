"""A mail server that takes everything and remembers what it took."""

import asyncio
import email
from collections.abc import Callable
from dataclasses import dataclass
from email.policy import SMTP
from types import TracebackType

from aiosmtpd.smtp import SMTP as Session
from aiosmtpd.smtp import Envelope
from aiosmtpd.smtp import Session as Peer


@dataclass(frozen=True, slots=True)
class Taken:
    """One mail for one recipient, to which the sink says 250."""

    recipient: str
    message_id: str
    life: int
    """The sender's life, as counted by the test, in which the connection was opened."""
    raw: bytes

    def text(self) -> str:
        """Its plain text."""
        body = email.message_from_bytes(self.raw, policy=SMTP).get_body(("plain",))
        return str(body.get_content()) if body is not None else ""


class _Counted(Session):
    """A session that knows in which life of the sender it began."""

    def __init__(self, sink: "Sink", loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(sink, loop=loop, hostname="mx.example.net", data_size_limit=50_000_000)
        self.life = sink.life
        self._sink = sink

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._sink.open += 1
        self.life = self._sink.life
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._sink.open -= 1


class Sink:
    """Use as a context manager; `port`, `taken` and the number of `open` connections are there then."""

    def __init__(self, heard: Callable[[Taken], None]) -> None:
        """`heard` is called with each mail just before the 250."""
        self.taken: list[Taken] = []
        self._heard = heard
        self.open = 0
        self.life = 0
        self.port = 0

    async def __aenter__(self) -> "Sink":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Counted(self, loop), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def handle_DATA(self, server: _Counted, _session: Peer, envelope: Envelope) -> str:
        """aiosmtpd's hook."""
        raw = bytes(envelope.original_content or b"")
        message_id = str(email.message_from_bytes(raw, policy=SMTP)["Message-ID"] or "").strip("<>")
        for recipient in envelope.rcpt_tos:
            taken = Taken(recipient, message_id, server.life, raw)
            self.taken.append(taken)
            self._heard(taken)
        return "250 2.0.0 taken"
