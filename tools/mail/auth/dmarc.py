"""DMARC (RFC 9989): whether a domain that vouches for a mail is its author's, and what that one asks for if not."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tools.mail.auth.resolver import NoSuchName, Resolver, TemporaryFailure

MAX_RECORD = 8192
MAX_QUERIES = 8
"""Of one walk up the tree (section 4.10)."""

Policy = Literal["none", "quarantine", "reject"]
DmarcResult = Literal["none", "pass", "fail", "temperror", "permerror"]
Method = Literal["spf", "dkim"]

_POLICIES: dict[str, Policy] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
_MILDER: dict[Policy, Policy] = {"reject": "quarantine", "quarantine": "none", "none": "none"}
# section 4.7: the version comes first, and its value is of exactly these letters
_VERSION = re.compile(r"[ \t]*[vV][ \t]*=[ \t]*DMARC1[ \t]*\Z")
_REPORT_URI = re.compile(r"[ \t]*[A-Za-z][A-Za-z0-9+.-]*:[^\s,]")


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """What a domain publishes."""

    policy: Policy | None
    """None where the record says nothing that can be followed."""
    subdomains: Policy | None = None
    nonexistent: Policy | None = None
    strict: frozenset[Method] = frozenset()
    """Where the domains must be the same to be aligned."""
    testing: bool = False
    suffix: Literal["y", "n", "u"] = "u"
    """psd: whether it is a public suffix; if not, an organization's domain; or unknown."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """A domain that vouches for the mail, and by what."""

    method: Method
    domain: str


@dataclass(frozen=True, slots=True)
class Dmarc:
    """The result for the author's domain."""

    result: DmarcResult
    domain: str
    aligned: tuple[Method, ...] = ()
    """What vouched for the author's domain, policy or not."""
    policy: Policy = "none"
    """What the domain asks for where mail fails; `disposition` is what that means for this mail."""
    disposition: Policy = "none"
    found_at: str = ""
    """The domain whose record it is."""
    organization: str = ""
    reason: str = ""
    strict: frozenset[Method] = frozenset()
    """By which methods the very same domain alone would have vouched."""

    @property
    def is_open(self) -> bool:
        """Whether it may turn out that the author's domain asks to keep the mail apart, or to reject it."""
        return self.result == "temperror" and not (self.found_at and self.policy == "none")


def parse_dmarc(record: bytes) -> DmarcRecord | None:
    """A TXT record; None for one that is not of DMARC. What is wrong in it counts as missing (section 4.7)."""
    version, *specs = record[:MAX_RECORD].decode("latin-1").split(";")
    if not _VERSION.match(version):
        return None
    tags: dict[str, str] = {}
    for spec in specs:
        name, _, value = spec.partition("=")
        tags.setdefault(name.strip().lower(), value.strip())
    policies = {name: _POLICIES.get(tags[name].lower()) for name in ("p", "sp", "np") if name in tags}
    policy = policies.get("p")
    if policy is None or None in policies.values():
        # section 4.10.1: who asks for reports alone is known to watch
        reports = any(map(_REPORT_URI.match, tags.get("rua", "").split(",")))
        policy, policies = "none" if reports else None, {}
    suffix = tags.get("psd", "u").lower()
    return DmarcRecord(
        policy,
        policies.get("sp"),
        policies.get("np"),
        frozenset(method for method, tag in _ALIGNMENT if tags.get(tag, "r").lower() == "s"),
        testing=tags.get("t", "n").lower() == "y",
        suffix="y" if suffix == "y" else "n" if suffix == "n" else "u",
    )


_ALIGNMENT: tuple[tuple[Method, str], ...] = (("spf", "aspf"), ("dkim", "adkim"))


async def check_dmarc(
    author: str,
    vouched: Sequence[Vouched],
    resolver: Resolver,
    parse: Callable[[bytes], DmarcRecord | None] = parse_dmarc,
) -> Dmarc:
    """The result for the domain of the From address, as A-label in lower case. Never raises.

    `vouched` are the domains that SPF and DKIM found to pass. `parse` may remember what it read.
    """
    if "." not in author:
        return Dmarc("permerror", author, reason="the author has no domain")
    try:
        return await _Tree(resolver, parse).check(author, vouched)
    except TemporaryFailure:
        return Dmarc("temperror", author, reason="the record could not be looked up")


@dataclass(frozen=True, slots=True)
class _Published:
    domain: str
    record: DmarcRecord


