"""The signers of the domains we send for: keys are read once, and a mail is never sent unsigned."""

from server.delivery.dkim import KeyPair, Signer, SigningError, Wanted
from storage.database import one
from storage.records import Domain
from tools.context import Context


class Signers:
    """Loads a domain's keys when first needed, and keeps them."""

    def __init__(self, context: Context, passphrase: bytes, wanted: Wanted = "both") -> None:
        self._context = context
        self._passphrase = passphrase
        self._wanted = wanted
        self._signers: dict[str, Signer] = {}

    async def signer(self, domain: str) -> Signer:
        """Raises SigningError when the domain has no keys or they cannot be read."""
        known = self._signers.get(domain)
        if known is not None:
            return known
        row = await one(self._context.db, Domain, "domain", name=domain)
        if row is None:
            raise SigningError(f"{domain} has no signing keys")
        keys = KeyPair(row.rsa_pem.encode(), row.ed25519_pem.encode())
        signer = Signer(domain, row.selector, keys, self._passphrase, wanted=self._wanted)
        self._signers[domain] = signer
        return signer
