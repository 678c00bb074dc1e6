"""Whom a mailbox knows: noted when mail comes and goes, looked up when mail wants to leave."""

import json
from collections.abc import Iterable, Iterator

from policies.facts import Correspondent
from storage.database import Reader, Row, Transaction
from storage.records import Mailbox, Message
from tools.mail.address import canonical, domain_of, matches, reaches, untagged
from tools.mail.mentions import mentioned
from tools.taint import carried_by, distrust

MOST_MENTIONED = 500
"""Addresses noted of one mail's text, and of what else it shows."""
MOST_DOMAINS = 500
"""Known domains that a new one is compared with: those met last."""


async def acquaintance(
    reader: Reader,
    mailbox: Mailbox,
    addressed: Iterable[str],
    allowlist: Iterable[str],
    company: frozenset[str] = frozenset(),
) -> tuple[tuple[Correspondent, ...], tuple[str, ...]]:
    """What the mailbox knows of each recipient, and the domains it knows where a recipient's is new to it.

    `company` are those to whom an answer goes, in canonical form: nobody introduced them to it.
    """
    patterns = tuple(allowlist)
    found, new = [], False
    for address in addressed:
        row = await _row(reader, mailbox, address)
        listed = any(matches(pattern, address) for pattern in patterns)
        new = new or not (listed or row["domain_known"])
        known, by = bool(row["known"]), row["introduced_by"] or ""
        introduced = bool(by) and canonical(address) not in company and not reaches(mailbox.address, address)
        found.append(Correspondent(address, domain_of(address), listed, known, introduced, by))
    if not new:
        return tuple(found), tuple({each.domain: None for each in found})
    rows = await reader.rows(
        "familiar_domains", account_id=mailbox.account_id, mailbox_id=mailbox.id, limit=MOST_DOMAINS
    )
    return tuple(found), tuple(row["domain"] for row in rows)


async def note_arrival(transaction: Transaction, message: Message, named: Iterable[str]) -> None:
    """A mail that the mailbox received makes its sender known, if it is trusted, and notes whom it speaks of."""
    trusted = not distrust(message)
    if message.from_email and trusted:
        await _meet(transaction, message, message.from_email)
    await _note(transaction, message, named, () if trusted else carried_by(message))


async def note_mentions(transaction: Transaction, message: Message, named: Iterable[str]) -> None:
    """Whom a received mail speaks of; of one that is not trusted also whom it is from and what it has."""
    await _note(transaction, message, named, carried_by(message) if distrust(message) else ())


def named_by(message: Message) -> tuple[str, ...]:
    """Whom a received mail speaks of, in canonical form. It takes no database, and so none should wait for it."""
    said = mentioned(f"{message.subject}\n{message.body_text}", MOST_MENTIONED)
    beside = mentioned("\n".join(_shown_beside(message)), MOST_MENTIONED)
    return tuple(dict.fromkeys((*said, *beside)))


async def _note(transaction: Transaction, message: Message, named: Iterable[str], carried: Iterable[str]) -> None:
    await note_named(transaction, message, named)
    for what in sorted(carried):
        await transaction.run("introduce_anew", mailbox_id=message.mailbox_id, address=what, message_id=message.id)


async def company_of(reader: Reader, message: Message) -> frozenset[str]:
    """Whom the mail that a message answers names in its header: to answer is to write to them."""
    if not message.in_reply_to:
        return frozenset()
    answered = await reader.rows("answered_people", thread_id=message.thread_id, rfc_message_id=message.in_reply_to)
    return frozenset(canonical(each["email"]) for row in answered for each in _people(row["people"]))


def _people(column: str) -> Iterator[dict[str, str]]:
    for group in json.loads(column).values():
        yield from group


def _shown_beside(message: Message) -> Iterator[str]:
    """What an agent can be shown of a mail beside subject and text."""
    yield message.from_name
    for person in _people(message.people):
        yield from person.values()
    for part in json.loads(message.attachments):
        # "to eve@evil.test.pdf" names another domain
        yield from (part["name"], part["name"].rpartition(".")[0])
    findings = json.loads(message.findings)
    for link in findings.get("links", ()):
        yield link["url"]
    for piece in findings.get("hidden", ()):
        yield piece["text"]
    yield from _strings(findings.get("calendar"))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


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
        "acquaintance",
        mailbox_id=mailbox.id,
        address=canonical(address),
        untagged=untagged(address),
        domain=domain_of(address),
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
