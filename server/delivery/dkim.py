"""DKIM signatures (RFC 6376, 8301, 8463): relaxed/relaxed, one with RSA-2048 and one with Ed25519 on each mail.

The signer is our own because dkimpy's RSA takes twenty times as long; dkimpy is the oracle in the tests.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tools.mail.canonical import relaxed_body, relaxed_field

SIGNED = (
    b"from",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"message-id",
    b"in-reply-to",
    b"references",
    b"reply-to",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"list-unsubscribe",  # with the next one as RFC 8058 section 4 asks
    b"list-unsubscribe-post",
    b"auto-submitted",
    b"feedback-id",
    b"gatepost-identity",
    b"x-ai-generated",
)
RSA_BITS = 2048
_LINE = 72
_NAMES = 5
_FIELD_END = re.compile(rb"\r\n(?![ \t])")


class SigningError(Exception):
    """The keys cannot be read, or the mail cannot be signed; it must not leave unsigned."""


Wanted = Literal["both", "rsa", "none"]
"""Which signatures a mail gets; none where the smart host signs."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A domain's private keys in PKCS#8 PEM, encrypted if a passphrase was given."""

    rsa_pem: bytes = field(repr=False)
    ed25519_pem: bytes = field(repr=False)


def generate_keys(passphrase: bytes | None) -> KeyPair:
    """New keys. Takes up to a second of CPU."""
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()

    def pem(key: RSAPrivateKey | Ed25519PrivateKey) -> bytes:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)

    rsa = generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return KeyPair(pem(rsa), pem(Ed25519PrivateKey.generate()))


def dns_records(keys: KeyPair, passphrase: bytes | None) -> tuple[str, str]:
    """The TXT values to publish at `<stem>r._domainkey` and `<stem>e._domainkey`, longer than one 255-octet string.

    Raises SigningError.
    """
    rsa, ed25519 = _load(keys, passphrase)
    rsa_public = rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    # RFC 8463 section 4: the bare 32 octets, without the ASN.1 around them
    ed25519_public = ed25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k=rsa; p={_base64(rsa_public)}", f"v=DKIM1; k=ed25519; p={_base64(ed25519_public)}"


class Signer:
    """Signs for one domain. Loading the keys takes about as long as a mail: 1 ms, and a bit for its size."""

    def __init__(
        self, domain: str, selector_stem: str, keys: KeyPair, passphrase: bytes | None, *, wanted: Wanted = "both"
    ) -> None:
        """Raises SigningError for keys that cannot be read, or a name that is not ASCII."""
        if not (domain.isascii() and selector_stem.isascii()):
            raise SigningError("domain and selector must be ASCII (A-labels)")
        self.domain = domain
        self.selector_stem = selector_stem
        self._wanted = wanted
        self._rsa, self._ed25519 = _load(keys, passphrase)

    @property
    def takes_long(self) -> bool:
        """Whether a signature takes longer than the way to a thread and back."""
        return self._wanted != "none"

    def sign(self, raw: bytes, at: int) -> bytes:
        """The mail with its DKIM-Signature fields in front. `raw` has CRLF line ends; `at` is in microseconds.

        Raises SigningError for bare CR or LF (they would be changed on the way), and unless there is one From.
        """
        if not raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n"):
            raise SigningError("the mail has a bare CR or LF")
        if self._wanted == "none":
            return raw
        header, _, body = raw.partition(b"\r\n\r\n")
        names, fields = _select(header)
        body_hash = b64encode(sha256(relaxed_body(body)).digest())

        def signature(algorithm: str, suffix: str, signed: Callable[[bytes], bytes]) -> bytes:
            tags = self._tags(algorithm, suffix, at, names, body_hash)
            # RFC 6376 section 3.7: the signature's own field comes last, with an empty b= and without its CRLF
            return tags + _folded(b64encode(signed(fields + relaxed_field(tags)))) + b"\r\n"

        rsa = signature("rsa-sha256", "r", lambda data: self._rsa.sign(data, PKCS1v15(), SHA256()))
        if self._wanted == "rsa":
            return rsa + raw
        # RFC 8463 section 3: Ed25519 signs the SHA-256 of the data
        ed25519 = signature("ed25519-sha256", "e", lambda data: self._ed25519.sign(sha256(data).digest()))
        return rsa + ed25519 + raw

    def _tags(self, algorithm: str, suffix: str, at: int, names: list[bytes], body_hash: bytes) -> bytes:
        return b"\r\n ".join(
            (
                f"DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;".encode(),
                f"d={self.domain}; s={self.selector_stem}{suffix}; t={at // 1_000_000};".encode(),
                b"h=" + b":\r\n  ".join(b":".join(names[i : i + _NAMES]) for i in range(0, len(names), _NAMES)) + b";",
                b"bh=" + body_hash + b";",
                b"b=",
            )
        )


def _select(header: bytes) -> tuple[list[bytes], bytes]:
    """The names for h=, and the fields they stand for, canonicalised."""
    present: dict[bytes, list[bytes]] = {}
    for line in _FIELD_END.split(header.removesuffix(b"\r\n")):
        present.setdefault(line.partition(b":")[0].rstrip(b" \t").lower(), []).append(line)
    if len(present.get(b"from", ())) != 1:
        raise SigningError("the mail must have one From field")
    # RFC 6376 section 5.4.2: of several fields with one name, the lowest is signed first
    chosen = [(name, line) for name in SIGNED for line in reversed(present.get(name, ()))]
    # naming From once more than it is there makes an added From break the signature (section 8.15)
    names = [b"from", *(name for name, _ in chosen)]
    return names, b"".join(relaxed_field(line) + b"\r\n" for _, line in chosen)


def _folded(base64: bytes) -> bytes:
    return b"\r\n  ".join(base64[i : i + _LINE] for i in range(0, len(base64), _LINE))


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _load(keys: KeyPair, passphrase: bytes | None) -> tuple[RSAPrivateKey, Ed25519PrivateKey]:
    try:
        # to prove that its factors are primes takes 60 ms, in which nothing else runs; below its work is verified
        rsa = load_pem_private_key(keys.rsa_pem, passphrase, unsafe_skip_rsa_key_validation=True)
        ed25519 = load_pem_private_key(keys.ed25519_pem, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError("the DKIM keys cannot be read with this passphrase") from error
    if not (isinstance(rsa, RSAPrivateKey) and isinstance(ed25519, Ed25519PrivateKey)):
        raise SigningError("the DKIM keys are not one RSA and one Ed25519 key")
    try:
        rsa.public_key().verify(rsa.sign(b"", PKCS1v15(), SHA256()), b"", PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:
        raise SigningError("the RSA key signs what its public key does not verify") from error
    return rsa, ed25519
