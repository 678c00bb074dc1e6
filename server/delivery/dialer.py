"""Opens sessions: connect, EHLO, the TLS ladder, AUTH."""

import asyncio
import ssl
from typing import Literal

from server.delivery.connection import FAILURES, Connection
from server.delivery.outcome import Bounced, Deferred
from server.delivery.reply import lost
from server.delivery.routes import MAX_ADDRESSES, Host

TlsMode = Literal["opportunistic", "require", "never"]
"""TLS with any certificate or else none; TLS with a certificate for the host's name; no TLS.

With credentials any mode is "require", except on a loopback connection.
"""


class Dialer:
    """How this site introduces itself to other hosts."""

    def __init__(self, helo_name: str, *, tls: TlsMode, credentials: tuple[str, str] | None, patience: float) -> None:
        """`patience`: the seconds an address gets until the session is ready for a mail."""
        self._helo_name = helo_name
        self._tls = tls
        self._credentials = credentials
        self._patience = patience
        self._unverified = _unverified_context()
        self._verified = ssl.create_default_context()

    async def open(self, host: Host, deadline: float) -> Connection | Deferred | Bounced:
        """A session ready for a mail, or the most hopeful of the host's failures. `deadline`: the loop's time."""
        failures: list[Deferred | Bounced] = []
        for address in (host.addresses or (host.name,))[:MAX_ADDRESSES]:
            opened = await self._open(host, address, deadline, tls=self._tls != "never")
            if isinstance(opened, Connection):
                return opened
            failures.append(opened)
        return most_hopeful(failures)

    async def _open(self, host: Host, address: str, deadline: float, *, tls: bool) -> Connection | Deferred | Bounced:
        connection = Connection(host, address, self._helo_name)
        ready = False
        try:
            async with asyncio.timeout_at(min(deadline, asyncio.get_running_loop().time() + self._patience)):
                await connection.greet()
                if not await self._secure(connection, tls):
                    return lost("starttls", host.name, "TLS is required here and the host does not offer it")
                if self._credentials:
                    await connection.log_in(*self._credentials)
            ready = True
            return connection
        except FAILURES as error:
            failure = connection.failure(error)
        finally:
            if not ready:
                connection.abort()
        if connection.step == "starttls" and not self._must_be_secure(connection):
            # most certificates and many TLS set-ups out there are broken; clear text is what RFC 3207 falls back to
            return await self._open(host, address, deadline, tls=False)
        return failure

    async def _secure(self, connection: Connection, tls: bool) -> bool:
        """False if the connection is not as secure as it must be."""
        must = self._must_be_secure(connection)
        if not (tls and connection.offers("starttls")):
            return not must
        await connection.start_tls(self._verified if must else self._unverified)
        return True

    def _must_be_secure(self, connection: Connection) -> bool:
        return self._tls == "require" or (self._credentials is not None and not connection.is_local)


def most_hopeful(failures: list[Deferred | Bounced]) -> Deferred | Bounced:
    """The first one that may pass, else the last one."""
    return next((failure for failure in failures if isinstance(failure, Deferred)), failures[-1])


def _unverified_context() -> ssl.SSLContext:
    """Keeps out who only listens. A name check would need DNSSEC or MTA-STS to be worth more than that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
