"""A domain's signing keys, and the records it should publish."""

from dataclasses import dataclass
from datetime import UTC, datetime

from server.delivery.dkim import KeyPair, dns_records, generate_keys
from server.zone import DnsRecord, records
from storage.database import many
from storage.records import Domain
from tools.accounts import SigningKeys
from tools.context import Context, Secret


@dataclass(frozen=True, slots=True)
class Zone:
    """What one domain should publish."""

    domain: str
    records: tuple[DnsRecord, ...]


def passphrase(secret: Secret) -> bytes:
    """What the private keys in the database are encrypted with: a stolen database alone cannot sign."""
    return secret.derive("dkim keys").hex().encode()


def new_signing_keys(context: Context) -> SigningKeys:
    """A key pair under a selector that says its month, so that the next pair can stand beside it."""
    keys = generate_keys(passphrase(context.secret))
    month = datetime.fromtimestamp(context.now() // 1_000_000, UTC)
    return SigningKeys(f"gp{month:%Y%m}", keys.rsa_pem.decode(), keys.ed25519_pem.decode())


async def published(context: Context, account_id: str, hostname: str) -> list[Zone]:
    """The records of each of the account's domains. Raises dkim.SigningError when the secret is not the keys' own."""
    found = await many(context.db, Domain, "domains", account_id=account_id)
    return [Zone(domain.name, _records(context.secret, domain, hostname)) for domain in found]


def mail_host(hostname: str, domain: str) -> str:
    """The name for the MX record: this server's, or `mail.` at the domain when it has no full one yet."""
    return hostname if "." in hostname else f"mail.{domain}"


def _records(secret: Secret, domain: Domain, hostname: str) -> tuple[DnsRecord, ...]:
    keys = KeyPair(domain.rsa_pem.encode(), domain.ed25519_pem.encode())
    public = dns_records(keys, passphrase(secret))
    return records(domain.name, mail_host(hostname, domain.name), domain.selector, public)
