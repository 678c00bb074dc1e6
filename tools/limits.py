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


async def allowance(context: Context, reader: Reader, mailbox: Mailbox) -> Allowance:
    """The limits with what is used of them, and whether sending is stopped or paused."""
    now = context.now()
    limits = context.site.limits
    # a table without limits has nothing to compare, so nothing is read for it
    found = windows(limits, now, await _subjects(reader, mailbox, limits)) if limits != Limits() else ()
    return Allowance(now, found, await halts(reader, mailbox.account_id))


async def counted(context: Context, reader: Reader, mailbox: Mailbox) -> tuple[Window, ...]:
    """Every window that is limited, the mailbox's day and the account's month."""
    limits = context.site.limits
    return windows(limits, context.now(), await _subjects(reader, mailbox, limits))


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
    """Note deliveries that were queued, for the mail's mailbox, its domain and its account."""
    for at, places in _places(message, deliveries).items():
        await transaction.run("count_recipients", **_windows(message, at), count=places)


async def give_back(transaction: Transaction, message: Message, deliveries: Iterable[Delivery]) -> None:
    """Take back the count of deliveries that will not leave and were never attempted."""
    places = _places(message, (each for each in deliveries if not each.attempts))
    if places:
        # the order of locks is the gate's: the account, then what is counted
        await transaction.run("lock_account", id=message.account_id)
    for at, number in places.items():
        await transaction.run("uncount_recipients", **_windows(message, at), count=number)


def _places(message: Message, deliveries: Iterable[Delivery]) -> Counter[int]:
    """How many places deliveries take, by the moment they were made; copies and the sandbox take none."""
    return Counter(each.created_at for each in deliveries if not (each.is_copy or message.sandbox))


def _windows(message: Message, at: int) -> dict[str, str | int]:
    return {
        "mailbox_id": message.mailbox_id,
        "domain": domain_of(message.from_email),
        "account_id": message.account_id,
        "hour": Span.HOUR.start(at),
        "day": Span.DAY.start(at),
        "month": Span.MONTH.start(at),
    }


async def _subjects(reader: Reader, mailbox: Mailbox, limits: Limits) -> dict[str, Subject]:
    name = domain_of(mailbox.address)
    domain = await one(reader, Domain, "domain", name=name) if limits.domain_tiers else None
    # a mailbox whose domain is gone is as young as one can be
    domain_at = domain.created_at if domain is not None else mailbox.created_at
    rows = await reader.rows("usage", mailbox_id=mailbox.id, domain=name, account_id=mailbox.account_id)
    used = {row["subject"]: record(Used, row) for row in rows}
    return {
        "mailbox": Subject(mailbox.created_at, used.get(mailbox.id, Used())),
        "domain": Subject(domain_at, used.get(name, Used())),
        "account": Subject(0, used.get(mailbox.account_id, Used())),
    }
