"""The list of suppressions as the gate and the delivery use it: look up, add, and what outcomes add by themselves."""

from collections.abc import Iterable

from policies.facts import Suppressed
from policies.suppression import Reason, Settled, after_outcome, applies, strength
from storage.database import Reader, Row, Transaction, columns, many, one
from storage.records import Delivery, Suppression
from tools import events
from tools.mail.address import canonical

MAX_REPLY = 500
"""Characters kept of what the other server said."""
NOT_SENT = "not sent: the recipient is suppressed ({})"


async def suppressed_among(reader: Reader, account_id: str, addresses: Iterable[str]) -> tuple[Suppressed, ...]:
    """Those of the addresses that are on the account's list, as they are written in the mail."""
    found = []
    for address in addresses:
        entry = await one(reader, Suppression, "suppression", account_id=account_id, address=canonical(address))
        if entry is not None:
            found.append(Suppressed(address, entry.reason, bool(entry.transactional_only)))
    return tuple(found)


async def suppress(
    transaction: Transaction,
    now: int,
    account_id: str,
    address: str,
    reason: Reason,
    *,
    transactional_only: bool = False,
    code: int = 0,
    reply: str = "",
    by: str = "the system",
) -> bool:
    """Put an address on the account's list; False when what is there already is as strong."""
    entry = Suppression(
        account_id=account_id,
        address=canonical(address),
        reason=reason,
        strength=strength(reason, transactional_only=transactional_only),
        transactional_only=int(transactional_only),
        code=code,
        reply=reply[:MAX_REPLY],
        created_at=now,
    )
    if not await transaction.run("suppress", **columns(entry)):
        return False
    await events.record(
        transaction, now, account_id, "suppression.added", address=entry.address, reason=str(reason), by=by
    )
    return True


async def note_outcome(
    transaction: Transaction, now: int, delivery: Delivery, *, state: str, category: str, code: int, reply: str
) -> list[Delivery]:
    """Count a delivery's end for its recipient, and suppress an address that has shown not to work.

    The deliveries that waited for such an address are stopped; they are what comes back, as they are now.

    Copies to the overseer change nothing: oversight must not end because a mail did not fit. That the sandbox took a
    mail says nothing of its recipient.
    """
    if delivery.is_copy or state not in ("sent", "bounced") or (delivery.sandbox and state == "sent"):
        return []
    contact = {"account_id": delivery.account_id, "address": canonical(delivery.recipient)}
    rows = await transaction.rows("lock_contact" if state == "bounced" else "contact", **contact)
    before = rows[0]["bounces_in_row"] if rows else 0
    standing = after_outcome(Settled(state, category, code, before))
    if standing.bounces_in_row != before:
        await transaction.run("set_bounces", **contact, bounces_in_row=standing.bounces_in_row)
    if not standing.invalid:
        return []
    # before the event of the suppression: who withdraws a mail also locks its deliveries first, then the account
    stopped = await many(
        transaction, Delivery, "stop_waiting", now=now, reply=NOT_SENT.format(Reason.BOUNCE), **contact
    )
    await suppress(transaction, now, delivery.account_id, delivery.recipient, Reason.BOUNCE, code=code, reply=reply)
    return stopped


def stopped_by(row: Row, delivery: Delivery) -> str | None:
    """The reason that stops a mail for its recipient, by a row of `category`, `reason` and `transactional_only`."""
    reason: str | None = row["reason"]
    if reason is None or delivery.is_copy:
        return None
    entry = Suppressed(delivery.recipient, reason, bool(row["transactional_only"]))
    return reason if applies(entry, row["category"]) else None
