"""Mail coming in: RCPT asks whether the address is ours, DATA hands the mail to the one way in."""

import asyncio
import logging
import ssl
from typing import Any

from aiosmtpd.smtp import Envelope
from aiosmtpd.smtp import Session as Peer

from server.smtp.session import Session
from storage.errors import StorageError
from tools.context import Context
from tools.mail.address import AddressError, parse_address
from tools.receive import Arrival, expects, receive

log = logging.getLogger("gatepost.smtp")

IDLE_SECONDS = 300.0
"""RFC 5321 section 4.5.3.2.7: a server waits at least five minutes for the next command."""
CONNECTIONS = 500
LOCAL_FAULT = "451 4.3.0 Local fault, nothing was stored; try again later"
MAX_RECEIVED = 50


class Handler:
    """aiosmtpd's hooks. A local fault is always temporary, with a fixed text (DESIGN section 4.5)."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def handle_RCPT(
        self, _server: Session, _session: Peer, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        try:
            mailbox = parse_address(address).email
        except AddressError:
            return "501 5.1.3 Bad recipient address syntax"
        if not await expects(self._context, mailbox):
            return f"550 5.1.1 <{mailbox}>: no such mailbox here"
        envelope.rcpt_tos.append(mailbox)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: Session, session: Peer, envelope: Envelope) -> str:
        raw = bytes(envelope.original_content or b"")
        if hops(raw) > MAX_RECEIVED:
            return "554 5.4.6 Too many Received fields: the mail goes in a circle"
        peer: dict[str, str | bool] = {
            "ip": str(session.peer[0]) if session.peer else "",
            "helo": str(session.host_name or ""),
            "tls": session.ssl is not None,
        }
        arrival = Arrival(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw, peer)
        # shielded: a peer that hangs up after the final dot does not cancel the commit
        await asyncio.shield(receive(self._context, arrival))
        return "250 2.0.0 OK, stored"

    async def handle_exception(self, error: Exception) -> str:
        if isinstance(error, StorageError):
            log.error("storage refused: %s", type(error).__name__)
        else:
            log.exception("unexpected fault", exc_info=error)
        return LOCAL_FAULT


def hops(raw: bytes) -> int:
    """How many servers the mail passed: its Received fields (RFC 5321 section 6.3)."""
    head = raw.partition(b"\r\n\r\n")[0].lower()
    return (b"\r\n" + head).count(b"\r\nreceived:")


class Listener:
    """An SMTP server on a port, inside the running event loop."""

    def __init__(
        self, context: Context, *, hostname: str, max_message_bytes: int, tls: ssl.SSLContext | None = None
    ) -> None:
        self._handler = Handler(context)
        self._options: dict[str, Any] = {
            "hostname": hostname,
            "data_size_limit": max_message_bytes,
            "enable_SMTPUTF8": True,
            "timeout": IDLE_SECONDS,
            "tls_context": tls,
            # mail comes in here; it is not handed in
            "auth_exclude_mechanism": ("LOGIN", "PLAIN"),
        }
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which is chosen when 0 was asked for. Raises OSError."""
        # aiosmtpd logs every command at INFO, with addresses
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Session(self._handler, loop=loop, **self._options), host, port, backlog=CONNECTIONS
        )
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    async def stop(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
