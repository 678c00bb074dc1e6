"""What authentication asks of the DNS."""

from typing import Protocol


class LookupFailed(Exception):
    """A name gave no records; which of the two kinds it is decides a verdict."""


class NoSuchName(LookupFailed):
    """The name does not exist (NXDOMAIN)."""


class TemporaryFailure(LookupFailed):
    """Nobody knows just now: SERVFAIL, a timeout, an answer that makes no sense."""


class Resolver(Protocol):
    """Look-ups by one name, in any case and with or without the last dot; internationalised names as A-labels.

    A name that exists without records of the kind gives an empty tuple. Each raises NoSuchName or TemporaryFailure and
    nothing else, and a name that cannot be one (too long, an empty label) is NoSuchName.
    """

    async def txt(self, name: str) -> tuple[bytes, ...]:
        """TXT records, the strings of each joined without anything between (RFC 6376 section 3.6.2.2)."""

    async def a(self, name: str) -> tuple[str, ...]:
        """IPv4 addresses."""

    async def aaaa(self, name: str) -> tuple[str, ...]:
        """IPv6 addresses."""

    async def addresses(self, name: str) -> tuple[str, ...]:
        """IPv4 addresses, then IPv6 addresses."""

    async def mx(self, name: str) -> tuple[tuple[int, str], ...]:
        """Preference and host of each MX record, the most preferred first."""

    async def ptr(self, ip: str) -> tuple[str, ...]:
        """Names of an address, given as such and not as its reverse name."""
