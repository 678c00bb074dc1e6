"""A courier as the tests need it: to fixed hosts, with a clock that stands still."""

from dataclasses import dataclass, field
from typing import Any

from server.delivery.courier import Courier, Timeouts
from server.delivery.outcome import Bounced, Deferred, Outcome
from server.delivery.routes import Host
from tests.fakes.smtp_server import FakeSMTPServer

SENDER = "b+dlv_1+tag@example.com"
RECIPIENT = "bob@example.org"
RAW = b"From: ada@example.com\r\nTo: bob@example.org\r\n\r\nHello\r\n.\r\n..dots\r\n"
LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * (1 << 20) + b"\r\n"  # more than sockets buffer
PATIENT = Timeouts(connect=30, total=60, idle=10)
HASTY = Timeouts(connect=0.3, total=0.3, idle=10)
SOON = Timeouts(connect=1.5, total=1.5, idle=10)
"""As hasty as an attempt may be that has to come to the end of its mail on a busy machine too."""


@dataclass
class FixedRoute:
    """Whatever the test says."""

    answer: tuple[Host, ...] | Deferred | Bounced
    asked: list[str] = field(default_factory=list)

    async def hosts(self, domain: str) -> tuple[Host, ...] | Deferred | Bounced:
        self.asked.append(domain)
        return self.answer


class Clock:
    """Microseconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1_767_225_600_000_000

    def __call__(self) -> int:
        return self.now


def courier(*servers: FakeSMTPServer, timeouts: Timeouts = PATIENT, **options: Any) -> Courier:
    hosts = tuple(Host("localhost", server.port, ("127.0.0.1",)) for server in servers)
    settings: dict[str, Any] = {"tls": "opportunistic", "credentials": None, "clock": Clock()} | options
    return Courier(FixedRoute(hosts), "gatepost.test", timeouts=timeouts, **settings)


async def deliver(
    *servers: FakeSMTPServer, sender: str = SENDER, recipient: str = RECIPIENT, raw: bytes = RAW, **options: Any
) -> Outcome:
    """One attempt by a courier of its own."""
    deliverer = courier(*servers, **options)
    try:
        return await deliverer.deliver(sender, recipient, raw)
    finally:
        await deliverer.close()
