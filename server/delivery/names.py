"""What delivery asks the DNS, with what it may believe of the answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import dns.flags
import dns.name
from dns.asyncresolver import Resolver
from dns.rdata import Rdata
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.resolver import NXDOMAIN

MAX_ADDRESSES = 4

# global by their number, yet ways to an inner IPv4 host: NAT64, 6to4 and its relays, and the old site-local range
_INDIRECT = tuple(map(ip_network, ("64:ff9b::/96", "2002::/16", "192.88.99.0/24", "fec0::/10")))


def is_public(address: str) -> bool:
    """Whether an address is one of the open Internet."""
    ip = ip_address(address)
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _INDIRECT)


def absolute(domain: str) -> dns.name.Name:
    """A domain as the DNS knows it, U-labels as A-labels. Raises DNSException for what cannot be a domain.

    By IDNA 2008: the older one turns straße.example into strasse.example, which is somebody else's.
    """
    return dns.name.from_text(domain, idna_codec=dns.name.IDNA_2008_UTS_46).canonicalize()


@dataclass(frozen=True, slots=True)
class Found:
    """Records of one name and type, perhaps none; and whether DNSSEC vouches for the answer."""

    records: tuple[Rdata, ...]
    secure: bool
    expires: float = 0.0
    """Until when it may be kept, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """A host's addresses in the order to try them; and whether DNSSEC vouches for them."""

    addresses: tuple[str, ...]
    secure: bool


class Names:
    """Look-ups by one resolver."""

    def __init__(
        self, resolver: Resolver, *, trusted: bool = False, allowed: Callable[[str], bool] = is_public
    ) -> None:
        """`trusted`: the resolver validates, and nobody sits between it and us. `allowed` keeps a stranger's DNS from
        pointing us at inner hosts."""
        self._resolver = resolver
        self._trusted = trusted
        self._allowed = allowed
        if trusted:
            # RFC 6840 section 5.7: with AD in the question the answer says whether it was validated
            resolver.set_flags(dns.flags.RD | dns.flags.AD)

    async def look_up(self, name: dns.name.Name, kind: str) -> Found:
        """Raises NXDOMAIN where there is no such name, another DNSException or OSError where that is not known."""
        # the name is absolute, or a search list could turn a missing domain into one of our own
        answer = await self._resolver.resolve(name, kind, raise_on_no_answer=False)
        secure = self._trusted and bool(answer.response.flags & dns.flags.AD)
        return Found(tuple(answer.rrset or ()), secure, answer.expiration)

    async def addresses(self, name: dns.name.Name) -> Addresses:
        """IPv4 first: over IPv6 many receivers ask more of a sender. Raises as `look_up`, only if there is none."""
        found = await asyncio.gather(self._of_kind(name, "A"), self._of_kind(name, "AAAA"), return_exceptions=True)
        answers = [answer for answer in found if isinstance(answer, Addresses) and answer.addresses]
        if not answers:
            for failure in found:
                if isinstance(failure, BaseException):
                    raise failure
        addresses = tuple(address for answer in answers for address in answer.addresses)
        return Addresses(addresses, bool(answers) and all(answer.secure for answer in answers))

    async def _of_kind(self, name: dns.name.Name, kind: str) -> Addresses:
        try:
            found = await self.look_up(name, kind)
        except NXDOMAIN:
            return Addresses((), secure=False)
        addresses = [record.address for record in found.records if isinstance(record, A | AAAA)]
        return Addresses(tuple(filter(self._allowed, addresses))[:MAX_ADDRESSES], found.secure)
