"""Whether the world sees the records that our domains should publish."""

import asyncio
from collections.abc import Awaitable, Callable

from dns.exception import DNSException
from dns.rdtypes.txtbase import TXTBase
from dns.resolver import NXDOMAIN

from server.delivery.names import Names, absolute
from server.doctor.finding import Finding
from server.domains import Zone
from server.zone import DnsRecord

LookUp = Callable[[str, str], Awaitable[list[str]]]
"""Name and type to the values found; none for a name that does not exist. Raises DNSException, OSError."""


async def examine_zones(zones: list[Zone], needed: bool, look_up: LookUp) -> list[Finding]:
    """A finding for each record. Those that are missing are warnings as long as no mail leaves."""
    records = [record for zone in zones for record in zone.records]
    return list(await asyncio.gather(*(_examine(record, needed, look_up) for record in records)))


def look_up_by(names: Names) -> LookUp:
    """The look-up that asks its resolver."""

    async def look_up(name: str, type_: str) -> list[str]:
        try:
            found = await names.look_up(absolute(name), type_)
        except NXDOMAIN:
            return []
        # the strings of a TXT record are joined without a space (RFC 7208 section 3.3)
        return [
            b"".join(record.strings).decode(errors="replace") if isinstance(record, TXTBase) else record.to_text()
            for record in found.records
        ]

    return look_up


async def _examine(record: DnsRecord, needed: bool, look_up: LookUp) -> Finding:
    what = f"{record.type} {record.name}"
    try:
        values = await look_up(record.name, record.type)
    except (DNSException, OSError) as error:
        return Finding("warn", f"{what}: DNS did not answer ({type(error).__name__})", "Try again, or use --offline.")
    wrong = _mx(record, values) if record.type == "MX" else _txt(record, values)
    if not wrong:
        return Finding("ok", what)
    return Finding("fail" if needed else "warn", f"{what}: {wrong}", f"Publish: {record.line()}")


def _mx(record: DnsRecord, values: list[str]) -> str:
    """What is wrong, or nothing."""
    hosts = [value.split()[-1].rstrip(".").lower() for value in values]
    ours = record.value.split()[-1].rstrip(".").lower()
    if ours in hosts:
        return ""
    return f"points to {', '.join(hosts)} and not to {ours}" if hosts else "is not there"


def _txt(record: DnsRecord, values: list[str]) -> str:
    """What is wrong, or nothing. A policy may be the site's own; a DKIM key must be ours."""
    kind = record.value.split(";")[0].split()[0]
    found = [value for value in values if value.lower().startswith(kind.lower())]
    if not found:
        return f"has no record that begins with {kind}"
    if len(found) > 1:
        return f"has {len(found)} records that begin with {kind}, and one is allowed"
    if kind == "v=DKIM1" and _key(found[0]) != _key(record.value):
        return "has another key than ours"
    return ""


def _key(text: str) -> str:
    """The p= tag of a DKIM record; white space in it means nothing (RFC 6376 section 3.6.1)."""
    tags = (tag.partition("=") for tag in text.split(";"))
    return "".join(value for name, _, value in tags if name.strip() == "p").replace(" ", "")
