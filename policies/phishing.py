"""Shapes of phishing: links that show one place and go to another, bare IP addresses, requests for credentials."""

import re
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from policies.decision import Finding, Verdict
from policies.evidence import listed, quoted
from policies.facts import Link, Outbound, content_of

_SHOWN_HOST = re.compile(
    r"(?P<scheme>https?://|www\.)?(?:[^\s/@]{1,64}+@)?(?P<host>[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[^\W\d_][\w-]{1,62})"
    r"\.?(?:[:/?#]\S{0,2000}+)?",
    re.IGNORECASE,
)
_FILES = """
    csv doc docx gif go html ics jpeg jpg js json md mp3 mp4 odt pdf png ppt pptx py rs sh sql svg ts txt xls xlsx xml
    yaml yml zip
"""
_FILE_ENDINGS = frozenset(_FILES.split())
_SECRETS = (
    r"password|passwort|passcode|pin(?: code| number)?|log-?in details|credentials|security code|"
    r"(?:credit |debit )?card (?:number|details)|cvv|cvc|social security number|ssn|one-time code|"
    r"bank(?:ing)? (?:details|login|password)|online banking"
)
# Two halves, because a search that begins with a fixed word is many times faster than one that begins with a choice.
_YOURS = re.compile(rf"your (?:\w{{1,20}} ){{0,2}}(?:({_SECRETS})|account|identity|mailbox)\b")
_ASKS = re.compile(r"\b(?:enter|provide|send|submit|give|type|share|tell|confirm|verify|validate|update) (?:us |me )?$")
_UNLOCKS = re.compile(r"\b(?:verify|validate|re-?activate|unlock|re-?confirm) $")
_BEFORE = 24


def disguised_link(facts: Outbound) -> Finding | None:
    """A link whose text is one address and whose target another waits for a person."""
    if facts.approver is not None:
        return None
    found = [told for link in content_of(facts).links if (told := _disguise(link))]
    return Finding("disguised_link", Verdict.HOLD, f"{listed(found)}.") if found else None


def raw_ip_link(facts: Outbound) -> Finding | None:
    """A link to a bare IP address waits for a person: honest mail names its host."""
    if facts.approver is not None:
        return None
    hosts = [host for link in content_of(facts).links if is_ip(host := host_of(link.target))]
    if not hosts:
        return None
    return Finding("raw_ip_link", Verdict.HOLD, f"A link goes to a bare IP address: {listed(hosts)}.")


def credential_request(facts: Outbound) -> Finding | None:
    """Asking for credentials beside a link waits for a person: it is what phishing looks like."""
    if facts.approver is not None:
        return None
    content = content_of(facts)
    hosts = [host for link in content.links if (host := host_of(link.target))]
    if not hosts:
        return None
    asked = asked_for(" ".join(f"{content.subject} {content.text}".lower().split()))
    if not asked:
        return None
    reason = f"The mail asks for credentials (“{quoted(asked)}”) and has a link to {listed(hosts)}."
    return Finding("credential_request", Verdict.HOLD, reason)


def asked_for(words: str) -> str:
    """The first request for credentials in a text of lower-case words with single spaces; '' when there is none."""
    for match in _YOURS.finditer(words):
        asking = _ASKS if match[1] else _UNLOCKS
        request = asking.search(words, max(0, match.start() - _BEFORE), match.start())
        if request:
            return words[request.start() : match.end()]
    return ""


def host_of(target: str) -> str:
    """The host a web link goes to, in lower case; '' for what is no web link."""
    try:
        parts = urlsplit(target)
        return (parts.hostname or "").rstrip(".") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""


def is_ip(host: str) -> bool:
    """Whether a host is an IP address, in any of the notations that browsers take."""
    if re.fullmatch(r"(?:0x[0-9a-f]{1,16}|\d{1,20})(?:\.(?:0x[0-9a-f]{1,16}|\d{1,20})){0,3}", host):
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _disguise(link: Link) -> str:
    """How the link misleads, in words; '' when it does not."""
    if link.target.lower().startswith("mailto:"):
        return _disguised_address(link)
    host = host_of(link.target)
    if not host:
        return ""
    if "@" in urlsplit(link.target).netloc:
        return f"A link hides its host behind an @-sign: it goes to {quoted(host)}"
    shown = shown_host(link)
    if shown and registered(shown) != registered(host):
        return f"A link shows {quoted(shown)} and goes to {quoted(host)}"
    return ""


def _disguised_address(link: Link) -> str:
    shown, target = link.shown.strip().lower(), unquote(link.target[len("mailto:") :].partition("?")[0]).lower()
    if "@" not in shown or " " in shown or shown.removeprefix("mailto:").partition("?")[0] == target:
        return ""
    return f"A link shows {quoted(shown)} and writes to {quoted(target)}"


def shown_host(link: Link) -> str:
    """The host that the text of a link claims; '' when the text is words, or the name of a file."""
    match = _SHOWN_HOST.fullmatch(link.shown.strip()[:2000])
    if match is None:
        return ""
    host = match["host"].lower()
    if not match["scheme"] and host.rpartition(".")[2] in _FILE_ENDINGS:
        return ""
    return host


def registered(host: str) -> str:
    """The domain somebody registered, as far as can be told without a list: two labels, or three as under co.uk."""
    labels = host.split(".")
    short = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if short else labels[-2:])
