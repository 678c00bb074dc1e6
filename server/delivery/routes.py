"""Which hosts take mail for a domain: a smart host, or the domain's own by DNS."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from random import Random
from typing import Protocol

import dns.name
from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.name import BadEscape, EmptyLabel, LabelTooLong, NameTooLong
from dns.rdata import Rdata
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.resolver import NXDOMAIN

from server.delivery.outcome import Bounced, Deferred
from server.delivery.reply import printable

MAX_HOSTS = 8
MAX_ADDRESSES = 4

# global by their number, yet ways to an inner IPv4 host: NAT64, 6to4 and its relays, and the old site-local range
_INDIRECT = tuple(map(ip_network, ("64:ff9b::/96", "2002::/16", "192.88.99.0/24", "fec0::/10")))


@dataclass(frozen=True, slots=True)
class Host:
    """A mail server to try. With no addresses its name is resolved when connecting."""

    name: str
    port: int
    addresses: tuple[str, ...] = ()


class Route(Protocol):
    """Says where a domain's mail goes."""

    async def hosts(self, domain: str) -> tuple[Host, ...] | Deferred | Bounced:
        """At least one host, in the order to try them; or why there is none. Never raises for a domain's sake."""
        ...


class RelayRoute:
    """Everything goes to one smart host."""

    def __init__(self, host: str, port: int) -> None:
        self._hosts = (Host(host, port),)

    async def hosts(self, domain: str) -> tuple[Host, ...]:
        return self._hosts


def is_public(address: str) -> bool:
    """Whether an address is one of the open Internet."""
    ip = ip_address(address)
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _INDIRECT)


class DirectRoute:
    """The domain's MX hosts (RFC 5321 section 5.1, RFC 7505)."""

    def __init__(
        self, resolver: Resolver, port: int = 25, *, random: Random, allowed: Callable[[str], bool] = is_public
    ) -> None:
        """`random` orders hosts of one preference. `allowed` keeps a stranger's DNS from pointing us at inner hosts."""
        self._resolver = resolver
        self._port = port
        self._random = random
        self._allowed = allowed

    async def hosts(self, domain: str) -> tuple[Host, ...] | Deferred | Bounced:
        try:
            return await self._hosts(domain, dns.name.from_text(domain))
        except (NXDOMAIN, LabelTooLong, EmptyLabel, NameTooLong, BadEscape):
            return Bounced(0, "5.1.2", "the domain does not exist", domain, "DNSProblem")
        except (DNSException, OSError) as error:
            return Deferred(0, "4.4.3", printable(f"DNS look-up failed: {error}"), domain, "DNSProblem")

    async def _hosts(self, domain: str, name: dns.name.Name) -> tuple[Host, ...] | Deferred | Bounced:
        records = [record for record in await self._look_up(name, "MX") if isinstance(record, MX)]
        names = self._ordered(records) if records else [name]
        if not names:
            return Bounced(0, "5.1.10", "the domain takes no mail (null MX)", domain, "DNSProblem")
        found = await asyncio.gather(*map(self._host, names), return_exceptions=True)
        hosts = tuple(host for host in found if isinstance(host, Host) and host.addresses)
        if hosts:
            return hosts
        for failure in found:
            if isinstance(failure, BaseException):
                raise failure
        return Bounced(0, "5.4.4", "the domain has no mail server with a public address", domain, "DNSProblem")

    def _ordered(self, records: list[MX]) -> list[dns.name.Name]:
        self._random.shuffle(records)
        records.sort(key=lambda record: record.preference)
        # RFC 7505 section 3: the root as a name says that no mail is taken; beside other records it names no host
        return [record.exchange for record in records if record.exchange != dns.name.root][:MAX_HOSTS]

    async def _host(self, name: dns.name.Name) -> Host:
        """Its addresses, IPv4 first: over IPv6 many receivers ask more of a sender. Raises only if there is none."""
        found = await asyncio.gather(self._addresses(name, "A"), self._addresses(name, "AAAA"), return_exceptions=True)
        addresses = [address for known in found if not isinstance(known, BaseException) for address in known]
        if not addresses:
            for failure in found:
                if isinstance(failure, BaseException):
                    raise failure
        return Host(name.to_text(omit_final_dot=True), self._port, tuple(addresses))

    async def _addresses(self, name: dns.name.Name, kind: str) -> list[str]:
        try:
            records = await self._look_up(name, kind)
        except NXDOMAIN:
            return []
        addresses = [record.address for record in records if isinstance(record, A | AAAA)]
        return [address for address in addresses if self._allowed(address)][:MAX_ADDRESSES]

    async def _look_up(self, name: dns.name.Name, kind: str) -> list[Rdata]:
        # the name is absolute, or a search list could turn a missing domain into one of our own
        answer = await self._resolver.resolve(name, kind, raise_on_no_answer=False)
        return list(answer.rrset or ())
