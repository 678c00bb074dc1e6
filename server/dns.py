"""The DNS as authentication asks it: the Resolver of tools/mail/auth over the network."""

import asyncio
from ipaddress import ip_address

from dns.exception import DNSException
from dns.rdata import Rdata
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


class LiveResolver:
    """Asks the resolver of `names`, which keeps answers as long as they live and gives each question its time."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._slots = asyncio.Semaphore(QUERIES)

    async def txt(self, name: str) -> tuple[bytes, ...]:
        """As Resolver says."""
        return tuple(b"".join(record.strings) for record in await self._records(name, "TXT") if isinstance(record, TXT))

    async def a(self, name: str) -> tuple[str, ...]:
        """As Resolver says."""
        return tuple(record.address for record in await self._records(name, "A") if isinstance(record, A))

    async def aaaa(self, name: str) -> tuple[str, ...]:
        """As Resolver says."""
        return tuple(record.address for record in await self._records(name, "AAAA") if isinstance(record, AAAA))

    async def addresses(self, name: str) -> tuple[str, ...]:
        """As Resolver says."""
        four, six = await asyncio.gather(self.a(name), self.aaaa(name))
        return (*four, *six)

    async def mx(self, name: str) -> tuple[tuple[int, str], ...]:
        """As Resolver says."""
        records = [record for record in await self._records(name, "MX") if isinstance(record, MX)]
        return tuple(sorted((record.preference, _text(record.exchange)) for record in records))

    async def ptr(self, ip: str) -> tuple[str, ...]:
        """As Resolver says."""
        records = await self._records(ip_address(ip).reverse_pointer, "PTR")
        return tuple(_text(record.target) for record in records if isinstance(record, PTR))

    async def _records(self, name: str, kind: str) -> tuple[Rdata, ...]:
        try:
            absolute_name = absolute(name)
        except (DNSException, UnicodeError) as error:
            raise NoSuchName(name) from error
        try:
            async with self._slots:
                found = await self._names.look_up(absolute_name, kind)
        except (NXDOMAIN, YXDOMAIN) as error:
            raise NoSuchName(name) from error
        except (DNSException, OSError) as error:
            raise TemporaryFailure(f"{kind} of {name}") from error
        return found.records[:MAX_RECORDS]


def _text(name: object) -> str:
    return str(name).removesuffix(".").lower()
