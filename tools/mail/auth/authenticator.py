"""Finds out who an arrived mail is from: SPF, DKIM and ARC side by side, then DMARC, in bounded time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address
from typing import TypeVar

from tools.mail.address import Address, domain_of
from tools.mail.auth.arc import Chain, validate
from tools.mail.auth.dkim import Signature, verify
from tools.mail.auth.dmarc import Dmarc, Policy, Vouched, check_dmarc, parse_dmarc, within
from tools.mail.auth.keys import Keys
from tools.mail.auth.resolver import Resolver
from tools.mail.auth.signed import SMALL, SignedMail
from tools.mail.auth.spf import Sender, Spf, check_spf
from tools.mail.auth.spfrecord import parse_spf
from tools.mail.auth.verdict import Authentication

SECONDS = 8.0
"""For SPF, DKIM and ARC together. RFC 7208 section 4.6.4 wants 20 at least for SPF alone, but here a sender waits for
the 250, and what is not known by then says so."""
DMARC_SECONDS = 4.0
"""Of its own: a forger whose SPF record takes all of the time must not keep us from asking the domain it forges."""
AUTHORS = 5
"""Domains of one From that are asked for their policy (RFC 9989 section 11.5)."""
KEPT = 1000
"""Records of each kind that are not read again."""
SHORT = 600
"""Longer records are read each time: of a stranger's, kept by their thousands, each could be of hundreds of terms."""
LATE = "the DNS took too long"

_STRICTNESS: dict[Policy, int] = {"none": 0, "quarantine": 1, "reject": 2}

T = TypeVar("T")


class Authenticator:
    """Verifies mail by one resolver, and remembers the records it has read.

    The limits of the standards add up to some 300 questions for the worst of mails; an ordinary one asks five.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        clock: Callable[[], int],
        local: bool,
        seconds: float = SECONDS,
        dmarc_seconds: float = DMARC_SECONDS,
    ) -> None:
        """`clock`: microseconds since the epoch. `local`: also what comes from this machine is verified."""
        self._resolver = resolver
        self._clock = clock
        self._local = local
        self._seconds = seconds
        self._dmarc_seconds = dmarc_seconds
        self._keys = Keys(KEPT)
        self._spf = _kept(parse_spf)
        self._dmarc = _kept(parse_dmarc)

    def concerns(self, ip: str) -> bool:
        """Whether mail from an address is verified. Empty is mail that came by another way than SMTP."""
        return self._local or not ip or not ip_address(ip).is_loopback

    async def authenticate(
        self,
        raw: bytes,
        sender: Sender,
        author: Address | None,
        *,
        ambiguous: bool,
        others: Sequence[Address] = (),
    ) -> Authentication:
        """The verdict on a mail whose From is shown as `author`, and names `others` beside. Never raises for what a
        mail or the DNS says."""
        mail = SignedMail(raw) if len(raw) <= SMALL else await asyncio.to_thread(SignedMail, raw)
        spf, dkim, arc = await self._checked(mail, sender)
        domain = domain_of(author.email) if author else ""
        domains = dict.fromkeys((domain, *(domain_of(other.email) for other in others)))
        vouched = [Vouched("spf", spf.domain)] if spf.result == "pass" else []
        # RFC 6376 section 3.6.1: a domain that is trying DKIM out is not to be held to it, nor believed for it
        vouched += [Vouched("dkim", each.domain) for each in dkim if each.vouches and not each.testing]
        judged = [self._check_dmarc(domain, vouched) for domain in (*domains,)[:AUTHORS]]
        found = await asyncio.gather(*judged) if len(judged) > 1 else [await judged[0]]
        # the same section: of several authors' policies the strictest that was failed, or the first author's
        dmarc = max((_in_doubt(each, spf, dkim) for each in found), key=lambda each: _STRICTNESS[each.disposition])
        return Authentication(spf, dkim, dmarc, arc, ambiguous)

    async def _checked(self, mail: SignedMail, sender: Sender) -> tuple[Spf, tuple[Signature, ...], Chain]:
        """What of the three is known in time."""
        sender = replace(sender, time=self._clock() // 1_000_000)
        spf = asyncio.ensure_future(check_spf(sender, self._resolver, self._spf, explain=False))
        dkim = asyncio.ensure_future(verify(mail, self._resolver, self._keys, self._clock()))
        arc = asyncio.ensure_future(validate(mail, self._resolver, self._keys))
        try:
            await asyncio.wait((spf, dkim, arc), timeout=self._seconds)
            return (
                spf.result() if spf.done() else Spf("temperror", sender.identity[1], sender.scope, reason=LATE),
                dkim.result() if dkim.done() else (Signature("temperror", LATE),),
                arc.result() if arc.done() else Chain("fail", LATE),
            )
        finally:
            for check in (spf, dkim, arc):
                check.cancel()

    async def _check_dmarc(self, author: str, vouched: Sequence[Vouched]) -> Dmarc:
        try:
            async with asyncio.timeout(self._dmarc_seconds):
                return await check_dmarc(author, vouched, self._resolver, self._dmarc)
        except TimeoutError:
            return Dmarc("temperror", author, reason=LATE)


def _kept(parse: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """The same, remembering what it made of short records."""
    kept = lru_cache(KEPT)(parse)
    return lambda record: kept(record) if len(record) <= SHORT else parse(record)


def _in_doubt(dmarc: Dmarc, spf: Spf, dkim: tuple[Signature, ...]) -> Dmarc:
    """No failure where a domain of the author's organization may yet vouch, once the DNS answers.

    Domains elsewhere make no doubt: whoever forges could have theirs never answer.
    """
    undecided = [Vouched("spf", spf.domain)] if spf.result == "temperror" else []
    undecided += [Vouched("dkim", each.domain) for each in dkim if each.result == "temperror"]
    if dmarc.result == "fail" and any(_may_vouch(each, dmarc) for each in undecided):
        return replace(dmarc, result="temperror", disposition="none", reason="SPF or DKIM could not be looked up")
    return dmarc


def _may_vouch(undecided: Vouched, dmarc: Dmarc) -> bool:
    """Whether a domain would be aligned; one that is not known may be any."""
    if undecided.method in dmarc.strict:
        return undecided.domain in ("", dmarc.domain)
    return not undecided.domain or within(undecided.domain, dmarc.organization)
