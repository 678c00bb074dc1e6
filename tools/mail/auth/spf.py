"""SPF (RFC 7208): whether a host may send for the domain of the envelope's sender."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal, TypeVar

from tools.mail.address import domain_of
from tools.mail.auth.resolver import LookupFailed, NoSuchName, Resolver, TemporaryFailure
from tools.mail.auth.spfmacro import MacroText, SpfSyntaxError, read_explanation
from tools.mail.auth.spfrecord import Mechanism, SpfRecord, is_spf, parse_spf

MAX_LOOKUPS = 10
"""Terms that ask the DNS, in all records together (section 4.6.4)."""
MAX_VOID = 2
"""Look-ups that find nothing."""
MAX_HOSTS = 10
"""Names of one `mx` or `ptr`."""
MAX_EXPLANATION = 500

SpfResult = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
Scope = Literal["mfrom", "helo"]
T = TypeVar("T")
_LABEL = re.compile(r"[^.\s\x00-\x1f]{1,63}")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who brings a mail."""

    ip: str
    helo: str
    mail_from: str
    """Empty is the null sender: then the HELO name is checked (section 2.4)."""
    receiver: str = "unknown"
    """Our own name, for explanations; `time` is for them too, in seconds since the epoch."""
    time: int = 0

    @property
    def scope(self) -> Scope:
        """Which identity is checked."""
        return "mfrom" if self.mail_from else "helo"

    @property
    def identity(self) -> tuple[str, str]:
        """Local part and domain that are checked."""
        local, _, domain = self.mail_from.rpartition("@")
        if not self.mail_from:
            domain = self.helo
        return local or "postmaster", domain_of(f"@{domain.removesuffix('.')}")


@dataclass(frozen=True, slots=True)
class Spf:
    """The result, and what led to it."""

    result: SpfResult
    domain: str
    scope: Scope
    mechanism: str = ""
    """The directive that matched, as it stands in the record; empty where none did."""
    reason: str = ""
    """What is wrong, for an error or `none`."""
    explanation: str = ""
    """What the domain says to a `fail`. From a stranger, as all of a mail."""


async def check_spf(
    sender: Sender, resolver: Resolver, parse: Callable[[bytes], SpfRecord] = parse_spf, *, explain: bool = True
) -> Spf:
    """check_host() of section 4 for the envelope's sender, or for the HELO name of the null sender. Never raises.

    A sender without an address is nobody's: `none`. `parse` may remember what it read. `explain` asks for what the
    domain says to a fail, which is a question more.
    """
    _, domain = sender.identity
    scope = sender.scope
    if not _is_name(domain) or not sender.ip:
        return Spf("none", "", scope, reason="there is no domain to check, or no client")
    check = _Check(sender, resolver, parse)
    try:
        found = await check.host(domain)
    except _Ended as end:
        return Spf(end.result, domain, scope, reason=end.reason)
    explanation = await check.explanation(found) if explain and found.result == "fail" else ""
    return Spf(found.result, domain, scope, found.mechanism, found.reason, explanation)


class _Ended(Exception):
    """An error that ends the whole check."""

    def __init__(self, result: Literal["temperror", "permerror"], reason: str) -> None:
        super().__init__(reason)
        self.result: Literal["temperror", "permerror"] = result
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Found:
    result: SpfResult
    domain: str
    mechanism: str = ""
    reason: str = ""
    explanation: MacroText | None = None


