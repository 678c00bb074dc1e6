"""Signatures to verify: any tags over any mail, made by hand so that nothing of the verifier is in them."""

from base64 import b64encode
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    generate_private_key,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOW = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
SECONDS = NOW // 1_000_000

RSA = generate_private_key(public_exponent=65537, key_size=2048)
SHORT = generate_private_key(public_exponent=65537, key_size=1024)
ED25519 = Ed25519PrivateKey.generate()

FIELDS = (b"From: Ada <ada@example.com>", b"To: Bob <bob@example.org>", b"Subject: Hello")
BODY = b"One hundred.\r\n"


def weak() -> RSAPrivateKey:
    """A key of 512 bits, out of its primes, as no library makes one any more."""
    p = 0xF774EB5248DB40AF72158370D269A9A5AE658F33FE3B890B93F448B3A5AA3C81
    q = 0xDE7D6B377936D536243D35702C1EEA1F265974A7CC966F46C6AA7D550101B811
    d = pow(65537, -1, (p - 1) * (q - 1))
    crt = rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q)
    return RSAPrivateNumbers(p, q, d, *crt, RSAPublicNumbers(65537, p * q)).private_key()


Private = RSAPrivateKey | Ed25519PrivateKey


def record(key: Private = RSA, tags: str = "v=DKIM1;") -> str:
    """A key record; `tags` come first."""
    public = key.public_key()
    if isinstance(key, RSAPrivateKey):
        data = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"{tags} k=rsa; p={b64encode(data).decode()}"
    data = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"{tags} k=ed25519; p={b64encode(data).decode()}"


def sign(key: Private, data: bytes, algorithm: str = "") -> bytes:
    """The signature in base64, by the key's algorithm or by the one named."""
    if isinstance(key, RSAPrivateKey):
        return b64encode(key.sign(data, PKCS1v15(), SHA1() if algorithm == "rsa-sha1" else SHA256()))
    return b64encode(key.sign(sha256(data).digest()))


def signed(
    tags: dict[str, str | None] | None = None,
    *,
    key: Private = RSA,
    fields: tuple[bytes, ...] = FIELDS,
    covered: tuple[bytes, ...] = FIELDS,
    body: bytes = BODY,
) -> bytes:
    """A mail with one simple/simple signature over the fields `covered`, as they stand. A tag of None is left out."""
    algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
    all_tags = {
        "v": "1",
        "a": algorithm,
        "d": "example.com",
        "s": "sel",
        "h": ":".join(line.partition(b":")[0].decode() for line in covered),
        "bh": b64encode(sha256(body).digest()).decode(),
    } | (tags or {})
    text = "".join(f" {name}={value};" for name, value in all_tags.items() if value is not None)
    field = b"DKIM-Signature:" + text.encode() + b" b="
    signature = sign(key, b"".join(line + b"\r\n" for line in covered) + field, all_tags["a"] or "")
    return b"\r\n".join((field + signature, *fields, b"", body))


def forwarded(
    raw: bytes,
    instance: int,
    *,
    status: str = "",
    domain: str = "list.example",
    key: Private = RSA,
    message: dict[str, str] | None = None,
) -> bytes:
    """The mail with one more ARC set, of simple form. `status` is cv=, by default what fits; `message`: more tags."""
    header, _, body = raw.partition(b"\r\n\r\n")
    lines = header.split(b"\r\n")
    covered = [next(line for line in reversed(lines) if line.startswith(name)) for name in (b"From:", b"Subject:")]
    common = f"i={instance}; a=rsa-sha256; d={domain}; s=arc"
    more = "".join(f" {name}={value};" for name, value in (message or {}).items())
    digest = b64encode(sha256(body).digest()).decode()
    own = f"ARC-Message-Signature: {common}; c=simple/simple; h=From:Subject; bh={digest};{more} b=".encode()
    results = f"ARC-Authentication-Results: i={instance}; {domain}; spf=pass".encode()
    own += sign(key, b"".join(line + b"\r\n" for line in covered) + own)
    cv = status or ("none" if instance == 1 else "pass")
    seal = f"ARC-Seal: {common}; cv={cv}; b=".encode()
    before = [line for line in reversed(lines) if line.startswith(b"ARC-")]
    # section 5.1.1 of RFC 8617: results, message signature, seal, set by set; here each set lies in that order
    sealed = b"".join(_relaxed(line) + b"\r\n" for line in (*before, results, own))
    seal += sign(key, sealed + _relaxed(seal))
    return b"\r\n".join((seal, own, results, raw))


def _relaxed(line: bytes) -> bytes:
    name, _, value = line.partition(b":")
    return name.lower() + b":" + value.strip()
