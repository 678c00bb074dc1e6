"""Public keys of signing domains, as the DNS has them (RFC 6376 section 3.6, RFC 8463 section 4)."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tools.mail.auth.resolver import NoSuchName, Resolver, TemporaryFailure
from tools.mail.auth.tags import octets, read_tags

Result = Literal["none", "pass", "fail", "policy", "neutral", "temperror", "permerror"]
"""RFC 8601 section 2.7.1."""

RSA_BITS = 1024  # RFC 8301 section 3.2: shorter ones are not to be believed
MAX_RSA_BITS = 4096  # the same section: longer ones need not be verified
MAX_EXPONENT_BITS = 32
"""Of an RSA key. With 3,072 bits in both numbers one look takes a hundred times as long, and a stranger's mail may ask
for hundreds."""
MAX_RECORDS = 4
RECORD_BYTES = 4096  # a key of 4,096 bits has 736


class Unverified(Exception):
    """Why a signature does not verify, in words, and as RFC 8601 names it."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result: Result = result
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Key:
    """One published key."""

    public: RSAPublicKey | Ed25519PublicKey
    bits: int
    testing: bool
    """t=y: the domain is trying DKIM out."""
    strict: bool
    """t=s: i= must be of the very domain, not of one below it."""

    @property
    def kind(self) -> str:
        """As in k= and before the hyphen of a=."""
        return "rsa" if isinstance(self.public, RSAPublicKey) else "ed25519"

    def verifies(self, signature: bytes, signed: bytes) -> bool:
        """Whether the signature is of these bytes, by SHA-256."""
        try:
            if isinstance(self.public, RSAPublicKey):
                self.public.verify(signature, signed, PKCS1v15(), SHA256())
            else:
                # RFC 8463 section 3: Ed25519 signs the SHA-256 of the data
                self.public.verify(signature, sha256(signed).digest())
        except InvalidSignature:
            return False
        return True


class Keys:
    """Reads key records. The last ones are kept by their text, as reading one costs as much as using it."""

    def __init__(self, keep: int = 1000) -> None:
        """`keep`: how many, each some 2 KB, and 6 KB at most."""
        self._read = lru_cache(maxsize=keep)(read_key)

    async def published(self, resolver: Resolver, selector: str, domain: str, kind: str) -> tuple[Key, ...]:
        """The keys of a kind under a selector, mostly one. Raises Unverified."""
        try:
            records = await resolver.txt(f"{selector}._domainkey.{domain}")
        except NoSuchName:
            records = ()
        except TemporaryFailure as failure:
            raise Unverified("temperror", "the key could not be looked up") from failure
        keys: list[Key] = []
        refusal = Unverified("permerror", "there is no key")
        for record in records[:MAX_RECORDS]:
            try:
                key = self._read(record)
            except Unverified as found:
                refusal = found
            else:
                keys.append(key)
        suitable = tuple(key for key in keys if key.kind == kind)
        if keys and not suitable:
            raise Unverified("permerror", "the key is for another algorithm")
        if not suitable:
            raise refusal
        return suitable


def read_key(record: bytes) -> Key:
    """A TXT record. Raises Unverified."""
    if len(record) > RECORD_BYTES:
        raise Unverified("permerror", "key record: it is too long")
    try:
        tags = read_tags(record)
    except ValueError as error:
        raise Unverified("permerror", f"key record: {error}") from error
    # section 3.6.1: v= is first where it is
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise Unverified("permerror", "key record: it is of another version")
    if "p" not in tags:
        raise Unverified("permerror", "key record: it has no key")
    if not tags["p"]:
        raise Unverified("permerror", "the key was revoked")
    if "sha256" not in _words(tags.get("h", "sha256")):
        raise Unverified("permerror", "the key is not for SHA-256")
    if {"*", "email"}.isdisjoint(_words(tags.get("s", "*"))):
        raise Unverified("permerror", "the key is not for mail")
    flags = _words(tags.get("t", ""))
    public, bits = _public(tags.get("k", "rsa"), tags["p"])
    return Key(public, bits, "y" in flags, "s" in flags)


def _words(value: str) -> set[str]:
    return {word.strip(" \t\r\n") for word in value.split(":")}


def _public(kind: str, value: str) -> tuple[RSAPublicKey | Ed25519PublicKey, int]:
    try:
        data = octets(value)
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(data), 256
        if kind != "rsa":
            raise Unverified("permerror", "key record: its kind is unknown")
        # both SubjectPublicKeyInfo and the bare RSAPublicKey of RFC 6376 are in use
        public = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unverified("permerror", "key record: the key cannot be read") from error
    if not isinstance(public, RSAPublicKey):
        raise Unverified("permerror", "key record: the key is not of its kind")
    if public.key_size > MAX_RSA_BITS or public.public_numbers().e.bit_length() > MAX_EXPONENT_BITS:
        raise Unverified("policy", "the key takes too long to verify with")
    return public, public.key_size
