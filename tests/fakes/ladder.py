"""One domain with a mail server, its DNS and its MTA-STS policy, on loopback; and a courier that delivers to it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import dns.rcode
import trustme

from server.delivery.courier import Courier
from server.delivery.names import Names
from server.delivery.outcome import Outcome
from server.delivery.routes import DirectRoute
from server.delivery.sts_fetch import PolicyFetcher
from server.delivery.sts_policies import PolicyFile, StsPolicies
from server.delivery.tls_report import Result, TlsCounts
from tests.fakes.certificates import issue, serving_context, trusting
from tests.fakes.couriers import PATIENT, RAW, SENDER, Clock
from tests.fakes.dns_server import FakeDNSServer
from tests.fakes.policy_server import PolicyServer
from tests.fakes.smtp_server import FakeSMTPServer, Script

DOMAIN = "example.org"
MX = "mx.example.org"


@dataclass
class Site:
    """What is published. `tlsa`: records of the mail server, or the failure to answer; `secure`: DNSSEC vouches for
    all. `policy`: the web server's response. `tls`: the mail server's certificate, None for no STARTTLS."""

    tls: ssl.SSLContext | None = None
    script: Script | None = None
    tlsa: list[str] | dns.rcode.Rcode | None = field(default_factory=list)
    secure: bool = False
    policy: bytes | None = None
    trusted: bool = True


@dataclass
class Laid:
    """The site as it stands, and our way to it."""

    smtp: FakeSMTPServer
    dns: FakeDNSServer
    web: PolicyServer
    route: DirectRoute
    courier: Courier
    counts: TlsCounts

    async def deliver(self, domain: str = DOMAIN) -> Outcome:
        return await self.courier.deliver(SENDER, f"bob@{domain}", RAW)

    @property
    def counted(self) -> list[tuple[str, Result | None, int]]:
        return [(row.policy.type, row.result, number) for row, number in self.counts.rows().items()]


@asynccontextmanager
async def laid(site: Site, authority: trustme.CA, folder: Path) -> AsyncIterator[Laid]:
    """Everything up, and down again."""
    async with AsyncExitStack() as stack:
        smtp = await stack.enter_async_context(FakeSMTPServer(site.script, tls=site.tls))
        names: dict[str, dict[str, list[str]] | dns.rcode.Rcode | None] = {
            DOMAIN: {"MX": [f"10 {MX}."]},
            MX: {"A": ["127.0.0.1"]},
            f"mta-sts.{DOMAIN}": {"A": ["127.0.0.1"]},
            f"_mta-sts.{DOMAIN}": {"TXT": ['"v=STSv1; id=1;"']} if site.policy else dns.rcode.NXDOMAIN,
            f"_{smtp.port}._tcp.{MX}": {"TLSA": site.tlsa} if isinstance(site.tlsa, list) else site.tlsa,
        }
        answering = FakeDNSServer(names, secure=names if site.secure else ())
        await stack.enter_async_context(answering)
        certificate = serving_context(issue(authority, f"mta-sts.{DOMAIN}"))
        web = await stack.enter_async_context(PolicyServer(site.policy or b"", certificate))
        clock = Clock()
        counts = TlsCounts(clock)
        look_ups = Names(answering.resolver, trusted=site.trusted, allowed=lambda address: True)
        policies = StsPolicies(
            look_ups,
            PolicyFetcher(look_ups, trusting(authority), port=web.port),
            PolicyFile(folder / "mta-sts.json"),
            clock=clock,
            counts=counts,
        )
        route = DirectRoute(look_ups, smtp.port, random=Random(0), counts=counts, policies=policies)
        courier = Courier(
            route,
            "gatepost.test",
            timeouts=PATIENT,
            tls="opportunistic",
            credentials=None,
            clock=clock,
            counts=counts,
        )
        stack.push_async_callback(courier.close)
        yield Laid(smtp, answering, web, route, courier, counts)
