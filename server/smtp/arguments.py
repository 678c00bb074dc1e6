"""What stands behind MAIL and RCPT: a path and its parameters (RFC 5321 section 4.1.2), read tolerantly."""

import re
from dataclasses import dataclass

from tools.mail.address import ADDRESS_LIMIT, AddressError, parse_address

# linear: the alternatives begin with different characters, and what they repeat does not overlap
_QUOTED = r'"(?:[^"\\\r\n\0]|\\[^\r\n\0])*+"'
_PATH = re.compile(
    rf"[ \t]*+(?:<(?:@[^:<>\s]*+:)?((?:{_QUOTED}|[^<>\"\s\0])*+)>|([^<>\s\0]++))((?:[ \t]++\S++)*+)[ \t]*+"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ORDINARY = re.compile(
    rf"([A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]++(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]++)*+)@((?:{_LABEL}\.)*+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?)"
)
# what programs send from: bounce addresses with a whole recipient in them, dots in a row, hosts with an underscore
_LOOSE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]++@[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+")
_LITERAL = re.compile(r"\[(?:IPv6:[0-9A-Fa-f:.]{2,45}|[0-9.]{7,15})\]")
_QUOTED_LOCAL = re.compile(_QUOTED)
_LOCAL_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Argument:
    """A path without its brackets and source route, and the parameters by name, in upper case."""

    address: str
    parameters: dict[str, str]


def read_argument(text: bytes, prefix: bytes) -> Argument | None:
    """The argument of MAIL (`prefix` is `FROM:`) or RCPT (`TO:`); None where the syntax is none.

    A path without brackets, or behind a space, is read too: mailers write both. A source route is ignored
    (RFC 5321 section 4.1.1.3).
    """
    if text[: len(prefix)].upper() != prefix:
        return None
    try:
        found = _PATH.fullmatch(text[len(prefix) :].decode())
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    parameters: dict[str, str] = {}
    for word in found[3].split():
        name, _, value = word.partition("=")
        if name.upper() in parameters:
            return None
        parameters[name.upper()] = value
    return Argument(found[1] if found[2] is None else found[2], parameters)


def normal(address: str) -> str:
    """An address with its domain in lower case, as A-label. Raises AddressError."""
    ordinary = _ORDINARY.fullmatch(address)
    if ordinary is None or "xn--" in address.lower():
        return parse_address(address).email
    local, domain = ordinary.groups()
    if len(local) > _LOCAL_LIMIT or len(address) > ADDRESS_LIMIT:
        raise AddressError("The address is too long.")
    return f"{local}@{domain.lower()}"


def normal_sender(address: str) -> str:
    """The same for who sends, where a quoted local part and an address literal are right too. Raises AddressError.

    Nobody is asked to answer it, so a local part may be longer than 64 octets (RFC 5321 section 4.5.3.1), and other
    rules of form broken: to refuse the mail would be to lose it.
    """
    local, _, domain = address.rpartition("@")
    if len(address) <= ADDRESS_LIMIT and _LOOSE.fullmatch(address) and "xn--" not in domain.lower():
        return f"{local}@{domain.lower()}"
    odd = _QUOTED_LOCAL.fullmatch(local) is not None or _LITERAL.fullmatch(domain) is not None
    if not odd:
        return normal(address)
    if not address.isascii() or not address.isprintable() or len(address) > ADDRESS_LIMIT or not local or not domain:
        raise AddressError("The address is not one.")
    if _LITERAL.fullmatch(domain) is None:
        normal(f"x@{domain}")
    return address


def announced(size: str) -> int | None:
    """The bytes that SIZE announces (RFC 1870 section 4); None where that is no number."""
    return int(size) if size.isascii() and size.isdigit() and len(size) <= 20 else None
