"""The MTA-STS policies of other domains: discovered, fetched, and kept for as long as they say (RFC 8461 section 5)."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

import dns.name
import structlog
from dns.exception import DNSException
from dns.rdtypes.ANY.TXT import TXT
from pydantic import TypeAdapter

from server.delivery.mta_sts import StsPolicy, read_record
from server.delivery.names import Names
from server.delivery.security import Policy
from server.delivery.sts_fetch import FetchError
from server.delivery.tls_report import TlsCounts

MAX_DOMAINS = 1000
SECOND = 1_000_000
AGAIN = 300 * SECOND
"""How long after a fetch that failed the next one is tried (section 3.3)."""
REFRESH = 86_400 * SECOND
"""How old a policy gets before it is fetched again though its id is the same (section 10.2)."""

log = structlog.get_logger("gatepost.delivery")


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy with the id it was announced by, and when it was fetched, in microseconds."""

    id: str
    policy: StsPolicy
    fetched_at: int

    @property
    def ends_at(self) -> int:
        return self.fetched_at + self.policy.max_age * SECOND


class Fetcher(Protocol):
    """Where policies come from."""

    async def fetch(self, domain: dns.name.Name) -> StsPolicy:
        """Raises FetchError."""
        ...


class PolicyFile:
    """The policies on disk, so that a restart does not forget that a domain asked for checked TLS."""

    _all = TypeAdapter(dict[str, Kept])

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, Kept]:
        """What was saved last. A file that cannot be read is none: policies can be had again."""
        try:
            return self._all.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("cannot read the MTA-STS policies kept", file=str(self._path), error=type(error).__name__)
            return {}

    def save(self, policies: dict[str, Kept]) -> None:
        """All or nothing. Raises OSError."""
        # a name of its own: processes that share a folder would write into one another's
        fresh = self._path.with_suffix(f".{os.getpid()}.new")
        with fresh.open("wb") as file:
            file.write(self._all.dump_json(policies))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


class StsPolicies:
    """Answers for one domain after the other. Belongs to one event loop."""

    def __init__(
        self, names: Names, fetcher: Fetcher, file: PolicyFile, *, clock: Callable[[], int], counts: TlsCounts
    ) -> None:
        """`clock`: microseconds."""
        self._names = names
        self._fetcher = fetcher
        self._file = file
        self._clock = clock
        self._counts = counts
        self._kept = file.load()
        self._failed: dict[str, int] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._saving = asyncio.Lock()

    async def of(self, domain: dns.name.Name) -> StsPolicy | None:
        """The policy in force. None if there is none, or none can be had. Never raises for a domain's sake."""
        key = domain.to_text(omit_final_dot=True)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            announced = await self._announced(domain)
            now = self._clock()
            kept = self._kept.get(key)
            if kept and kept.ends_at <= now:
                kept = None
            if announced and not _is_fresh(kept, announced, now) and self._failed.get(key, 0) <= now:
                kept = await self._fetched(domain, key, announced) or kept
            # section 5.1: what is kept stays in force when the record or the policy cannot be had
            return kept.policy if kept else None

    async def _announced(self, domain: dns.name.Name) -> str | None:
        try:
            found = await self._names.look_up(dns.name.from_text("_mta-sts", origin=domain), "TXT")
        except (DNSException, OSError):
            return None
        records = [b"".join(record.strings) for record in found.records if isinstance(record, TXT)]
        return read_record(record.decode("ascii", "replace") for record in records)

    async def _fetched(self, domain: dns.name.Name, key: str, announced: str) -> Kept | None:
        try:
            policy = await self._fetcher.fetch(domain)
        except FetchError as error:
            log.warning("no MTA-STS policy to be had", domain=key, why=str(error))
            self._counts.count(Policy("sts", key), "", error.result)
            now = self._clock()
            lasting = [(name, until) for name, until in self._failed.items() if until > now]
            self._failed = dict(lasting[-MAX_DOMAINS:])
            self._failed[key] = now + AGAIN
            return None
        kept = Kept(announced, policy, self._clock())
        await self._keep(key, kept)
        return kept

    async def _keep(self, key: str, kept: Kept) -> None:
        self._kept.pop(key, None)
        self._kept[key] = kept
        now = self._clock()
        lasting = [(name, one) for name, one in self._kept.items() if one.ends_at > now]
        self._kept = dict(lasting[-MAX_DOMAINS:])
        try:
            async with self._saving:
                await asyncio.to_thread(self._file.save, dict(self._kept))
        except OSError as error:
            log.error("cannot keep the MTA-STS policies", error=str(error))


def _is_fresh(kept: Kept | None, announced: str, now: int) -> bool:
    return kept is not None and kept.id == announced and now < kept.fetched_at + REFRESH
