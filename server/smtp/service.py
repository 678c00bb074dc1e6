"""What both SMTP ports do alike: TLS, the small commands, the beginning of a mail, and faults that tell nothing."""

import ssl
from collections.abc import Callable
from typing import ClassVar

import structlog

from server.room import Room
from server.smtp.conversation import Answer, Connections, Conversation, Patience
from server.smtp.peers import Peers
from server.smtp.replies import reply_to
from storage.errors import StorageError
from tools.errors import Refusal
from tools.mail.network import network_of

Log = structlog.typing.FilteringBoundLogger

Tls = Callable[[], ssl.SSLContext] | None
"""Gives the context for a new session; None where there is no TLS."""


class Service(Conversation):
    """A conversation with an envelope; who speaks, and what becomes of a mail, is for whoever extends it."""

    log: ClassVar[Log]
    local_fault: ClassVar[bytes]
    """The reply to a fault of our own: temporary, with a fixed text (DESIGN section 4.5)."""

    def __init__(
        self,
        *,
        max_message_bytes: int,
        connections: Connections,
        room: Room,
        patience: Patience,
        peers: Peers,
        tls: Tls,
    ) -> None:
        super().__init__(max_message_bytes=max_message_bytes, connections=connections, room=room, patience=patience)
        self._peers = peers
        self._network = ""
        """Where the connection counts; empty while it does not."""
        self._tls = tls
        self._secured = False
        self._recipients: list[str] = []

    def unknown_again(self) -> None:
        """Forget who the other side said it is."""
        raise RuntimeError("not a conversation of its own")

    def who(self) -> dict[str, object]:
        """Who speaks, and of which mail, as values of a log line."""
        raise RuntimeError("not a conversation of its own")

    def refused(self, reply: bytes, *, blamed: bool) -> None:
        self.log.info("refused", reply=reply.decode(errors="replace"), **self.who())

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._network:
            self._peers.leave(self._network)
            self._network = ""

    def fault(self, error: Exception) -> bytes:
        if isinstance(error, Refusal):
            return reply_to(error)
        if isinstance(error, StorageError):
            self.log.error("storage refused", error=repr(error), **self.who())
        else:
            self.log.error("unexpected fault", exc_info=error, **self.who())
        return self.local_fault

    def _enter(self, address: str) -> bytes | None:
        """Count the connection in; the greeting that ends it at once, or None."""
        self._network = network_of(address)
        return self._peers.enter(self._network)

    @property
    def _offers_tls(self) -> bool:
        return self._tls is not None and not self._secured

    def _start_tls(self, argument: bytes) -> Answer:
        if argument:
            return b"501 5.5.4 STARTTLS takes no parameter"
        if self._tls is None or self._secured:
            return b"503 5.5.1 No TLS to start"
        return self._secure(self._tls())

    async def _secure(self, context: ssl.SSLContext) -> bytes:
        await self.encrypt(context)
        # RFC 3207 section 4.2: what was said in the clear counts for nothing
        self._secured = True
        self.unknown_again()
        self.forget()
        return b""

    def _data(self, argument: bytes) -> bytes:
        if argument:
            return b"501 5.5.4 DATA takes no parameter"
        if not self._recipients:
            return b"503 5.5.1 Say RCPT first"
        return self.expect_mail()

    def _lesser(self, verb: bytes) -> bytes:
        """The reply to a command that brings no mail forward."""
        match verb:
            case b"RSET":
                self.forget()
                return b"250 2.0.0 Forgotten"
            case b"NOOP":
                return b"250 2.0.0 OK"
            case b"VRFY":
                return b"252 2.5.0 Send some mail and see"
            case b"QUIT":
                return b"221 2.0.0 Bye"
        return b"500 5.5.1 No such command"
