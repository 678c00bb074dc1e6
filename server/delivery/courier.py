"""One attempt to deliver one mail to one recipient: route, session, transaction, outcome."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from server.delivery.connection import Connection, Letter, Stale
from server.delivery.dialer import Dialer, TlsMode, most_hopeful
from server.delivery.outages import Outages
from server.delivery.outcome import Bounced, Deferred, Outcome
from server.delivery.pool import Pool
from server.delivery.routes import Host, Route
from server.delivery.tls_report import TlsCounts

ADDRESS_LIMIT = 320


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: until a session at one address is ready; for a whole attempt; that a session is kept without work;
    and that a host is left alone which gave no session."""

    connect: float = 60.0
    total: float = 300.0
    idle: float = 10.0
    outage: float = 30.0


class Courier:
    """Delivers by one route, over sessions it keeps for a while. Belongs to one event loop."""

    def __init__(
        self,
        route: Route,
        helo_name: str,
        *,
        timeouts: Timeouts,
        tls: TlsMode,
        credentials: tuple[str, str] | None,
        clock: Callable[[], int],
        counts: TlsCounts | None = None,
        per_host: int = 5,
        total: int = 100,
    ) -> None:
        """`clock`: microseconds. `counts`: of sessions, for TLS reports. `per_host` and `total`: sessions at once."""
        self.counts = TlsCounts(clock) if counts is None else counts
        self._route = route
        self._total = timeouts.total
        self._dialer = Dialer(
            helo_name,
            tls=tls,
            credentials=credentials,
            patience=timeouts.connect,
            clock=clock,
            counts=self.counts,
        )
        self._outages = Outages(timeouts.outage, clock)
        self._pool = Pool(per_host=per_host, total=total, idle=timeouts.idle, clock=clock)

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        """Try once. `raw` has CRLF line ends and goes out as it is. Ends within the total time; never raises."""
        letter = Letter(sender, recipient, raw)
        try:
            return _flaw(letter) or await self._deliver(letter)
        except Exception:
            # whatever is wrong with us, the mail was not handed over: Connection settles what comes after the dot
            structlog.get_logger().exception("delivery attempt failed")
            return Deferred(0, "4.3.0", "internal error", "", "CodeError")

    async def close(self) -> None:
        """End the idle sessions; what is being delivered goes on."""
        self._pool.close()

    async def _deliver(self, letter: Letter) -> Outcome:
        domain = letter.recipient.rpartition("@")[2]
        deadline = asyncio.get_running_loop().time() + self._total
        hosts = await self._hosts(domain, deadline)
        if isinstance(hosts, Deferred | Bounced):
            return hosts
        failures: list[Deferred | Bounced] = []
        for host in hosts:
            try:
                async with self._pool.slot(host, deadline):
                    outcome = await self._over_kept(host, letter, deadline)
                    if outcome:
                        return outcome
                    opened = self._outages.of(host) or await self._open(host, deadline)
                    if isinstance(opened, Connection):
                        return await self._over(opened, letter, deadline)
                    failures.append(opened)
            except TimeoutError:
                return Deferred(0, "4.4.5", "timed out waiting for a free session", host.name, "Timeout")
        return most_hopeful(failures)

    async def _over_kept(self, host: Host, letter: Letter, deadline: float) -> Outcome | None:
        """None if there is no kept session, or it turned out to be closed."""
        kept = self._pool.take(host)
        try:
            return await self._over(kept, letter, deadline) if kept else None
        except Stale:
            return None

    async def _open(self, host: Host, deadline: float) -> Connection | Deferred | Bounced:
        opened = await self._dialer.open(host, deadline)
        if not isinstance(opened, Connection):
            self._outages.note(host, opened)
        return opened

    async def _over(self, connection: Connection, letter: Letter, deadline: float) -> Outcome:
        try:
            return replace(await connection.hand_over(letter, deadline), tls=connection.protection)
        finally:
            if connection.alive:
                self._pool.keep(connection)

    async def _hosts(self, domain: str, deadline: float) -> tuple[Host, ...] | Deferred | Bounced:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._route.hosts(domain)
        except TimeoutError:
            return Deferred(0, "4.4.3", "DNS look-up timed out", domain, "DNSProblem")


def _flaw(letter: Letter) -> Bounced | None:
    """Why this mail cannot be put on the wire as it is. The verbs let none of this through."""
    if not _is_address(letter.recipient):
        return Bounced(0, "5.1.3", "not an address that SMTP can carry", "", "CodeError")
    if letter.sender and not _is_address(letter.sender):
        return Bounced(0, "5.1.7", "not a sender address that SMTP can carry", "", "CodeError")
    # a bare CR or LF is how one mail becomes two at a careless receiver (SMTP smuggling)
    if not letter.raw.count(b"\r\n") == letter.raw.count(b"\r") == letter.raw.count(b"\n"):
        return Bounced(0, "5.6.0", "the mail has a bare CR or LF", "", "CodeError")
    return None


def _is_address(address: str) -> bool:
    """No control characters, no spaces, no brackets: nothing that could end the address or add a parameter."""
    local, _, domain = address.rpartition("@")
    return (
        bool(local and domain)
        and len(address) <= ADDRESS_LIMIT
        and address.isprintable()
        and not set(address) & set(" <>")
    )
