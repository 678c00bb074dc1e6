"""Counting what leaves, and telling the rules how much may: inside the gate's transaction, the account locked."""

from collections import Counter
from collections.abc import Iterable

from policies.facts import Allowance, Halt
from policies.limits import halted
from policies.windows import Limits, Span, Subject, Used, Window, windows
from storage.database import Reader, Transaction, one, record
from storage.records import Delivery, Domain, Mailbox, Message
from tools.context import Context
from tools.errors import Refusal
from tools.mail.address import domain_of


async def allowance(context: Context, reader: Reader, mailbox: Mailbox, leaves_at: int | None = None) -> Allowance:
    """The limits at the time a mail would leave, now or later, with what is used of them; and whether sending is
    stopped or paused."""
    now = context.now()
    at = max(now, leaves_at or 0)
    limits = context.site.limits
    # a table without limits has nothing to compare, so nothing is read for it
    found = windows(limits, at, await _subjects(reader, mailbox, limits, at)) if limits != Limits() else ()
    return Allowance(now, found, await halts(reader, mailbox.account_id))


async def counted(context: Context, reader: Reader, mailbox: Mailbox) -> tuple[Window, ...]:
    """Every window that is limited, the mailbox's day and the account's month."""
    limits, now = context.site.limits, context.now()
    return windows(limits, now, await _subjects(reader, mailbox, limits, now))


async def halts(reader: Reader, account_id: str) -> tuple[Halt, ...]:
    """What keeps an account from sending."""
    rows = await reader.rows("stops", account_id=account_id)
    return tuple(Halt(row["kind"], row["reason"]) for row in rows)


def check_sending(found: tuple[Halt, ...]) -> None:
    """Raises Refusal sending_stopped, sending_paused when something keeps the account from sending."""
    finding = halted(found)
    if finding is not None:
        raise Refusal(finding.code, reasons=[finding.reason])


async def count(transaction: Transaction, message: Message, deliveries: Iterable[Delivery]) -> None:
    """Note deliveries that were queued, for the mail's mailbox, its domain and its account, when they are to leave."""
    subjects = _subjects_of(message)
    for (made_at, leaves_at), places in _places(message, deliveries).items():
        later = _is_later(made_at, leaves_at)
        await transaction.run("count_recipients", **subjects, **_windows(made_at), count=0 if later else places)
        for subject in subjects.values() if later else ():
            await transaction.run("count_ahead", subject=subject, **_windows(leaves_at), count=places)


async def give_back(transaction: Transaction, message: Message, deliveries: Iterable[Delivery]) -> None:
    """Take back the count of deliveries that will not leave, or not then, and were never attempted."""
    places = _places(message, (each for each in deliveries if not each.attempts))
    if places:
        # the order of locks is the gate's: the account, then what is counted
        await transaction.run("lock_account", id=message.account_id)
    for (made_at, leaves_at), number in places.items():
        later = _is_later(made_at, leaves_at)
        query, at = ("uncount_ahead", leaves_at) if later else ("uncount_recipients", made_at)
        await transaction.run(query, **_subjects_of(message), **_windows(at), count=number)


def _places(message: Message, deliveries: Iterable[Delivery]) -> Counter[tuple[int, int]]:
    """How many places deliveries take, by when they were made and when they leave; copies and the sandbox take none."""
    return Counter((each.created_at, each.due_at) for each in deliveries if not (each.is_copy or message.sandbox))


def _is_later(made_at: int, leaves_at: int) -> bool:
    """Such mail is counted apart: the row of a subject has only the newest hour, day and month."""
    return Span.HOUR.start(leaves_at) > Span.HOUR.start(made_at)


def _subjects_of(message: Message) -> dict[str, str]:
    return {
        "mailbox_id": message.mailbox_id,
        "domain": domain_of(message.from_email),
        "account_id": message.account_id,
    }


def _windows(at: int) -> dict[str, int]:
    return {span.value: span.start(at) for span in Span}


async def _subjects(reader: Reader, mailbox: Mailbox, limits: Limits, at: int) -> dict[str, Subject]:
    name = domain_of(mailbox.address)
    domain = await one(reader, Domain, "domain", name=name) if limits.domain_tiers else None
    # a mailbox whose domain is gone is as young as one can be
    domain_at = domain.created_at if domain is not None else mailbox.created_at
    rows = await reader.rows("usage", mailbox_id=mailbox.id, domain=name, account_id=mailbox.account_id, **_windows(at))
    used = {row["subject"]: record(Used, row) for row in rows}
    return {
        "mailbox": Subject(mailbox.created_at, used.get(mailbox.id, Used())),
        "domain": Subject(domain_at, used.get(name, Used())),
        "account": Subject(0, used.get(mailbox.account_id, Used())),
    }
