"""What the DNS says: whether it answers, who this server is by it, and what our domains publish."""

import asyncio

import dns.name
from dns.exception import DNSException, Timeout
from dns.resolver import NoResolverConfiguration

from server.carriers import names_of
from server.delivery.names import Names
from server.dns import LiveResolver
from server.doctor.finding import Finding
from server.doctor.zones import examine_zones, look_up_by
from server.domains import Zone
from server.settings import Settings
from tools.mail.auth.resolver import LookupFailed, NoSuchName
from tools.mail.auth.spf import Sender, check_spf

MX_ALONE = b"v=spf1 mx -all"


async def examine_names(settings: Settings, zones: list[Zone]) -> list[Finding]:
    """Findings by the resolver of the settings, or the system's; one alone if it is silent."""
    try:
        names = names_of(settings, trusted=settings.resolver_trusted)
    except NoResolverConfiguration:
        what = "resolver: this machine names none, so arriving mail is not verified"
        return [
            Finding("fail" if settings.route == "direct" else "warn", what, "Set resolver to one, or /etc/resolv.conf.")
        ]
    answering = await _resolver(settings, names)
    if answering.level == "fail":
        return [answering]
    asked = LiveResolver(names)
    found = await asyncio.gather(
        _identity(settings, asked, zones),
        _behind_relay(settings, asked, zones),
        examine_zones(zones, settings.route != "capture", look_up_by(names)),
    )
    return [answering, *(each for findings in found for each in findings)]


async def _resolver(settings: Settings, names: Names) -> Finding:
    where = settings.resolver or "of this machine"
    secure = False
    try:
        secure = (await names.look_up(dns.name.root, "NS")).secure
    except (Timeout, OSError):
        what = f"resolver {where}: does not answer"
        fix = "Start it, or set resolver to another; meanwhile arriving mail is not verified, and none leaves by MX."
        return Finding("fail", what, fix)
    except DNSException:
        # a refusal is an answer
        pass
    if settings.resolver_trusted and not secure:
        what = f"resolver {where}: does not validate DNSSEC, and resolver_trusted says so"
        return Finding("warn", what, "Turn validation on there, or resolver_trusted off; no DANE is followed as it is.")
    return Finding("ok", f"resolver {where}: answers")


async def _identity(settings: Settings, asked: LiveResolver, zones: list[Zone]) -> list[Finding]:
    """On the route direct, what strangers judge by: the name leads to addresses, and they back to it; SPF has them."""
    host = settings.hostname.lower().rstrip(".")
    if settings.route != "direct" or "." not in host:
        return []
    try:
        addresses = await asked.addresses(host)
    except NoSuchName:
        addresses = ()
    except LookupFailed:
        return [Finding("warn", f"A/AAAA {host}: DNS did not answer", "Try again.")]
    if not addresses:
        return [Finding("fail", f"A/AAAA {host}: is not there", "Publish this server's address under its hostname.")]
    found = [await _reverse(asked, host, address) for address in addresses]
    for zone in zones:
        for address in addresses:
            spf = await check_spf(Sender(address, host, f"postmaster@{zone.domain}"), asked, explain=False)
            if spf.result not in ("pass", "none", "temperror"):
                what = f"SPF of {zone.domain}: says {spf.result} to {address}, from which this server sends"
                found.append(Finding("fail", what, f"Let the record name it: mx, or a:{host}."))
    return found


async def _reverse(asked: LiveResolver, host: str, address: str) -> Finding:
    """Large receivers refuse who has no PTR record, or one that does not lead back."""
    try:
        names = await asked.ptr(address)
    except NoSuchName:
        names = ()
    except LookupFailed:
        return Finding("warn", f"PTR {address}: DNS did not answer", "Try again.")
    if host in names:
        return Finding("ok", f"PTR {address}")
    wrong = f"points to {', '.join(names)} and not to {host}" if names else "is not there"
    return Finding(
        "fail", f"PTR {address}: {wrong}", f"Ask whoever gave you {address} to point its PTR record to {host}."
    )


async def _behind_relay(settings: Settings, asked: LiveResolver, zones: list[Zone]) -> list[Finding]:
    """What a smart host sends comes from its addresses, which `mx` does not name."""
    found = []
    for zone in zones if settings.route == "relay" else ():
        try:
            texts = await asked.txt(zone.domain)
        except LookupFailed:
            continue
        if MX_ALONE in texts:
            what = f"SPF of {zone.domain}: names our MX alone, and mail leaves through {settings.relay_host}"
            found.append(Finding("warn", what, "Add what the smart host's operator tells you, such as include:…."))
    return found