class _Tree:
    """The records on the way from domains up to the root, each asked for once."""

    def __init__(self, resolver: Resolver, parse: Callable[[bytes], DmarcRecord | None]) -> None:
        self._resolver = resolver
        self._parse = parse
        self._known: dict[str, DmarcRecord | None] = {}

    async def check(self, author: str, vouched: Sequence[Vouched]) -> Dmarc:
        own = await self._record(author)
        exact = tuple(dict.fromkeys(each.method for each in vouched if each.domain == author))
        if own is not None and own.policy is not None and exact:
            # section 4.10.2: the same domain needs no walk
            return Dmarc("pass", author, exact, own.policy, found_at=author)
        walked = await self._walk(author)
        organization = _organization(author, walked)
        at = _applying(author, organization, walked)
        strict = at.record.strict if at else frozenset()
        aligned = await self._aligned(author, organization, vouched, strict)
        policy = await self._policy(author, at) if at else None
        if at is None or policy is None:
            return Dmarc("none", author, aligned, organization=organization, reason="no policy is published")
        if aligned:
            return Dmarc("pass", author, aligned, policy, found_at=at.domain, organization=organization)
        return Dmarc(
            "fail",
            author,
            policy=policy,
            disposition=_MILDER[policy] if at.record.testing else policy,
            found_at=at.domain,
            organization=organization,
            reason="no domain that vouches for the mail is the author's",
            strict=strict,
        )

    async def _aligned(
        self, author: str, organization: str, vouched: Sequence[Vouched], strict: frozenset[Method]
    ) -> tuple[Method, ...]:
        """The methods whose domain belongs to the author's organization (section 4.4)."""
        methods = dict.fromkeys(each.method for each in vouched if each.domain == author)
        for each in vouched:
            # an organization's domain is above its others: of those elsewhere no record is asked for
            candidate = each.method not in strict and each.method not in methods and within(each.domain, organization)
            if candidate and _organization(each.domain, await self._walk(each.domain)) == organization:
                methods[each.method] = None
        return tuple(methods)

    async def _policy(self, author: str, at: _Published) -> Policy | None:
        """Section 4.7: that for the domain itself, for those below it, or for those that do not exist."""
        record = at.record
        if at.domain == author:
            return record.policy
        below = record.subdomains or record.policy
        if record.nonexistent is None or record.nonexistent == below:
            return below
        try:
            await self._resolver.a(author)
        except NoSuchName:
            return record.nonexistent
        return below

    async def _walk(self, domain: str) -> list[_Published]:
        """The records from a domain upwards, as far as they lead (section 4.10)."""
        found: list[_Published] = []
        for name in _upwards(domain):
            record = await self._record(name)
            if record is not None:
                found.append(_Published(name, record))
                if record.suffix != "u":
                    break
        return found

    async def _record(self, domain: str) -> DmarcRecord | None:
        if domain not in self._known:
            try:
                texts = await self._resolver.txt(f"_dmarc.{domain}")
            except NoSuchName:
                texts = ()
            records = [record for record in map(self._parse, texts) if record is not None]
            # section 4.10: of several none counts
            self._known[domain] = records[0] if len(records) == 1 else None
        return self._known[domain]


def within(domain: str, above: str) -> bool:
    """Whether a domain is the other one, or below it."""
    return f".{domain}".endswith(f".{above}")


def _upwards(domain: str) -> Iterator[str]:
    """The domain, then those above it, of long ones only the last seven labels and less."""
    yield domain
    labels = domain.split(".")[1:][1 - MAX_QUERIES :]
    for start in range(len(labels)):
        yield ".".join(labels[start:])


def _organization(start: str, walked: Sequence[_Published]) -> str:
    """The organizational domain, as far as the records tell (section 4.10.2)."""
    for each in walked:
        if each.record.suffix == "n":
            return each.domain
        if each.record.suffix == "y" and each.domain != start:
            below = start.split(".")[-each.domain.count(".") - 2 :]
            return ".".join(below)
    return walked[-1].domain if walked else start


def _applying(author: str, organization: str, walked: Sequence[_Published]) -> _Published | None:
    """Whose policy it is: the author's domain's, its organization's, or that of the public suffix (section 4.10.1)."""
    by_domain = {each.domain: each for each in walked}
    suffix = next((each for each in walked if each.record.suffix == "y"), None)
    return by_domain.get(author) or by_domain.get(organization) or suffix