class _Check:
    """One check and what it has used of its limits."""

    def __init__(self, sender: Sender, resolver: Resolver, parse: Callable[[bytes], SpfRecord]) -> None:
        self._sender = sender
        self._resolver = resolver
        self._parse = parse
        self._ip = _client(sender.ip)
        self._lookups = 0
        self._void = 0
        self._names: list[str] | None = None

    async def host(self, domain: str) -> _Found:
        """The result for a domain: the first mechanism that matches, or where it redirects. Raises _Ended."""
        record = await self._record(domain)
        if record is None:
            return _Found("none", domain, reason=f"{domain} publishes no SPF record")
        for mechanism in record.mechanisms:
            if await self._matches(mechanism, domain):
                return _Found(mechanism.result, domain, mechanism.text, explanation=record.explanation)
        if record.redirect is None:
            return _Found("neutral", domain, reason="no mechanism matches")
        self._count()
        target = await self._target(record.redirect, domain)
        found = await self.host(target) if _is_name(target) else _Found("none", target)
        if found.result == "none":
            raise _Ended("permerror", f"{domain} redirects to {target}, which has no SPF record")
        return found

    async def explanation(self, found: _Found) -> str:
        """What the domain says to a fail (section 6.2); empty if it says nothing that can be shown."""
        if found.explanation is None:
            return ""
        try:
            texts = await self._resolver.txt(await self._target(found.explanation, found.domain))
            text = read_explanation(b"".join(texts).decode("ascii")) if len(texts) == 1 else MacroText(())
            said = text.expand(await self._values(text, found.domain))[:MAX_EXPLANATION]
            return "".join(filter(str.isprintable, said))
        except (LookupFailed, SpfSyntaxError, UnicodeDecodeError, _Ended):
            return ""

    async def _record(self, domain: str) -> SpfRecord | None:
        try:
            texts = await self._resolver.txt(domain)
        except NoSuchName:
            return None
        except TemporaryFailure as error:
            raise _Ended("temperror", f"the SPF record of {domain} could not be had") from error
        records = [text for text in texts if is_spf(text)]
        if len(records) > 1:
            raise _Ended("permerror", f"{domain} publishes {len(records)} SPF records")
        try:
            return self._parse(records[0]) if records else None
        except SpfSyntaxError as error:
            raise _Ended("permerror", f"the SPF record of {domain} is wrong: {error}") from error

    async def _matches(self, mechanism: Mechanism, domain: str) -> bool:
        if mechanism.kind == "all":
            return True
        if mechanism.network is not None:
            return self._ip in mechanism.network
        self._count()
        if mechanism.domain is not None and not self._may_expand(mechanism.domain):
            return False
        target = domain if mechanism.domain is None else await self._target(mechanism.domain, domain)
        match mechanism.kind:
            case "include":
                return await self._included(target)
            case "exists":
                return bool(await self._ask(self._resolver.a(target)))
            case "ptr":
                names = await self._validated()
                return any(name == target.lower() or name.endswith(f".{target.lower()}") for name in names)
            case "a":
                return self._covers(mechanism, await self._ask(self._addresses(target)))
        return await self._mx_matches(mechanism, target)

    def _may_expand(self, text: MacroText) -> bool:
        """RFC 8616 section 4: what names a local part beyond ASCII matches nothing."""
        return self._sender.mail_from.isascii() or text.letters.isdisjoint("sl")

    async def _included(self, target: str) -> bool:
        """Section 5.2: only a pass of the other domain is a match."""
        found = await self.host(target) if _is_name(target) else _Found("none", target)
        if found.result == "none":
            raise _Ended("permerror", f"{target} is included, which has no SPF record")
        return found.result == "pass"

    async def _mx_matches(self, mechanism: Mechanism, target: str) -> bool:
        hosts = await self._ask(self._resolver.mx(target))
        if len(hosts) > MAX_HOSTS:
            raise _Ended("permerror", f"{target} has more than {MAX_HOSTS} mail servers")
        for _, host in hosts:
            if self._covers(mechanism, await self._ask(self._addresses(host))):
                return True
        return False

    async def _validated(self) -> list[str]:
        """The client's names that lead back to its address (section 5.5), looked up once."""
        if self._names is None:
            self._names = await self._look_up_names()
        return self._names

    async def _look_up_names(self) -> list[str]:
        """A look-up that fails gives no name, and is no error."""
        try:
            names = await self._resolver.ptr(str(self._ip))
        except LookupFailed:
            return []
        found = []
        for name in names[:MAX_HOSTS]:
            try:
                if any(ip_address(each) == self._ip for each in await self._addresses(name)):
                    found.append(name.removesuffix(".").lower())
            except LookupFailed:
                continue
        return found

    def _covers(self, mechanism: Mechanism, addresses: tuple[str, ...]) -> bool:
        length = mechanism.four if self._ip.version == 4 else mechanism.six
        return any(self._ip in ip_network(f"{address}/{length}", strict=False) for address in addresses)

    def _addresses(self, name: str) -> Awaitable[tuple[str, ...]]:
        return self._resolver.a(name) if self._ip.version == 4 else self._resolver.aaaa(name)

    async def _ask(self, answer: Awaitable[tuple[T, ...]]) -> tuple[T, ...]:
        try:
            found = await answer
        except NoSuchName:
            found = ()
        except TemporaryFailure as error:
            raise _Ended("temperror", f"a look-up failed: {error}") from error
        if not found:
            self._void += 1
            if self._void > MAX_VOID:
                raise _Ended("permerror", f"more than {MAX_VOID} look-ups find nothing")
        return found

    def _count(self) -> None:
        self._lookups += 1
        if self._lookups > MAX_LOOKUPS:
            raise _Ended("permerror", f"more than {MAX_LOOKUPS} terms ask the DNS")

    async def _target(self, spec: MacroText, domain: str) -> str:
        return spec.domain(await self._values(spec, domain)).removesuffix(".")

    async def _values(self, text: MacroText, domain: str) -> dict[str, str]:
        """What the macro letters of a text stand for (section 7.2)."""
        if not text.letters:
            return {}
        sender = self._sender
        local, checked = sender.identity
        packed = self._ip.exploded.replace(":", "") if self._ip.version == 6 else ""
        return {
            "s": f"{local}@{checked}",
            "l": local,
            "o": checked,
            "d": domain,
            "i": ".".join(packed.upper()) or str(self._ip),
            "p": await self._name(domain) if "p" in text.letters else "",
            "v": "ip6" if packed else "in-addr",
            "h": sender.helo,
            "c": str(self._ip),
            "r": sender.receiver,
            "t": str(sender.time),
        }

    async def _name(self, domain: str) -> str:
        """Section 7.3: the client's name that fits the domain best."""
        names = await self._validated()
        below = [name for name in names if name.endswith(f".{domain}")]
        return next(iter([name for name in names if name == domain] + below + names), "unknown")


def _client(ip: str) -> IPv4Address | IPv6Address:
    """The address; one of IPv4 also where the socket calls it one of IPv6 (section 5)."""
    address = ip_address(ip)
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _is_name(domain: str) -> bool:
    """Whether it can be a domain with records: two labels or more, none too long (section 4.3)."""
    labels = domain.removesuffix(".").split(".")
    return len(labels) > 1 and len(domain) <= 253 and all(map(_LABEL.fullmatch, labels)) and not domain.endswith("]")
