"""Who verifies arrived mail, as the settings have it."""

from collections.abc import Callable

import structlog
from dns.resolver import NoResolverConfiguration

from server.carriers import names_of
from server.dns import LiveResolver
from server.settings import Settings
from tools.mail.auth.authenticator import Authenticator

log = structlog.get_logger("gatepost")


def authenticator_of(settings: Settings, clock: Callable[[], int]) -> Authenticator | None:
    """None on a machine that has no DNS at all: its mail is kept, and nobody is verified."""
    try:
        # who asks keeps what the answers say, which is a tenth of what they are
        names = names_of(settings, kept=0)
    except NoResolverConfiguration:
        log.warning("this machine names no DNS resolver: mail that arrives is not verified. Set resolver to one")
        return None
    # a proxy or a program here brings mail of anybody; the DNS knows nothing of loopback addresses
    return Authenticator(LiveResolver(names), clock=clock, local=settings.resolver is not None)
