"""SPF records (RFC 7208 sections 4.5 to 6): text to terms, each checked before any of them is evaluated."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

from tools.mail.auth.spfmacro import MacroText, SpfSyntaxError, read_domain, read_text

Qualified = Literal["pass", "fail", "softfail", "neutral"]

MAX_RECORD = 8192
"""Characters; what answers to DNS over UDP hold many times over."""
_VERSION = re.compile(rb"v=spf1(?: |\Z)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_DIRECTIVE = re.compile(r"(?P<qualifier>[-+?~]?)(?P<kind>[A-Za-z][A-Za-z0-9_.-]*)(?P<rest>(?:[:/].*)?)")
_LENGTHS = re.compile(r"(?:/(?P<four>0|[1-9][0-9]?))?(?://(?P<six>0|[1-9][0-9]{0,2}))?\Z")
_RESULTS: dict[str, Qualified] = {"": "pass", "+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One directive: what it matches, and the result if it does."""

    text: str
    """As it stands in the record."""
    kind: str
    """`all`, `include`, `a`, `mx`, `ptr`, `ip4`, `ip6` or `exists`."""
    result: Qualified
    domain: MacroText | None = None
    """None is the domain that is checked."""
    four: int = 32
    """Prefix length for IPv4 addresses, as `six` is for IPv6."""
    six: int = 128
    network: IPv4Network | IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """The terms of a record in order, and its two modifiers."""

    mechanisms: tuple[Mechanism, ...]
    redirect: MacroText | None = None
    explanation: MacroText | None = None


def is_spf(record: bytes) -> bool:
    """Whether a TXT record is one of SPF (section 4.5)."""
    return _VERSION.match(record) is not None


def parse_spf(record: bytes) -> SpfRecord:
    """All terms. Raises SpfSyntaxError if any of them is wrong (section 4.6)."""
    if not record.isascii() or len(record) > MAX_RECORD:
        raise SpfSyntaxError("the record is too long or has letters beyond ASCII")
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, MacroText] = {}
    for term in filter(None, record.decode().split(" ")[1:]):
        name, equals, value = term.partition("=")
        if not (equals and _NAME.fullmatch(name)):
            mechanisms.append(_mechanism(term))
            continue
        name = name.lower()
        if name not in ("redirect", "exp"):
            read_text(value)
        elif name in modifiers:
            raise SpfSyntaxError(f"the modifier {name} stands there twice")
        else:
            modifiers[name] = read_domain(value)
    return SpfRecord(tuple(mechanisms), modifiers.get("redirect"), modifiers.get("exp"))


def _mechanism(term: str) -> Mechanism:
    directive = _DIRECTIVE.fullmatch(term)
    if directive is None:
        raise SpfSyntaxError(f"{term!r} is neither mechanism nor modifier")
    kind, rest, result = directive["kind"].lower(), directive["rest"], _RESULTS[directive["qualifier"]]
    match kind:
        case "all" if not rest:
            return Mechanism(term, kind, result)
        case "include" | "exists" if rest.startswith(":"):
            return Mechanism(term, kind, result, read_domain(rest[1:]))
        case "ptr" if not rest.startswith("/"):
            return Mechanism(term, kind, result, read_domain(rest[1:]) if rest else None)
        case "a" | "mx":
            return _with_lengths(term, kind, result, rest)
        case "ip4" | "ip6" if rest.startswith(":"):
            return Mechanism(term, kind, result, network=_network(kind, rest[1:]))
    raise SpfSyntaxError(f"{term!r} is no mechanism")


def _with_lengths(term: str, kind: str, result: Qualified, rest: str) -> Mechanism:
    lengths = _LENGTHS.search(rest)
    assert lengths is not None  # it matches nothing at the end of any text
    spec = rest[: lengths.start()]
    if spec and not spec.startswith(":"):
        raise SpfSyntaxError(f"{term!r} is no mechanism")
    four, six = int(lengths["four"] or 32), int(lengths["six"] or 128)
    if four > 32 or six > 128:
        raise SpfSyntaxError(f"{term!r} has a prefix longer than an address")
    return Mechanism(term, kind, result, read_domain(spec[1:]) if spec else None, four, six)


def _network(kind: str, text: str) -> IPv4Network | IPv6Network:
    address, slash, length = text.partition("/")
    if slash and not re.fullmatch(r"0|[1-9][0-9]{0,2}", length):
        raise SpfSyntaxError(f"{text!r} has no prefix length")
    try:
        if kind == "ip4":
            return IPv4Network((IPv4Address(address), int(length or 32)), strict=False)
        # Python reads the zone of a link-local address, which SPF does not know
        return IPv6Network((IPv6Address(address.replace("%", " ")), int(length or 128)), strict=False)
    except ValueError as error:
        raise SpfSyntaxError(f"{text!r} is no network") from error
