"""Which of the seventeen categories a reply belongs to: one table, read from the top, the first match wins."""

import re
from dataclasses import dataclass
from typing import Literal

Step = Literal["greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content"]
"""Where in the conversation an answer came, or the line was lost; connecting is part of the greeting."""

Category = Literal[
    "NoMailbox",
    "Spam",
    "BlackListed",
    "Throttled",
    "GreyListed",
    "AccountProblem",
    "DNSProblem",
    "SPFProblem",
    "Timeout",
    "ConnectionProblem",
    "ConnectionTerminated",
    "NotDelivered",
    "NotDeliveredCancelled",
    "ManualCancel",
    "CodeError",
    "Unknown",
    "Ignore",
]

_WORD = re.compile(r"[a-z0-9]+")
_READ = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """A category with what points to it; what is left empty does not matter, what is given must all match.

    `codes`: any of "552", "5.1.1", "x.1.1" (any class), "450 4.2.1" (both), "4xx", or "lost" (no reply came).
    `phrases`: any of these begins at a word of the reply; a space at the end asks for the whole word.
    `steps`: any of the steps the reply came at.
    """

    category: Category
    codes: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    steps: frozenset[Step] = frozenset()

    def fits(self, codes: set[str], text: str, step: Step) -> bool:
        return (
            (not self.codes or not self.codes.isdisjoint(codes))
            and (not self.phrases or any(f" {phrase}" in text for phrase in self.phrases))
            and (not self.steps or step in self.steps)
        )


def _codes(*codes: str) -> frozenset[str]:
    return frozenset(codes)


_NO_SUCH_USER = (
    "user unknown",
    "unknown user",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "does not exist",
    "doesn t exist",
    "unknown recipient",
    "recipient unknown",
    "invalid recipient",
    "mailbox not found",
    "mailbox unavailable",
    "no mailbox here",
    "user not found",
    "no such address",
    "no such account",
    "no such person",
    "address not found",
    "recipient not found",
    "recipnotfound",
    "recipientnotfound",
    "couldn t be found",
    "could not be found",
    "wasn t found",
    "was not found",
    "unknown mailbox",
    "unknown local part",
    "not a valid mailbox",
    "not a valid recipient",
    "invalid mailbox",
    "user doesn t have",
    "user not exist",
    "account or domain may not exist",
    "no valid recipient",
    "invalid final delivery userid",
    "not listed in",
)
_FULL_OR_CLOSED = (
    "over quota",
    "quota exceeded",
    "mailbox full",
    "mailbox is full",
    "inbox is full",
    "disk space",
    "out of storage",
    "disk quota",
    "account disabled",
    "account is disabled",
    "account inactive",
    "account suspended",
    "not accepting",
)
_LISTED = (
    "spamhaus",
    "barracuda",
    "spamcop",
    "dnsbl",
    "rbl ",
    "blocklist",
    "block list",
    "blacklist",
    "black list",
    "listed at",
    "listed by",
    "banned sending ip",
    "poor reputation",
)
_SPAM = ("spam", "unsolicited", "junk", "content rejected", "rejected due to content", "message content", "virus")
_NO_HOST = (
    "host not found",
    "host unknown",
    "unknown host",
    "domain not found",
    "no such domain",
    "nxdomain",
    "no mx ",
    "unrouteable",
    "unroutable",
    "dns lookup failure host",
    "does not accept mail",
    "no smtp service",
    "domain is not reachable",
)
_GREY = ("greylist", "graylist", "grey list", "gray list", "try again in")
_RATE = ("rate limit", "too many", "throttl", "temporarily deferred", "unusual rate", "sending rate", "s3150", "s775")

