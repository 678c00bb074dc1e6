"""Addresses: reading what a person or a program wrote, and comparing it without being fooled by its spelling."""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

ADDRESS_LIMIT = 254  # octets of UTF-8 (RFC 5321 section 4.5.3.1.3 less the angle brackets)
NAME_LIMIT = 255  # characters of a display name
_TEXT_LIMIT = 2 * NAME_LIMIT + ADDRESS_LIMIT + 8  # a name with every character escaped, quotes, brackets, spaces

# Control characters, Unicode's own line ends and lone surrogates: none has a place in a header or an address.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
ENCODED_WORD = re.compile(r"=\?[^?]*\?[BbQq]\?")
_SPECIALS = re.compile(r'[,;:<>@"\\]')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class AddressError(ValueError):
    """What is wrong with an address, as one sentence for people."""


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. `email`: local part as written, domain a lower-case A-label. `name`: any Unicode, no controls."""

    email: str
    name: str = ""

    def __str__(self) -> str:
        """The address as people read it, not encoded for a header; `parse_address` reads it back."""
        if not self.name:
            return self.email
        plain = not _SPECIALS.search(self.name) and self.name == self.name.strip(" ")
        name = self.name if plain else '"' + re.sub(r'(["\\])', r"\\\1", self.name) + '"'
        return f"{name} <{self.email}>"


def parse_address(text: str) -> Address:
    """One address out of 'a@b.c', 'Name <a@b.c>' or '"Na, me" <a@b.c>'; raises AddressError.

    Quoted local parts and IP literals are refused: an address means one mailbox, spelled in one way.
    """
    if len(text) > _TEXT_LIMIT:
        raise AddressError("The address is too long.")
    if CONTROLS.search(text):
        raise AddressError("An address cannot hold control characters or line breaks.")
    text = text.strip(" ")
    if not text.endswith(">"):
        return Address(_email(text))
    head, bracket, email = text[:-1].rpartition("<")
    if not bracket:
        raise AddressError("The address ends with > but has no <.")
    return Address(_email(email), _display_name(head.strip(" ")))


def canonical(email: str) -> str:
    """The key all spellings of an address share: lower-case, domain as A-label. Garbage comes back lower-case."""
    if email.isascii():
        return email.lower()
    local, at, domain = email.rpartition("@")
    try:
        return f"{unicodedata.normalize('NFC', local).lower()}{at}{_domain(domain)}"
    except AddressError:
        return email.lower()


def untagged(email: str) -> str:
    """The canonical form of an address without what follows a plus: to most servers the same mailbox."""
    local, at, domain = canonical(email).rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"


def reaches(mailbox: str, email: str) -> bool:
    """Whether mail to an address comes to a mailbox of ours: with a tag, it does too."""
    return canonical(mailbox) in (canonical(email), untagged(email))


def domain_of(email: str) -> str:
    """What follows the last @, in canonical form; empty when there is no @."""
    return canonical(email).rpartition("@")[2] if "@" in email else ""


def check_pattern(pattern: str) -> str:
    """An allowlist pattern in canonical form: 'a@b.c' or '*@b.c'; raises AddressError."""
    pattern = pattern.strip(" ")
    if not pattern.startswith("*"):
        return canonical(_email(pattern))
    if not pattern.startswith("*@"):
        raise AddressError("A pattern is one address or *@domain; * alone would allow everybody.")
    return f"*@{_domain(pattern[2:])}"


def matches(pattern: str, email: str) -> bool:
    """Whether an allowlist pattern covers the address. '*@b.c' covers the domain itself and no subdomain."""
    wanted, given = canonical(pattern), canonical(email)
    if wanted.startswith("*@"):
        return wanted[2:] != "" and domain_of(given) == wanted[2:]
    return wanted == given


def _email(text: str) -> str:
    """A bare address: local part kept as written, domain normalised."""
    try:
        valid = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise AddressError(str(error)) from error
    local = text.rpartition("@")[0]
    # A second spelling of the same letters would escape suppressions and allowlists (RFC 6532 section 3.1).
    if unicodedata.normalize("NFC", local) != local:
        raise AddressError("The part before the @-sign must be in Unicode normalization form C.")
    # Careless readers decode it into another address; RFC 2047 section 5 has no encoded word here.
    if ENCODED_WORD.search(local):
        raise AddressError("The part before the @-sign cannot look like an encoded word.")
    return f"{local}@{valid.ascii_domain}"


def _domain(text: str) -> str:
    """A domain as lower-case A-label; raises AddressError."""
    return _email(f"a@{text}").rpartition("@")[2]


def _display_name(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    name = re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted else text
    if not quoted and _SPECIALS.search(text):
        raise AddressError('A display name holding any of , ; : < > @ " \\ must stand in double quotes.')
    if len(name) > NAME_LIMIT:
        raise AddressError(f"A display name can have at most {NAME_LIMIT} characters.")
    return name
