"""What a signature field claims: by whom, by which key, over what. Read strictly; for DKIM and ARC alike."""

import re
from dataclasses import dataclass

from tools.mail.address import canonical
from tools.mail.auth.keys import RSA_BITS, Key, Unverified
from tools.mail.auth.signed import SignedMail
from tools.mail.auth.tags import octets
from tools.mail.canonical import Form

FUTURE = 10 * 3600  # seconds: clocks in a wrong time zone are common
LATE = 300  # seconds after x=

_KINDS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}
_FORMS: dict[str, Form] = {"relaxed": "relaxed", "simple": "simple"}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DNS_NAME = 253 - len("._domainkey.")
_FIELD_NAME = re.compile(r"[!-9;-~]*")
_NUMBER = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Seal:
    """Who signed, with which key."""

    algorithm: str
    domain: str
    selector: str
    signature: bytes

    @property
    def kind(self) -> str:
        """The kind of key it needs."""
        return _KINDS[self.algorithm]


@dataclass(frozen=True, slots=True)
class Cover:
    """What of the mail was signed, and in which form."""

    names: tuple[bytes, ...]
    body_hash: bytes
    header_form: Form
    body_form: Form
    length: int | None

    def covers_body(self, mail: SignedMail) -> bool:
        """Whether nothing of the body is beyond the octets that were signed. Raises Unverified."""
        return mail.body_hash(self.body_form, self.length)[1]

    def check(self, mail: SignedMail, own: bytes, seal: Seal, keys: tuple[Key, ...]) -> Key:
        """The key that verifies `seal`, whose field with an empty b= is `own`. Raises Unverified."""
        digest, _ = mail.body_hash(self.body_form, self.length)
        if digest != self.body_hash:
            raise Unverified("fail", "the body was changed")
        return check_signature(seal, mail.header(self.names, self.header_form, own), keys)


def check_signature(seal: Seal, signed: bytes, keys: tuple[Key, ...]) -> Key:
    """The key that verifies it; one too short is no better than none. Raises Unverified."""
    key = next((key for key in keys if key.verifies(seal.signature, signed)), None)
    if key is None:
        raise Unverified("fail", "a signed field was changed, or the key is another")
    if key.kind == "rsa" and key.bits < RSA_BITS:
        raise Unverified("policy", f"a key of {key.bits} bits is too short")
    return key


def read_seal(tags: dict[str, str]) -> Seal:
    """The tags a, b, d and s. Raises Unverified."""
    algorithm = tag(tags, "a")
    if algorithm not in _KINDS:
        # RFC 8301 section 3.1: rsa-sha1 too
        raise Unverified("permerror", "the algorithm is not one to be believed")
    domain, selector = canonical("@" + tag(tags, "d"))[1:], tag(tags, "s").lower()
    # what else would stand there could make two readers see two domains
    if len(domain) + len(selector) > _DNS_NAME or not _DOMAIN.fullmatch(domain) or not _SELECTOR.fullmatch(selector):
        raise Unverified("permerror", "d= and s= do not make a name of the DNS")
    return Seal(algorithm, domain, selector, _octets(tags, "b"))


def read_cover(tags: dict[str, str], form: str) -> Cover:
    """The tags bh, c (where it is missing, `form`), h and l. Raises Unverified."""
    header_form, slash, body_form = tags.get("c", form).partition("/")
    try:
        forms = _FORMS[header_form], _FORMS[body_form if slash else "simple"]
    except KeyError as error:
        raise Unverified("permerror", "c= is unknown") from error
    names = [name.strip(" \t\r\n") for name in tag(tags, "h").lower().split(":")]
    if not all(map(_FIELD_NAME.fullmatch, names)):
        raise Unverified("permerror", "h= is malformed")
    return Cover(tuple(name.encode() for name in names), _octets(tags, "bh"), *forms, number(tags, "l"))


def check_times(tags: dict[str, str], now: int) -> None:
    """The tags t and x against the time in microseconds since the epoch. Raises Unverified."""
    signed, expires, seconds = number(tags, "t"), number(tags, "x"), now // 1_000_000
    if signed is not None and signed > seconds + FUTURE:
        raise Unverified("fail", "it was signed in the future")
    if expires is not None and expires < seconds - LATE:
        raise Unverified("fail", "it has expired")
    if signed is not None and expires is not None and expires < signed:
        raise Unverified("permerror", "it expired before it was signed")


def tag(tags: dict[str, str], name: str) -> str:
    """The value of a tag that must be there. Raises Unverified."""
    if name not in tags:
        raise Unverified("permerror", f"{name}= is missing")
    return tags[name]


def number(tags: dict[str, str], name: str) -> int | None:
    """The value of a numeric tag, None where there is none. Raises Unverified."""
    if name not in tags:
        return None
    if not _NUMBER.fullmatch(tags[name]):
        raise Unverified("permerror", f"{name}= is not a number")
    return int(tags[name])


def _octets(tags: dict[str, str], name: str) -> bytes:
    try:
        return octets(tag(tags, name))
    except ValueError as error:
        raise Unverified("permerror", f"{name}= is not base64") from error
