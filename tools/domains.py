"""A domain's choices about arriving mail: who gets what is for nobody, and who may bring mail in its name over HTTP."""

import base64
from typing import Literal

from storage.database import Transaction, one
from storage.records import Domain, Mailbox
from tools import events
from tools.context import Context
from tools.errors import Refusal
from tools.mail.address import canonical

Part = Literal["catch_all", "postmaster"]
_QUERIES: dict[Part, str] = {"catch_all": "set_catch_all", "postmaster": "set_postmaster"}
KEY_PREFIX = "whsec_"


async def take_in(context: Context, account_id: str, domain: str, part: Part, mailbox: Mailbox | None) -> Domain:
    """Let a mailbox take in the mail for no mailbox (`catch_all`), or for postmaster@ and abuse@; None is nobody.

    The domain as it was. Raises Refusal domain_not_found.
    """
    found = await _domain(context, account_id, domain)

    async def work(transaction: Transaction) -> None:
        await transaction.run(_QUERIES[part], name=found.name, mailbox_id=mailbox.id if mailbox else "")
        address = mailbox.address if mailbox else ""
        await events.record(
            transaction, context.now(), account_id, f"domain.{part}_changed", domain=found.name, address=address
        )

    await context.db.write(work)
    return found


async def new_forwarding_key(context: Context, account_id: str, domain: str) -> str:
    """A key for a service that brings the domain's mail by POST /v1/inbound; the one before it is void.

    Raises Refusal domain_not_found.
    """
    found = await _domain(context, account_id, domain)
    number = abs(found.forwarding_key) + 1
    await _set_forwarding_key(context, found, number)
    return KEY_PREFIX + base64.b64encode(forwarding_key(context, found.name, number)).decode()


async def no_forwarding_key(context: Context, account_id: str, domain: str) -> None:
    """Let nobody bring mail by POST /v1/inbound. Raises Refusal domain_not_found."""
    found = await _domain(context, account_id, domain)
    # a number that was used is never used again, or an old key would be good once more
    await _set_forwarding_key(context, found, -abs(found.forwarding_key))


def forwarding_key(context: Context, domain: str, number: int) -> bytes:
    """The bytes a service signs with. They are derived, so that the database does not hold them."""
    return context.secret.derive("forwarding key", domain, str(number))


async def _set_forwarding_key(context: Context, domain: Domain, number: int) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.run("set_forwarding_key", name=domain.name, forwarding_key=number)
        await events.record(
            transaction,
            context.now(),
            domain.account_id,
            "domain.forwarding_key_changed",
            domain=domain.name,
            forwarded=number > 0,
        )

    await context.db.write(work)


async def _domain(context: Context, account_id: str, name: str) -> Domain:
    found = await one(context.db, Domain, "domain", name=canonical(f"x@{name}").removeprefix("x@"))
    if found is None or found.account_id != account_id:
        raise Refusal("domain_not_found", domain=name)
    return found
