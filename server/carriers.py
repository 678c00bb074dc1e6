"""The ways mail takes out of here, as the settings have them."""

import random
import ssl

from dns.asyncresolver import Resolver
from dns.resolver import LRUCache

from server.delivery.courier import Courier, Timeouts
from server.delivery.https import Https
from server.delivery.names import Names, is_public
from server.delivery.routes import DirectRoute, RelayRoute
from server.delivery.simulator import Simulator
from server.delivery.sts_fetch import PolicyFetcher
from server.delivery.sts_policies import PolicyFile, StsPolicies
from server.delivery.tls_report import TlsCounts
from server.delivery.worker import Carrier
from server.settings import Settings
from tools.context import Context

REPORT_SECONDS = 30.0
"""For a TLS report to be taken over HTTPS."""


def carrier_of(settings: Settings, context: Context, simulator: Simulator, counts: TlsCounts) -> Carrier:
    """For all mail; that of test keys stays with the simulator whatever the route. `counts`: for TLS reports."""
    if settings.route == "capture":
        return simulator
    if settings.route == "direct":
        return _courier(settings, context, _direct(settings, context, counts), counts)
    assert settings.relay_host is not None
    credentials = None
    if settings.relay_user is not None and settings.relay_password is not None:
        credentials = (settings.relay_user, settings.relay_password.get_secret_value())
    return Courier(
        RelayRoute(settings.relay_host, settings.relay_port),
        settings.hostname,
        timeouts=Timeouts(),
        tls=settings.relay_tls,
        credentials=credentials,
        clock=context.clock,
        counts=counts,
        # one host of our own choice takes all; 20 is also what Postfix opens to one destination
        per_host=20,
    )


def unbound_courier(settings: Settings, context: Context) -> Courier:
    """For TLS reports: they go out whatever the policy they are about, and report nothing of their own sessions (RFC
    8460 section 5.3.1)."""
    counts = TlsCounts(context.clock)
    route = DirectRoute(
        names_of(settings),
        settings.direct_port,
        random=random.SystemRandom(),
        counts=counts,
        own_name=settings.hostname,
    )
    return _courier(settings, context, route, counts)


def https_of(settings: Settings) -> Https:
    """For TLS reports, to hosts that a stranger's DNS names."""
    return Https(names_of(settings), ssl.create_default_context(), REPORT_SECONDS)


def names_of(settings: Settings, *, trusted: bool = False, kept: int = 10_000) -> Names:
    """Look-ups by the resolver of the settings, which keeps so many answers."""
    resolver = Resolver(configure=settings.resolver is None)
    resolver.cache = LRUCache(kept) if kept else None
    if settings.resolver is not None:
        host, _, port = settings.resolver.rpartition(":")
        resolver.nameservers, resolver.port = [host], int(port)
    allowed = (lambda _address: True) if settings.direct_private else is_public
    return Names(resolver, trusted=trusted, allowed=allowed)


def _direct(settings: Settings, context: Context, counts: TlsCounts) -> DirectRoute:
    names = names_of(settings, trusted=settings.resolver_trusted)
    fetcher = PolicyFetcher(names, ssl.create_default_context())
    kept = PolicyFile(settings.data / "mta-sts.json")
    return DirectRoute(
        names,
        settings.direct_port,
        random=random.SystemRandom(),
        counts=counts,
        policies=StsPolicies(names, fetcher, kept, clock=context.clock, counts=counts),
        own_name=settings.hostname,
    )


def _courier(settings: Settings, context: Context, route: DirectRoute, counts: TlsCounts) -> Courier:
    return Courier(
        route,
        settings.hostname,
        timeouts=Timeouts(),
        tls="opportunistic",
        credentials=None,
        clock=context.clock,
        counts=counts,
    )