# Receivers use 550 5.7.1 for spam, listing, SPF, policy and unknown users alike, so there the words decide.
# S3150 speaks of a block list in a permanent reply, yet belongs to the rate limits.
RULES: tuple[Rule, ...] = (
    # no reply, or one to our own doing
    Rule("Timeout", _codes("lost"), ("timed out", "timeout")),
    Rule("ConnectionTerminated", _codes("lost"), steps=frozenset({"data", "content"})),
    Rule("ConnectionProblem", _codes("lost")),
    Rule("ConnectionProblem", steps=frozenset({"starttls", "auth"})),
    # codes that say it all
    Rule("DNSProblem", _codes("556", "x.1.2", "x.4.4", "4.4.3")),
    Rule("NoMailbox", _codes("5.1.1", "5.1.6", "5.1.10")),
    Rule("Unknown", _codes("x.1.7", "x.1.8", "x.2.3", "x.3.4")),  # a bad sender; a mail too large
    Rule("SPFProblem", _codes("x.7.23", "x.7.24")),
    Rule("SPFProblem", _codes("x.7.26"), ("spf ", "sender policy framework")),
    Rule("Spam", _codes("x.7.26")),
    Rule("GreyListed", _codes("4xx"), ("greylist", "graylist", "grey list", "gray list")),
    Rule("Throttled", _codes("421 4.7.0", "x.7.28", "4.7.500", "4.7.651", "4.5.3")),
    Rule("Throttled", _codes("450 4.2.1", "450 4.2.0"), ("rate", *_RATE)),
    # Sendmail gives 5.2.1 to unknown users as well; at RCPT its words are to be believed.
    Rule("NoMailbox", _codes("550 5.2.1"), ("user unknown", "unknown user", "no such user"), frozenset({"rcpt"})),
    Rule("AccountProblem", _codes("x.2.1", "x.2.2")),
    Rule("Timeout", _codes("4.4.1", "4.4.2", "x.4.7")),
    Rule("ConnectionProblem", _codes("4.3.2")),
    Rule("Ignore", _codes("4.3.1")),
    # codes that need a word, and words
    Rule("Throttled", phrases=("s3150", "s775")),
    Rule("SPFProblem", phrases=("spf ", "sender policy framework", "not authorized to send from")),
    Rule("Unknown", phrases=("sender address rejected", "sender domain", "sender address does not exist")),
    Rule("NoMailbox", _codes("5.4.1"), ("recipient address rejected",)),
    # so Postfix says it of one address that its table refuses; of a host or a sender it says so too
    Rule("NoMailbox", _codes("5xx"), ("recipient address rejected access denied",)),
    Rule("NoMailbox", _codes("550", "551", "553", "554"), _NO_SUCH_USER, frozenset({"rcpt", "data", "content"})),
    Rule("AccountProblem", phrases=_FULL_OR_CLOSED),
    Rule("BlackListed", phrases=_LISTED),
    Rule("Throttled", _codes("4xx"), _RATE),
    Rule("Spam", _codes("5xx"), _SPAM),
    Rule("GreyListed", _codes("450", "451", "4.7.1"), _GREY),
    Rule("Throttled", phrases=_RATE),
    Rule("DNSProblem", phrases=_NO_HOST),
    Rule("Timeout", phrases=("timed out", "timeout")),
    Rule("ConnectionProblem", phrases=("connection refused", "tls ", "handshake", "closing transmission channel")),
    Rule("Ignore", phrases=("insufficient system storage", "system resources")),
    # the basic code alone
    Rule("AccountProblem", _codes("552")),
    Rule("ConnectionProblem", _codes("421")),
    Rule("Ignore", _codes("452")),
)


def classify(code: int, enhanced: str, text: str, step: Step) -> Category:
    """The category of a reply. Code 0 is no reply at all; only the first thousand characters of the text are read."""
    codes = {str(code), f"{code // 100}xx"} if code else {"lost"}
    if enhanced:
        codes |= {enhanced, f"x{enhanced[1:]}", f"{code} {enhanced}"}
    words = f" {' '.join(_WORD.findall(text[:_READ].lower()))} "
    return next((rule.category for rule in RULES if rule.fits(codes, words, step)), "Unknown")
