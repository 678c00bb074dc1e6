"""The domains whose mail a real server takes: zones, signed and not, MTA-STS policies, and our way to them."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
import trustme
from dns.asyncresolver import Resolver

from server.delivery.courier import Courier, Timeouts
from server.delivery.names import Names
from server.delivery.routes import DirectRoute
from server.delivery.sts_fetch import PolicyFetcher
from server.delivery.sts_policies import PolicyFile, StsPolicies
from server.delivery.tls_report import TlsCounts
from tests.conftest import Clock
from tests.e2e.dnssec import Zone, unbound
from tests.e2e.postfix import free_port
from tests.e2e.remotes import ADDRESSES, SERVERS, Remote, greylisting, write_certificates
from tests.fakes.certificates import Issued, chain, issue, self_signed, serving_context, tlsa
from tests.fakes.policy_server import PolicyServer, policy

PLAIN, SIGNED, BOGUS = "plain.example", "signed.example", "bogus.example"
KINDS = tuple(ADDRESSES)
_OTHER = "3 1 1 " + "11" * 32
"""A TLSA record that names no certificate here."""
_FORGED = "3 1 1 " + "22" * 32


@dataclass(frozen=True, slots=True)
class Site:
    """A server, and how its domains are found: a resolver that validates, and a web server with their policies."""

    remote: Remote
    port: int
    resolver_port: int
    policies_port: int

    def courier(self, clock: Clock, counts: TlsCounts, folder: Path) -> Courier:
        """A courier that trusts the resolver, and keeps policies in a folder."""
        resolver = Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], self.resolver_port
        names = Names(resolver, trusted=True, allowed=lambda _address: True)
        fetcher = PolicyFetcher(names, ssl.create_default_context(), port=self.policies_port)
        kept = PolicyFile(folder / "mta-sts.json")
        policies = StsPolicies(names, fetcher, kept, clock=clock, counts=counts)
        route = DirectRoute(names, self.port, random=Random(0), counts=counts, policies=policies)
        return Courier(
            route,
            "mail.agents.example",
            timeouts=Timeouts(connect=10, total=30),
            tls="opportunistic",
            credentials=None,
            clock=clock,
            counts=counts,
        )


@asynccontextmanager
async def standing(name: str) -> AsyncIterator[Site]:
    """One of SERVERS with everything around it. The authority that issued the good certificates is the system's."""
    authority = trustme.CA()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="gatepost-remotes-")))
        # the servers read their certificates as users of their own
        folder.chmod(0o755)
        (folder / "authorities.pem").write_bytes(authority.cert_pem.bytes())
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("SSL_CERT_FILE", str(folder / "authorities.pem"))
        issued = _issued(authority)
        write_certificates(folder, issued, authority)
        port, resolver_port = free_port(), free_port()
        await stack.enter_async_context(unbound(_zones(issued, authority, port), resolver_port, folder))
        web_certificate = issue(authority, *(f"mta-sts.sts-{kind}.{PLAIN}" for kind in (*KINDS, "other")))
        published = policy("enforce", *(f"mx-{kind}.{PLAIN}" for kind in KINDS))
        web = await stack.enter_async_context(PolicyServer(published, serving_context(web_certificate)))
        greylist_port = await stack.enter_async_context(greylisting())
        remote = await stack.enter_async_context(SERVERS[name](port, folder, greylist_port))
        yield Site(remote, port, resolver_port, web.port)


def _issued(authority: trustme.CA) -> dict[str, Issued]:
    """A certificate for each address; at the one without STARTTLS it is not shown."""
    hosts = {kind: [f"mx-{kind}.{zone}" for zone in (PLAIN, SIGNED, BOGUS)] for kind in KINDS}
    return {
        "good": issue(authority, *hosts["good"], f"mx-other.{PLAIN}", f"mx-anchored.{SIGNED}"),
        "selfsigned": self_signed(hosts["selfsigned"][0]),
        "wrongname": issue(authority, "mx.elsewhere.example"),
        "expired": issue(authority, *hosts["expired"], expired=True),
        "none": issue(authority, *hosts["none"]),
    }


def _zones(issued: dict[str, Issued], authority: trustme.CA, port: int) -> dict[str, Zone]:
    hosts = [f"mx-{kind} A {address}" for kind, address in ADDRESSES.items()]
    own = {kind: tlsa(chain(certificate)[0]) for kind, certificate in issued.items()}
    anchor = tlsa(chain(issued["good"], authority)[1], usage=2, selector=0)
    opportunistic = [f"{kind} MX 10 mx-{kind}" for kind in KINDS]
    plain = [
        *hosts,
        *opportunistic,
        "nullmx MX 0 .",
        f"mx-other A {ADDRESSES['good']}",
        *(line for kind in (*KINDS, "other") for line in _announced(kind)),
        f"_{port}._tcp.mx-selfsigned TLSA {_OTHER}",
    ]
    signed = [
        *hosts,
        *opportunistic,
        f"_{port}._tcp.mx-selfsigned TLSA {own['selfsigned']}",
        f"_{port}._tcp.mx-wrongname TLSA {_OTHER}",
        f"_{port}._tcp.mx-expired TLSA {_FORGED.replace('22', '33')}",
        f"_{port}._tcp.mx-none TLSA {own['none']}",
        *(line for name in ("anchored", "misnamed") for line in _anchored(name, anchor, port)),
    ]
    bogus = [*hosts, "bogus MX 10 mx-expired"]
    return {
        PLAIN: Zone(tuple(plain), signed=False),
        SIGNED: Zone(tuple(signed), forged={"33" * 32: "22" * 32}),
        BOGUS: Zone(tuple(bogus), forged={"mx-expired": "mx-good"}),
    }


def _anchored(name: str, anchor: str, port: int) -> tuple[str, ...]:
    """A domain whose host shows the good certificate, and vouches for its authority."""
    return (
        f"{name} MX 10 mx-{name}",
        f"mx-{name} A {ADDRESSES['good']}",
        f"_{port}._tcp.mx-{name} TLSA {anchor}",
    )


def _announced(kind: str) -> tuple[str, ...]:
    domain = f"sts-{kind}"
    return (
        f"{domain} MX 10 mx-{kind}",
        f'_mta-sts.{domain} TXT "v=STSv1; id=1;"',
        f"mta-sts.{domain} A 127.0.0.1",
    )
