"""The identity claim: a signed `Gatepost-Identity` field that binds one mail to its sender, its mode and its approval.

Made by the server that sent the mail and checked with its public key; what DKIM's relaxed canonicalisation forgives on
the way (RFC 6376 section 3.4) is forgiven here too. The signature is handed in as a function: no mail chooses it.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote, unquote

from tools.mail.addresslist import read_addresses
from tools.mail.canonical import relaxed_body, relaxed_field
from tools.mail.limits import HEADER_BYTES

NAME = "Gatepost-Identity"
ALGORITHM = "ed25519-sha256"
BOUND = (
    *(b"from", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"in-reply-to", b"references"),
    b"x-ai-generated",
)
"""The header fields whose text is bound; one added later breaks the claim too."""
VALUE_LIMIT = 8_000
_TIME_DIGITS = 11

_TAGS = ("v", "a", "k", "i", "t", "id", "from", "mode", "verdict", "approval", "hh", "bh", "b")
_SAFE = "@:/+=!#$&'*?^`{|}~[],"
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_BLANK = re.compile(r"\s+")

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], bool]
"""Whether the signature (second) is one of the octets (first)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed of a mail. `at` is in seconds since the epoch; `approval` is `none` where no person was asked."""

    key: str
    issuer: str
    at: int
    message_id: str
    sender: str
    mode: str
    verdict: str
    approval: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a mail's claim is worth: it holds when there is one and nothing speaks against it."""

    claim: Claim | None
    problems: tuple[str, ...]

    @property
    def verified(self) -> bool:
        return self.claim is not None and not self.problems


def make(raw: bytes, claim: Claim, sign: Sign) -> bytes:
    """The field, CRLF included, for a mail with CRLF line ends that has its Date."""
    header, body = _halves(raw)
    values = {
        "v": "1",
        "a": ALGORITHM,
        "k": claim.key,
        "i": claim.issuer,
        "t": str(claim.at),
        "id": claim.message_id,
        "from": claim.sender,
        "mode": claim.mode,
        "verdict": claim.verdict,
        "approval": claim.approval,
        "hh": _header_hash(header),
        "bh": _body_hash(body),
    }
    tags = {name: quote(value, safe=_SAFE) for name, value in values.items()}
    tags["b"] = b64encode(sign(_signed(tags))).decode()
    lines = ";\r\n ".join(f"{name}={value}" for name, value in tags.items())
    return f"{NAME}: {lines}\r\n".encode()


def check(raw: bytes, keys: Mapping[str, Verify]) -> Checked:
    """Compare a mail with the claim it carries. `keys` are the known public keys by id. Never raises."""
    header, body = _halves(raw)
    if len(header) > HEADER_BYTES:
        return Checked(None, ("Its header is too long.",))
    found = [field for field in _fields(header) if _name(field) == NAME.lower().encode()]
    if len(found) != 1:
        return Checked(None, ("It carries more than one claim." if found else "It carries no claim.",))
    tags = _tags(found[0])
    if tags is None:
        return Checked(None, ("The claim cannot be read.",))
    values = {name: unquote(value) for name, value in tags.items()}
    claim = Claim(
        key=values["k"],
        issuer=values["i"],
        at=int(values["t"]),
        message_id=values["id"],
        sender=values["from"],
        mode=values["mode"],
        verdict=values["verdict"],
        approval=values["approval"],
    )
    return Checked(claim, tuple(_problems(claim, tags, values, keys, header, body)))


def _problems(
    claim: Claim,
    tags: Mapping[str, str],
    values: Mapping[str, str],
    keys: Mapping[str, Verify],
    header: bytes,
    body: bytes,
) -> Iterator[str]:
    if claim.key not in keys:
        yield "It is signed with a key that is not of this site."
    elif not _is_signed(tags, keys[claim.key]):
        yield "The signature does not fit the claim: one of the two was altered."
    if _from(header) != claim.sender:
        yield "The From address is not the one that was claimed."
    if _message_id(header) != claim.message_id:
        yield "The Message-ID is not the one that was claimed."
    if values["hh"] != _header_hash(header):
        yield "A header field was altered: From, To, Cc, Subject, Date, or one of those that join the thread."
    if values["bh"] != _body_hash(body):
        yield "The body was altered."


def _is_signed(tags: Mapping[str, str], verify: Verify) -> bool:
    try:
        signature = b64decode(tags["b"], validate=True)
    except (Base64Error, ValueError):
        return False
    return verify(_signed({name: value for name, value in tags.items() if name != "b"}), signature)


def _signed(tags: Mapping[str, str]) -> bytes:
    """What is signed: the tags in their order, without any white space, so that folding does not matter."""
    joined = ";".join(f"{name}={value}" for name, value in tags.items())
    return f"{NAME.lower()}:{joined}".encode()


def _tags(field: bytes) -> dict[str, str] | None:
    """The tags as they stand, without white space; None unless they are just ours, in our order."""
    if len(field) > VALUE_LIMIT or not field.isascii():
        return None
    text = _BLANK.sub("", field.partition(b":")[2].decode("ascii"))
    pairs = [tag.partition("=") for tag in text.split(";")]
    tags = {name: value for name, _, value in pairs}
    known = tuple(name for name, _, _ in pairs) == _TAGS and tags["v"] == "1" and tags["a"] == ALGORITHM
    return tags if known and tags["t"].isdecimal() and len(tags["t"]) <= _TIME_DIGITS else None


def _halves(raw: bytes) -> tuple[bytes, bytes]:
    header, _, body = raw.partition(b"\r\n\r\n")
    return header, body


def _fields(header: bytes) -> list[bytes]:
    return _FIELD_END.split(header.removesuffix(b"\r\n"))


def _name(field: bytes) -> bytes:
    return field.partition(b":")[0].rstrip(b" \t").lower()


def _values(header: bytes, name: bytes) -> list[bytes]:
    return [relaxed_field(field).partition(b":")[2] for field in _fields(header) if _name(field) == name]


def _from(header: bytes) -> str:
    addresses, _ = read_addresses(_values(header, b"from"))
    return addresses[0].email if len(addresses) == 1 else ""


def _message_id(header: bytes) -> str:
    return b" ".join(_values(header, b"message-id")).decode("latin-1").strip("<>")


def _header_hash(header: bytes) -> str:
    """The bound fields in a fixed order of names, as servers may put whole fields in another order."""
    fields = sorted(
        (field for field in map(relaxed_field, _fields(header)) if field.partition(b":")[0] in BOUND),
        key=lambda field: BOUND.index(field.partition(b":")[0]),
    )
    return b64encode(sha256(b"\r\n".join(fields)).digest()).decode()


def _body_hash(body: bytes) -> str:
    """As DKIM's bh= of the same mail."""
    return b64encode(sha256(relaxed_body(body)).digest()).decode()
