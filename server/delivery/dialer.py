"""Opens sessions: connect, EHLO, TLS as the ladder asks, AUTH."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from server.delivery import dane
from server.delivery.connection import Connection
from server.delivery.names import MAX_ADDRESSES
from server.delivery.outcome import Bounced, Deferred
from server.delivery.reply import lost, printable
from server.delivery.routes import Host
from server.delivery.security import BELOW, Level, voucher
from server.delivery.session import FAILURES
from server.delivery.tls_report import Result, TlsCounts, result_of

TlsMode = Literal["opportunistic", "require", "never"]
"""TLS with any certificate or else none, unless the host's own policy asks for more; TLS with a certificate for the
host's name; no TLS.

With credentials any mode is "require", except on a loopback connection.
"""

_ASKED = {"sts": "by the MTA-STS policy", "tlsa": "by the TLSA records"}


class _Insecure(Exception):
    """The session is not what it must be, though nothing broke."""

    def __init__(self, words: str, result: Result) -> None:
        super().__init__(words)
        self.result = result


class Dialer:
    """How this site introduces itself to other hosts."""

    def __init__(
        self,
        helo_name: str,
        *,
        tls: TlsMode,
        credentials: tuple[str, str] | None,
        patience: float,
        clock: Callable[[], int],
        counts: TlsCounts,
    ) -> None:
        """`patience`: the seconds an address gets until the session is ready for a mail. `clock`: microseconds."""
        self._helo_name = helo_name
        self._tls = tls
        self._credentials = credentials
        self._patience = patience
        self._clock = clock
        self._counts = counts
        self._unverified = _unverified_context()
        self._verified = ssl.create_default_context()
        self._verified.minimum_version = ssl.TLSVersion.TLSv1_2

    async def open(self, host: Host, deadline: float) -> Connection | Deferred | Bounced:
        """A session ready for a mail, or the most hopeful of the host's failures. `deadline`: the loop's time."""
        failures: list[Deferred | Bounced] = []
        for address in (host.addresses or (host.name,))[:MAX_ADDRESSES]:
            opened = await self._open(host, address, deadline, self._asked(host))
            if isinstance(opened, Connection):
                return opened
            failures.append(opened)
        return most_hopeful(failures)

    async def _open(self, host: Host, address: str, deadline: float, level: Level) -> Connection | Deferred | Bounced:
        connection = Connection(host, address, self._helo_name)
        failure = await self._prepare(connection, level, deadline)
        if failure is None:
            return connection
        if connection.step != "starttls":
            return failure
        if level not in BELOW or self._needs_a_checked_line(connection):
            return _in_whose_name(host, failure)
        # most certificates and many TLS set-ups out there are broken; clear text is what RFC 3207 falls back to
        return await self._open(host, address, deadline, BELOW[level])

    def _asked(self, host: Host) -> Level:
        if self._tls == "opportunistic":
            return host.security.level
        return "checked" if self._tls == "require" else "clear"

    def _needs_a_checked_line(self, connection: Connection) -> bool:
        return self._credentials is not None and not connection.is_local

    async def _prepare(self, connection: Connection, level: Level, deadline: float) -> Deferred | Bounced | None:
        """Why the session is not ready for a mail; it is closed then."""
        ready = False
        try:
            async with asyncio.timeout_at(min(deadline, asyncio.get_running_loop().time() + self._patience)):
                await connection.greet()
                await self._secure(connection, "checked" if self._needs_a_checked_line(connection) else level)
                if self._credentials:
                    await connection.log_in(*self._credentials)
            ready = True
            return None
        except _Insecure as error:
            connection.step = "starttls"
            self._count(connection, level, error.result)
            return lost("starttls", connection.host.name, str(error))
        except FAILURES as error:
            if connection.step == "starttls":
                self._count(connection, level, result_of(error))
            return replace(connection.failure(error), tls=connection.protection)
        finally:
            if not ready:
                connection.abort()

    async def _secure(self, connection: Connection, level: Level) -> None:
        """Raises _Insecure, or one of FAILURES, where the session is less than it must be."""
        if level == "clear":
            connection.protection = "none"
            return
        if not connection.offers("starttls"):
            if level not in BELOW:
                raise _Insecure("TLS is required here and the host does not offer it", "starttls-not-supported")
            self._count(connection, level, "starttls-not-supported")
            connection.protection = "none"
            return
        await connection.start_tls(self._verified if level in ("tested", "checked") else self._unverified)
        if level == "dane" and not self._is_named(connection):
            raise _Insecure("the certificate is not one that the TLSA records name", "validation-failure")
        self._count(connection, level, "tlsa-invalid" if level == "encrypted" else None)
        connection.protection = _described(connection, level)

    def _is_named(self, connection: Connection) -> bool:
        now = datetime.fromtimestamp(self._clock() / 1_000_000, UTC)
        return connection.tls is not None and dane.fits(dane.chain_of(connection.tls), connection.host.security, now)

    def _count(self, connection: Connection, level: Level, result: Result | None) -> None:
        # where a policy is only tested and fails, the session that follows is not a second one
        policy = connection.host.policy
        if policy and not (level == "any" and connection.host.security.level == "tested"):
            self._counts.count(policy, connection.host.name, result)


def most_hopeful(failures: list[Deferred | Bounced]) -> Deferred | Bounced:
    """The first one that may pass, else the last one."""
    return next((failure for failure in failures if isinstance(failure, Deferred)), failures[-1])


def _in_whose_name(host: Host, failure: Deferred | Bounced) -> Deferred | Bounced:
    """The failure with a word on who asked for TLS like this."""
    if host.policy is None or host.policy.type not in _ASKED:
        return failure
    words = f"TLS as asked {_ASKED[host.policy.type]} of {host.policy.domain} is not to be had: {failure.text}"
    return replace(failure, text=printable(words))


def _described(connection: Connection, level: Level) -> str:
    """As `Answer.tls` has it; empty when the line is lost already."""
    line = connection.tls
    version, cipher = (line.version(), line.cipher()) if line else (None, None)
    return f"{version} {cipher[0]} {voucher(level, connection.host.policy)}" if cipher else ""


def _unverified_context() -> ssl.SSLContext:
    """Keeps out who only listens; what the certificate says is for TLSA records to judge, or nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
