"""Whose an address is: a mailbox's, with or without a tag behind a plus, or one that its domain takes in."""

from dataclasses import dataclass

from storage.database import Reader, one
from storage.records import Mailbox
from tools.mail.address import canonical

ROLES = frozenset({"postmaster", "abuse"})
"""Local parts that every domain has (RFC 5321 section 4.5.1, RFC 2142)."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """A mailbox and the address, in canonical form, by which it was found."""

    mailbox: Mailbox
    address: str
    tag: str = ""
    """What stood behind the plus."""

    def as_findings(self) -> dict[str, str]:
        """What the agent is told; nothing where the address is the mailbox's own."""
        if self.address == self.mailbox.address:
            return {}
        return {"recipient": self.address} | ({"tag": self.tag} if self.tag else {})


async def addressee(reader: Reader, address: str) -> Addressee | None:
    """Who gets mail for this address; None for nobody."""
    key = canonical(address)
    mailbox = await one(reader, Mailbox, "mailbox_by_address", address=key)
    if mailbox is not None:
        return Addressee(mailbox, key)
    local, _, domain = key.rpartition("@")
    name, _, tag = local.partition("+")
    found = await _taking_in(reader, name, tag, domain)
    # what is mailed to a person must not be read by an agent: approval links are among it
    if found is None or await reader.rows("account_of_overseer", overseer=key):
        return None
    return Addressee(found, key, tag)


async def _taking_in(reader: Reader, name: str, tag: str, domain: str) -> Mailbox | None:
    if tag and name:
        mailbox = await one(reader, Mailbox, "mailbox_by_address", address=f"{name}@{domain}")
        if mailbox is not None:
            return mailbox
    return await one(reader, Mailbox, "mailbox_taking_in", domain=domain, role=int(name in ROLES))
