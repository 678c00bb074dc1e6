"""DKIM verification (RFC 6376 with 8301, 8463 and 8616): which domains answer for a mail.

Our own because dkimpy takes fifteen times as long and raises at what is malformed; it is the oracle in the tests.
"""

import asyncio
from dataclasses import dataclass, replace

from tools.mail.address import domain_of
from tools.mail.auth.claim import Cover, Seal, check_times, read_cover, read_seal, tag
from tools.mail.auth.keys import Key, Keys, Result, Unverified
from tools.mail.auth.resolver import Resolver
from tools.mail.auth.signed import SMALL, SignedMail
from tools.mail.auth.tags import read_tags, unsigned

MAX_SIGNATURES = 10
IDENTITY_CHARS = 320  # RFC 5321 section 4.5.3.1: local part, @ and domain

_FIELD = b"dkim-signature"


@dataclass(frozen=True, slots=True)
class Signature:
    """What became of one signature, and what it says of itself, which is to be believed of a `pass` alone."""

    result: Result
    reason: str = ""
    """In words, why it is no pass, or what is odd about one."""
    domain: str = ""
    """d= as an A-label."""
    selector: str = ""
    identity: str = ""
    """i=, or what stands for it where it is missing."""
    algorithm: str = ""
    key_bits: int = 0
    fields: tuple[str, ...] = ()
    """Names of h=, in its order, also of fields that are not there."""
    covers_whole_body: bool = False
    """False where l= leaves an end of the body that anybody may have written; such a one says nothing of the author."""
    testing: bool = False
    """The key says that the domain is trying DKIM out."""
    mark: str = ""
    """The first letters of b=, which tell it from others in Authentication-Results (RFC 6008)."""

    @property
    def vouches(self) -> bool:
        """Whether its domain answers for all of the body: what DMARC may count."""
        return self.result == "pass" and self.covers_whole_body


async def verify(mail: SignedMail, resolver: Resolver, keys: Keys, now: int) -> tuple[Signature, ...]:
    """The signatures from the top, the first ten of them; empty for a mail without. Never raises for what a mail says.

    `now` in microseconds since the epoch.
    """
    lines = mail.all(_FIELD)[:MAX_SIGNATURES]
    if len(lines) < 2:
        drafts = [await _prepare(mail, line, resolver, keys, now) for line in lines]
    else:
        drafts = await asyncio.gather(*(_prepare(mail, line, resolver, keys, now) for line in lines))

    def judge() -> tuple[Signature, ...]:
        return tuple(draft.judged(mail) if isinstance(draft, _Draft) else draft for draft in drafts)

    return judge() if mail.size <= SMALL else await asyncio.to_thread(judge)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A signature that is sound as far as can be seen without the mail, with the keys it may be of."""

    known: Signature
    line: bytes
    seal: Seal
    cover: Cover
    keys: tuple[Key, ...]

    def judged(self, mail: SignedMail) -> Signature:
        bits = self.keys[0].bits
        try:
            key = self.cover.check(mail, unsigned(self.line), self.seal, self.keys)
        except Unverified as refusal:
            return replace(self.known, result=refusal.result, reason=refusal.reason, key_bits=bits)
        whole = self.cover.covers_body(mail)
        return replace(
            self.known,
            result="pass",
            reason="" if whole else "partial: the end of the body is not signed",
            key_bits=key.bits,
            covers_whole_body=whole,
            testing=key.testing,
        )


async def _prepare(mail: SignedMail, line: bytes, resolver: Resolver, keys: Keys, now: int) -> _Draft | Signature:
    try:
        tags = read_tags(line.partition(b":")[2])
    except ValueError as error:
        return Signature("permerror", str(error))
    known = Signature("neutral", mark="".join(tags.get("b", "").split())[:12])
    try:
        seal = read_seal(tags)
        known = replace(known, domain=seal.domain, selector=seal.selector, algorithm=seal.algorithm)
        cover = read_cover(tags, "simple/simple")
        names = tuple(name.decode() for name in cover.names)
        known = replace(known, fields=names, identity=_identity(tags, seal))
        _check_sound(mail, tags, cover)
        check_times(tags, now)
        found = await keys.published(resolver, seal.selector, seal.domain, seal.kind)
        return _Draft(known, line, seal, cover, _fitting(found, known))
    except Unverified as refusal:
        return replace(known, result=refusal.result, reason=refusal.reason)


def _check_sound(mail: SignedMail, tags: dict[str, str], cover: Cover) -> None:
    if tag(tags, "v") != "1":
        raise Unverified("permerror", "it is of another version")
    if "dns/txt" not in (method.strip(" \t\r\n") for method in tags.get("q", "dns/txt").split(":")):
        raise Unverified("permerror", "its key is not in the DNS")
    if b"from" not in cover.names:
        raise Unverified("permerror", "h= does not name From")
    if mail.too_long:
        raise Unverified("neutral", "the header is too long")
    if added := mail.added(cover.names):
        raise Unverified("fail", f"a second {added} was added")


def _identity(tags: dict[str, str], seal: Seal) -> str:
    """RFC 6376 section 3.5: i= is of d= or of a domain below it."""
    identity = tags.get("i", f"@{seal.domain}")
    domain = domain_of(identity)
    if len(identity) > IDENTITY_CHARS or (domain != seal.domain and not domain.endswith(f".{seal.domain}")):
        raise Unverified("permerror", "i= is not of d=")
    return identity


def _fitting(keys: tuple[Key, ...], known: Signature) -> tuple[Key, ...]:
    fitting = tuple(key for key in keys if not key.strict or domain_of(known.identity) == known.domain)
    if not fitting:
        raise Unverified("permerror", "i= is of a domain below d=, and the key does not allow that")
    return fitting
