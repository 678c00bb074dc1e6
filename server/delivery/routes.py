"""Which hosts take mail for a domain: a smart host, or the domain's own by DNS."""

import asyncio
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

import dns.name
from dns.exception import DNSException
from dns.name import BadEscape, EmptyLabel, IDNAException, LabelTooLong, NameTooLong
from dns.rdata import Rdata
from dns.rdtypes.ANY.MX import MX
from dns.resolver import NXDOMAIN

from server.delivery import dane
from server.delivery.mta_sts import StsPolicy
from server.delivery.names import Names, absolute
from server.delivery.outcome import Bounced, Deferred
from server.delivery.reply import printable
from server.delivery.security import OPPORTUNISTIC, Policy, Security
from server.delivery.sts_policies import StsPolicies
from server.delivery.tls_report import TlsCounts

MAX_HOSTS = 8
MAX_TLSA = 32


@dataclass(frozen=True, slots=True)
class Host:
    """A mail server to try. With no addresses its name is resolved when connecting.

    `security` is what a session with it must be; `policy` says whose wish that is, and is for reports alone.
    """

    name: str
    port: int
    addresses: tuple[str, ...] = ()
    security: Security = OPPORTUNISTIC
    policy: Policy | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, int, Security]:
        """What two mails must have in common to share a session."""
        return self.name, self.port, self.security


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


class DirectRoute:
    """The domain's MX hosts (RFC 5321 section 5.1, RFC 7505), each with what a session must be: DANE, else MTA-STS."""

    def __init__(
        self,
        names: Names,
        port: int = 25,
        *,
        random: Random,
        counts: TlsCounts,
        policies: StsPolicies | None = None,
        own_name: str = "",
    ) -> None:
        """`random` orders hosts of one preference. `own_name`: this server's, as an MX record would have it."""
        self._names = names
        self._port = port
        self._random = random
        self._counts = counts
        self._policies = policies
        self._own_name = own_name.lower().rstrip(".")

    async def hosts(self, domain: str) -> tuple[Host, ...] | Deferred | Bounced:
        try:
            return await self._hosts(domain, absolute(domain))
        except (NXDOMAIN, LabelTooLong, EmptyLabel, NameTooLong, BadEscape, IDNAException):
            return Bounced(0, "5.1.2", "the domain does not exist", domain, "DNSProblem")
        except (DNSException, OSError) as error:
            return Deferred(0, "4.4.3", printable(f"DNS look-up failed: {error}"), domain, "DNSProblem")

    async def _hosts(self, domain: str, name: dns.name.Name) -> tuple[Host, ...] | Deferred | Bounced:
        answer = await self._names.look_up(name, "MX")
        records = [record for record in answer.records if isinstance(record, MX)]
        exchanges = self._ordered(records) if records else [name]
        if not exchanges:
            return Bounced(0, "5.1.10", "the domain takes no mail (null MX)", domain, "DNSProblem")
        asked = (self._host(_text(name), exchange, answer.secure) for exchange in exchanges)
        found = await asyncio.gather(*asked, return_exceptions=True)
        hosts = tuple(host for host in found if isinstance(host, Host) and host.addresses)
        if hosts:
            return await self._by_mta_sts(name, hosts)
        for failure in found:
            if isinstance(failure, BaseException):
                raise failure
        return Bounced(0, "5.4.4", "the domain has no mail server with a public address", domain, "DNSProblem")

    def _ordered(self, records: list[MX]) -> list[dns.name.Name]:
        self._random.shuffle(records)
        records.sort(key=lambda record: record.preference)
        # RFC 7505 section 3: the root as a name says that no mail is taken; beside other records it names no host
        kept = [record for record in records if record.exchange != dns.name.root]
        ours = next((record for record in kept if _text(record.exchange) == self._own_name), None)
        if ours:
            # RFC 5321 section 5.1: what went to a host no better than we are would only come back. If none is better
            # we are where the mail belongs: our listener takes what it has mailboxes for, and passes nothing on.
            kept = [record for record in kept if record.preference < ours.preference] or [ours]
        return [record.exchange for record in kept][:MAX_HOSTS]

    async def _host(self, domain: str, exchange: dns.name.Name, mx_is_secure: bool) -> Host:
        """Raises DNSException or OSError where its addresses, or how it must be secured, cannot be found out."""
        found = await self._names.addresses(exchange)
        name = _text(exchange)
        host = Host(name, self._port, found.addresses, policy=Policy("no-policy-found", domain))
        # RFC 7672 section 2.2.2: where the addresses are not signed no TLSA record can be, so that none is asked for
        if not (mx_is_secure and found.secure):
            return host
        records = await self._tlsa(domain, exchange)
        if not records:
            return host
        policy = Policy("tlsa", domain, tuple(printable(record.to_text()) for record in records), (name,))
        return replace(host, security=dane.security(records, (name, domain)), policy=policy)

    async def _tlsa(self, domain: str, exchange: dns.name.Name) -> tuple[Rdata, ...]:
        try:
            found = await self._names.look_up(dns.name.from_text(f"_{self._port}._tcp", origin=exchange), "TLSA")
        except NXDOMAIN:
            return ()
        except (DNSException, OSError):
            # RFC 7672 section 2.1.2: who could suppress this answer must not gain a session without DANE by it
            self._counts.count(Policy("tlsa", domain), _text(exchange), "dnssec-invalid")
            raise
        return tuple(sorted(found.records)[:MAX_TLSA]) if found.secure else ()

    async def _by_mta_sts(self, domain: dns.name.Name, hosts: tuple[Host, ...]) -> tuple[Host, ...] | Deferred:
        # RFC 8461 section 2: it never overrides DANE, which vouches for the MX records too
        if self._policies is None or all(host.security.level == "dane" for host in hosts):
            return hosts
        found = await self._policies.of(domain)
        if found is None or found.mode == "none":
            return hosts
        policy = Policy("sts", _text(domain), found.lines(), found.mx)
        bound = [host if host.security.level == "dane" else self._bound(host, found, policy) for host in hosts]
        kept = tuple(host for host in bound if host)
        words = f"none of the domain's mail servers is listed in its MTA-STS policy: {', '.join(found.mx)}"
        return kept or Deferred(0, "4.7.5", printable(words), _text(domain), "ConnectionProblem")

    def _bound(self, host: Host, found: StsPolicy, policy: Policy) -> Host | None:
        """The host under its domain's policy, None where that forbids it."""
        listed = found.lists(host.name)
        if not listed:
            self._counts.count(policy, host.name, "validation-failure")
        if found.mode == "enforce":
            return replace(host, security=Security("checked"), policy=policy) if listed else None
        # a policy that is only tested takes nothing away from what TLSA records ask
        return replace(host, security=Security("tested"), policy=policy) if host.security == OPPORTUNISTIC else host


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
