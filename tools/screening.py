"""Looking at arrived mail before it is stored: what steers the reader, and how much like spam it is."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from policies.attachments import program
from policies.facts import File, Inbound
from policies.phishing import is_ip
from policies.spam import Judgement, Standing, Traits, judge, judge_scanned
from storage.database import Reader
from tools.context import Context
from tools.mail.address import canonical, domain_of
from tools.mail.auth.verdict import Authentication
from tools.mail.parse import Parsed
from tools.mail.signals import STRONG, Field, Signal, find_signals
from tools.scanner import Envelope, ScannerFailed

LARGE = 32 * 1024
"""Text longer than this is looked through in a thread."""
_SHORTENERS = frozenset(
    {"bit.ly", "buff.ly", "cutt.ly", "goo.gl", "is.gd", "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly", "s.id"}
    | {"shorturl.at", "t.co", "t.ly", "tiny.cc", "tinyurl.com", "v.gd"}
)
_UNSUBSCRIBE = re.compile(rb"^list-unsubscribe[ \t]*:", re.IGNORECASE | re.MULTILINE)
_HEADER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Screened:
    """What was seen of a mail, once for all who get it."""

    signals: tuple[Signal, ...]
    traits: Traits
    scanner: str = ""
    """Who was asked for a score; empty is nobody."""
    score: float | None = None
    """The scanner's score; None is unknown."""

    def as_findings(self) -> list[dict[str, Any]]:
        return [asdict(signal) for signal in self.signals]


async def screened(
    context: Context, raw: bytes, envelope: Envelope, parsed: Parsed, authentication: Authentication | None
) -> Screened:
    """Look at a mail, and ask the scanner if there is one. Never fails: who does not answer has no score."""
    if len(parsed.text) > LARGE:
        seen = await asyncio.to_thread(examined, raw, parsed, authentication)
    else:
        seen = examined(raw, parsed, authentication)
    scanner = context.scanner
    if scanner is None or context.principal.sandbox:
        return seen
    try:
        return replace(seen, scanner=scanner.name, score=await scanner.score(raw, envelope))
    except ScannerFailed:
        return replace(seen, scanner=scanner.name)


def examined(raw: bytes, parsed: Parsed, authentication: Authentication | None = None) -> Screened:
    """What is seen in a mail by itself, whoever gets it."""
    signals = find_signals(text_fields(parsed))
    return Screened(signals, _traits(raw, parsed, authentication, signals))


def text_fields(parsed: Parsed) -> Iterator[Field]:
    """Everything in a mail that a model may get to read, by where it stands."""
    yield Field("subject", parsed.subject)
    yield Field("text", parsed.text)
    if parsed.sender is not None:
        yield Field("sender_name", parsed.sender.name)
    for each in parsed.hidden:
        yield Field("hidden", each.text, unseen=each.suspicious)
    for part in parsed.attachments:
        yield Field("attachment_name", part.name)
    for event in parsed.calendar:
        yield Field("calendar", "\n".join((event.summary, event.location, event.description)))


async def judged(reader: Reader, mailbox_id: str, thread_id: str, sender: str, seen: Screened) -> Judgement:
    """The spam score of a mail for one mailbox."""
    address, domain = canonical(sender), domain_of(sender)
    [row] = await reader.rows(
        "standing", mailbox_id=mailbox_id, thread_id=thread_id, address=address, domain=domain, at_domain=f"@{domain}"
    )
    standing = Standing(
        known=bool(row["known"]),
        domain_known=bool(row["domain_known"]),
        answers_us=bool(row["answers_us"]),
        reported=row["reported"],
        domain_reported=row["domain_reported"],
    )
    return judge_scanned(seen.score, seen.scanner, standing) if seen.scanner else judge(seen.traits, standing)


def with_spam(context: Context, facts: Inbound, judgement: Judgement) -> Inbound:
    """The facts about an arrived mail, with what is known of it as spam."""
    limits = context.site.spam
    return replace(facts, spam_score=judgement.score, flag_from=limits.flag, quarantine_from=limits.quarantine)


def spam_findings(judgement: Judgement) -> dict[str, Any]:
    """A judgement as JSON, for the message's findings."""
    reasons = [{"code": point.code, "points": point.points} for point in judgement.points]
    return {"score": judgement.score, "reasons": reasons}


def _traits(raw: bytes, parsed: Parsed, authentication: Authentication | None, signals: tuple[Signal, ...]) -> Traits:
    header = raw[:_HEADER_BYTES].partition(b"\r\n\r\n")[0]
    hosts = {link.host for link in parsed.links}
    files = (File(part.name, part.seen_type or part.content_type, b"") for part in parsed.attachments)
    return Traits(
        subject=parsed.subject,
        dated=parsed.date is not None,
        identified=bool(parsed.message_id),
        anonymous=parsed.sender is None,
        ambiguous_sender=parsed.sender is not None and parsed.sender_ambiguous,
        verified=bool(authentication and authentication.verified_domain),
        dmarc_failed=bool(authentication and authentication.dmarc.result == "fail"),
        spf_failed=bool(authentication and authentication.spf.result == "fail"),
        links=len(parsed.links),
        disguised_links=any(link.differs for link in parsed.links),
        shortened_links=not _SHORTENERS.isdisjoint(hosts),
        bare_ip_links=any(is_ip(host) for host in hosts),
        hidden_text=any(each.suspicious for each in parsed.hidden),
        steering=any(signal.weight >= STRONG for signal in signals),
        bulk=parsed.machine.kind == "list",
        # most headers do not have the word at all, which is told far sooner
        unsubscribable=b"list-unsubscribe" in header.lower() and _UNSUBSCRIBE.search(header) is not None,
        programs=any(program(file) for file in files),
    )
