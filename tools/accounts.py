"""Setting up: an account with its domain, signing keys and mailboxes."""

import re
from dataclasses import dataclass

from policies.modes import Mode
from storage.database import Transaction, columns, many, one
from storage.errors import Conflict
from storage.records import Account, Domain, Mailbox
from tools import events
from tools.context import Context
from tools.errors import Refusal
from tools.mail.address import Address, AddressError, canonical, check_pattern, parse_address

_LOCAL_PART = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """A domain's DKIM keys as stored: encrypted PKCS #8 in PEM."""

    selector: str
    rsa_pem: str
    ed25519_pem: str


async def create_account(context: Context, domain: str, overseer: str, keys: SigningKeys) -> Account:
    """A tenant with its first domain. Raises Refusal invalid_address, invalid_domain, address_taken."""
    now = context.now()
    address = _address(overseer).email
    name = _domain(domain)
    account = Account(context.new_id("acc"), name.replace(".", "-"), canonical(address), now)
    row = Domain(name, account.id, keys.selector, keys.rsa_pem, keys.ed25519_pem, now)

    async def work(transaction: Transaction) -> None:
        await transaction.run("insert_account", **columns(account))
        await transaction.run("insert_domain", **columns(row))
        await events.record(transaction, now, account.id, "account.created", domain=name)

    try:
        await context.db.write(work)
    except Conflict as error:
        raise Refusal("address_taken", f"The domain {name} is set up already.") from error
    return account


async def create_mailbox(
    context: Context, account_id: str, local: str, domain: str, *, mode: Mode = Mode.GATED_SEND, display_name: str = ""
) -> Mailbox:
    """A mailbox on one of the account's domains. Raises Refusal invalid_address, domain_not_found, address_taken."""
    found = await one(context.db, Domain, "domain", name=_domain(domain))
    if found is None or found.account_id != account_id:
        raise Refusal("domain_not_found", domain=domain)
    now = context.now()
    address = f"{local_part(local)}@{found.name}"
    mailbox = Mailbox(context.new_id("mbx"), account_id, address, display_name or local, mode, now)

    async def work(transaction: Transaction) -> None:
        if await transaction.rows("account_of_overseer", overseer=canonical(address)):
            raise Refusal("overseer_address", address=address)
        await transaction.run("insert_mailbox", **columns(mailbox))
        await events.record(transaction, now, account_id, "mailbox.created", mailbox_id=mailbox.id, mode=mode)

    try:
        await context.db.write(work)
    except Conflict as error:
        raise Refusal("address_taken", address=address) from error
    return mailbox


def local_part(text: str) -> str:
    """A new mailbox's local part as it is kept. Raises Refusal invalid_address."""
    local = text.lower()
    # RFC 5321 section 4.1.2: two dots in a row need quotes, and others refuse such a sender
    if not _LOCAL_PART.fullmatch(local) or ".." in local:
        raise Refusal("invalid_address", f"{text!r}: use a-z, 0-9, and between them single dots, dashes, underscores.")
    return local


async def list_accounts(context: Context) -> list[Account]:
    return await many(context.db, Account, "accounts")


async def list_mailboxes(context: Context, account_id: str) -> list[Mailbox]:
    return await many(context.db, Mailbox, "mailboxes", account_id=account_id)


async def trust_categories(context: Context, mailbox: Mailbox, *, trusted: bool) -> None:
    """Let the mailbox's agents say that a mail is one its reader asked for (policies.category), or no more."""

    async def work(transaction: Transaction) -> None:
        await transaction.run("set_transactional", id=mailbox.id, transactional=int(trusted))
        await events.record(
            transaction,
            context.now(),
            mailbox.account_id,
            "mailbox.transactional_changed",
            mailbox_id=mailbox.id,
            transactional=trusted,
        )

    await context.db.write(work)


async def forward_to(context: Context, account_id: str, domain: str, address: str | None) -> Domain:
    """Set where notifications about a domain's mail go, None for its postmaster; the domain as it was.

    Raises Refusal domain_not_found, invalid_address.
    """
    found = await one(context.db, Domain, "domain", name=_domain(domain))
    if found is None or found.account_id != account_id:
        raise Refusal("domain_not_found", domain=domain)
    target = _address(address).email if address else ""

    async def work(transaction: Transaction) -> None:
        await transaction.run("set_forward_to", name=found.name, forward_to=target)
        await events.record(
            transaction, context.now(), account_id, "domain.forward_to_changed", domain=found.name, forward_to=target
        )

    await context.db.write(work)
    return found


async def allow(context: Context, mailbox: Mailbox, pattern: str) -> str:
    """Put an address or `*@domain` on a mailbox's allowlist; the pattern as kept. Raises Refusal invalid_address."""
    try:
        kept = check_pattern(pattern)
    except AddressError as error:
        raise Refusal("invalid_address", str(error)) from error

    async def work(transaction: Transaction) -> None:
        now = context.now()
        await transaction.run("allow", mailbox_id=mailbox.id, pattern=kept, created_at=now)
        await _allowlist_event(transaction, now, mailbox, "allowlist.added", kept)

    await context.db.write(work)
    return kept


async def disallow(context: Context, mailbox: Mailbox, pattern: str) -> None:
    """Take a pattern off a mailbox's allowlist. Raises Refusal not_found."""

    async def work(transaction: Transaction) -> None:
        if not await transaction.run("disallow", mailbox_id=mailbox.id, pattern=pattern):
            raise Refusal("not_found", f"{pattern} is not on the allowlist.")
        await _allowlist_event(transaction, context.now(), mailbox, "allowlist.removed", pattern)

    await context.db.write(work)


async def allowlist(context: Context, mailbox: Mailbox) -> list[str]:
    return [row["pattern"] for row in await context.db.rows("allowlist", mailbox_id=mailbox.id)]


async def _allowlist_event(transaction: Transaction, now: int, mailbox: Mailbox, type_: str, pattern: str) -> None:
    await events.record(transaction, now, mailbox.account_id, type_, mailbox_id=mailbox.id, pattern=pattern)


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except AddressError as error:
        raise Refusal("invalid_address", str(error)) from error


def _domain(text: str) -> str:
    try:
        return parse_address(f"x@{text}").email.rpartition("@")[2]
    except AddressError as error:
        raise Refusal("invalid_domain", f"{text!r}: {error}") from error
