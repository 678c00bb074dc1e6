"""Whom a mailbox knows: noted when mail comes and goes, looked up when mail wants to leave."""

from collections.abc import Iterable

from policies.facts import Correspondent
from storage.database import Reader, Row, Transaction
from storage.records import Mailbox, Message
from tools.mail.address import canonical, domain_of, matches
from tools.mail.mentions import mentioned
from tools.taint import carried_by, distrust

MOST_MENTIONED = 500
"""Addresses noted of one mail's text."""
MOST_DOMAINS = 500
"""Known domains that a new one is compared with: those met last."""


async def acquaintance(
    reader: Reader, mailbox: Mailbox, addressed: Iterable[str], allowlist: Iterable[str]
) -> tuple[tuple[Correspondent, ...], tuple[str, ...]]:
    """What the mailbox knows of each recipient, and the domains it knows where a recipient's is new to it."""
    patterns = tuple(allowlist)
    found, new = [], False
    for address in addressed:
        row = await _row(reader, mailbox, address)
        listed = any(matches(pattern, address) for pattern in patterns)
        new = new or not (listed or row["domain_known"])
        known, by = bool(row["known"]), row["introduced_by"] or ""
        found.append(Correspondent(address, domain_of(address), listed, known, bool(by), by))
    if not new:
        return tuple(found), tuple({each.domain: None for each in found})
    rows = await reader.rows(
        "familiar_domains", account_id=mailbox.account_id, mailbox_id=mailbox.id, limit=MOST_DOMAINS
    )
    return tuple(found), tuple(row["domain"] for row in rows)


async def note_arrival(transaction: Transaction, message: Message) -> None:
    """A mail that the mailbox received makes its sender known, if it is trusted, and notes whom its text speaks of."""
    if message.from_email and not distrust(message):
        await _meet(transaction, message, message.from_email)
    await note_mentions(transaction, message)


async def note_mentions(transaction: Transaction, message: Message) -> None:
    """Whom the text of a received mail speaks of; of one that is not trusted also whom it is from and what it has."""
    carried = carried_by(message) if distrust(message) else ()
    await note_named(
        transaction, message, (*mentioned(f"{message.subject}\n{message.body_text}", MOST_MENTIONED), *carried)
    )


async def note_named(transaction: Transaction, message: Message, names: Iterable[str]) -> None:
    """What a received mail, or a file of it, speaks of; whoever did so first is remembered."""
    for name in names:
        await transaction.run("introduce", mailbox_id=message.mailbox_id, address=name, message_id=message.id)


async def note_departure(transaction: Transaction, message: Message, recipients: Iterable[str]) -> None:
    """A mail that may leave makes its recipients known. A rehearsal does not."""
    if not message.sandbox:
        for address in recipients:
            await _meet(transaction, message, address)


async def _row(reader: Reader, mailbox: Mailbox, address: str) -> Row:
    rows = await reader.rows(
        "acquaintance", mailbox_id=mailbox.id, address=canonical(address), domain=domain_of(address)
    )
    return rows[0]


async def _meet(transaction: Transaction, message: Message, address: str) -> None:
    await transaction.run(
        "meet",
        mailbox_id=message.mailbox_id,
        address=canonical(address),
        domain=domain_of(address),
        now=message.created_at,
    )
