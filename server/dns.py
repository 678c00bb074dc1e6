"""The DNS as authentication asks it: the Resolver of tools/mail/auth over the network."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import dns.name
from dns.exception import DNSException
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.resolver import NXDOMAIN, YXDOMAIN

from server.delivery.names import Names, absolute
from tools.mail.auth.resolver import NoSuchName, TemporaryFailure

QUERIES = 200
"""Under way at once, for all mail that arrives."""
MAX_RECORDS = 100
"""Of one answer; no sound name has as many."""
KEPT = 10_000
"""Answers in memory, the one that was used last being kept longest."""
LARGE = 4096
"""Characters of an answer that is not kept: a stranger's zone decides how many of those there are."""
ABSENT_SECONDS = 60.0
"""So long a name is taken not to exist (RFC 2308 lets a zone say up to three hours)."""


@dataclass(frozen=True, slots=True)
class _Answer:
    values: tuple[Any, ...] | None
    """None where there is no such name."""
    expires: float


class LiveResolver:
    """Asks the resolver of `names`, which gives each question its time; answers are kept as long as they live."""

    def __init__(self, names: Names, *, now: Callable[[], float] = time.time) -> None:
        """`now` in seconds since the epoch."""
        self._names = names
        self._now = now
        self._slots = asyncio.Semaphore(QUERIES)
        self._kept: OrderedDict[tuple[str, str], _Answer] = OrderedDict()

    async def txt(self, name: str) -> tuple[bytes, ...]:
        """As Resolver says."""
        return await self._values(name, "TXT", _text_of)

    async def a(self, name: str) -> tuple[str, ...]:
        """As Resolver says."""
        return await self._values(name, "A", _address_of)

    async def aaaa(self, name: str) -> tuple[str, ...]:
        """As Resolver says."""
        return await self._values(name, "AAAA", _address_of)

    async def addresses(self, name: str) -> tuple[str, ...]:
        """As Resolver says."""
        four, six = await asyncio.gather(self.a(name), self.aaaa(name))
        return (*four, *six)

    async def mx(self, name: str) -> tuple[tuple[int, str], ...]:
        """As Resolver says."""
        return tuple(sorted(await self._values(name, "MX", _exchange_of)))

    async def ptr(self, ip: str) -> tuple[str, ...]:
        """As Resolver says."""
        return await self._values(ip_address(ip).reverse_pointer, "PTR", _target_of)

    async def _values(self, name: str, kind: str, read: Callable[[object], Any]) -> tuple[Any, ...]:
        """What `read` makes of each record; it gives None for one of another type."""
        key = name, kind
        answer = self._kept.get(key)
        if answer is None or answer.expires <= self._now():
            answer = await self._ask(name, kind, read)
            self._keep(key, answer)
        else:
            self._kept.move_to_end(key)
        if answer.values is None:
            raise NoSuchName(name)
        return answer.values

    def _keep(self, key: tuple[str, str], answer: _Answer) -> None:
        if len(str(answer.values)) <= LARGE:
            self._kept[key] = answer
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def _ask(self, name: str, kind: str, read: Callable[[object], Any]) -> _Answer:
        try:
            async with self._slots:
                found = await self._names.look_up(_absolute(name), kind)
        except (NXDOMAIN, YXDOMAIN):
            return _Answer(None, self._now() + ABSENT_SECONDS)
        except (DNSException, OSError) as error:
            raise TemporaryFailure(f"{kind} of {name}") from error
        values = (read(record) for record in found.records[:MAX_RECORDS])
        return _Answer(tuple(value for value in values if value is not None), found.expires)


def _absolute(name: str) -> dns.name.Name:
    try:
        return absolute(name)
    except (DNSException, UnicodeError) as error:
        raise NoSuchName(name) from error


def _text_of(record: object) -> bytes | None:
    return b"".join(record.strings) if isinstance(record, TXT) else None


def _address_of(record: object) -> str | None:
    return str(record.address) if isinstance(record, A | AAAA) else None


def _exchange_of(record: object) -> tuple[int, str] | None:
    return (record.preference, _plain(record.exchange)) if isinstance(record, MX) else None


def _target_of(record: object) -> str | None:
    return _plain(record.target) if isinstance(record, PTR) else None


def _plain(name: object) -> str:
    return str(name).removesuffix(".").lower()
