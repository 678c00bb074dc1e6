"""The key that signs identity claims: derived from the server's secret, so that nothing of it is stored."""

import hashlib
from base64 import urlsafe_b64encode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tools.context import Secret
from tools.mail.identity import ALGORITHM

_ID_CHARS = 16


class SiteKey:
    """An Ed25519 key pair; `id` is the beginning of the SHA-256 of the public key, in hex."""

    def __init__(self, secret: Secret) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(secret.derive("identity key"))
        self._public = self._private.public_key()
        self._octets = self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(self._octets).hexdigest()[:_ID_CHARS]

    def sign(self, data: bytes) -> bytes:
        # as RFC 8463 section 3 has it for DKIM: Ed25519 over the SHA-256 of the data
        return self._private.sign(hashlib.sha256(data).digest())

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's."""
        try:
            self._public.verify(signature, hashlib.sha256(data).digest())
        except InvalidSignature:
            return False
        return True

    def document(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 8037 section 2)."""
        x = urlsafe_b64encode(self._octets).decode().rstrip("=")
        return {"kid": self.id, "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM, "x": x}
