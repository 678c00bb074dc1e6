"""The database side of delivery: claim what is due, and settle what happened to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from storage.database import Row, Transaction, columns, many, one
from storage.records import Attempt, Delivery, Message
from tools import events, failures, limits, reputation
from tools.context import MINUTE, Context
from tools.mail.reports import Reported
from tools.outgoing import Altered, row_of
from tools.suppressing import note_outcome

LEASE = MINUTE
"""A worker that lives renews its lease well before; one that died is followed by another after this time."""

LOOK_BEYOND = 500
"""So many more due deliveries are looked at than are claimed, to find destinations other than the first ones."""

State = Literal["sent", "deferred", "bounced", "uncertain"]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of an attempt."""

    state: State
    code: int
    enhanced: str
    reply: str
    category: str
    host: str
    due_at: int
    """When to try again, for `deferred`."""
    tls: str = ""
    """What the line had: TLS version, cipher, what vouched for the certificate; `none` in the clear."""


async def claim(
    context: Context, worker: str, limit: int, *, per_domain: int = 20, closed: frozenset[str] = frozenset()
) -> dict[Delivery, Row | None]:
    """Take up to `limit` due deliveries under the worker's lease: none for `closed` domains, few for each other.

    With each comes what `open_delivery` looks at. What is taken over from a worker that let its lease run out is noted
    as `recover` does.
    """
    now = context.now()

    async def work(transaction: Transaction) -> dict[Delivery, Row | None]:
        claimed = await many(
            transaction,
            Delivery,
            "claim_deliveries",
            now=now,
            lease_until=now + LEASE,
            lease=worker,
            limit=limit,
            look=limit + LOOK_BEYOND,
            per_domain=per_domain,
            closed=_listed(closed),
        )
        for delivery in claimed:
            if delivery.taken_from:
                await _note_interrupted(context, transaction, delivery)
        return {delivery: await row_of(transaction, delivery) for delivery in claimed}

    return await context.db.write(work)


async def renew(context: Context, worker: str, delivery_ids: Iterable[str]) -> None:
    """Keep the worker's lease on these deliveries."""
    until = context.now() + LEASE

    async def work(transaction: Transaction) -> None:
        for delivery_id in delivery_ids:
            await transaction.run("renew_lease", id=delivery_id, lease=worker, lease_until=until)

    await context.db.write(work)


async def recover(context: Context) -> None:
    """Make due again what a process that died had claimed, and note that it may arrive twice (DESIGN section 5.5).

    Only for a worker that knows it is alone.
    """

    async def work(transaction: Transaction) -> None:
        for delivery in await many(transaction, Delivery, "leased"):
            await _note_interrupted(context, transaction, delivery)
        await transaction.run("end_leases")
        await transaction.run("end_notice_leases")

    await context.db.write(work)


async def _note_interrupted(context: Context, transaction: Transaction, delivery: Delivery) -> None:
    """How far the attempt came, nobody knows: perhaps to the other side's 250."""
    message = await _message(transaction, delivery)
    kind = "copy" if delivery.is_copy else "delivery"
    await events.about(
        transaction,
        context.now(),
        message,
        f"{kind}.interrupted",
        delivery_id=delivery.id,
        may_arrive_twice=True,
    )


async def next_due(context: Context, closed: frozenset[str] = frozenset()) -> int | None:
    """When the next delivery to a domain not `closed` is due, in microseconds; None when nothing waits."""
    rows = await context.db.rows("next_delivery_due", closed=_listed(closed))
    due: int | None = rows[0]["due"]
    return due


def _listed(domains: frozenset[str]) -> str:
    return f",{','.join(sorted(domains))},"


async def settle(context: Context, delivery: Delivery, settlement: Settlement) -> bool:
    """Write what became of an attempt; False when the lease was lost and another worker has it."""
    now = context.now()
    final = settlement.state != "deferred"

    async def work(transaction: Transaction) -> bool:
        moved = await transaction.run(
            "settle_delivery",
            id=delivery.id,
            lease=delivery.lease,
            state=settlement.state,
            due_at=settlement.due_at,
            code=settlement.code,
            enhanced=settlement.enhanced,
            reply=settlement.reply,
            category=settlement.category,
            host=settlement.host,
            settled_at=now if final else None,
        )
        if not moved:
            return await _settle_reported(transaction, delivery, settlement, now)
        await transaction.run("insert_attempt", **columns(_attempt(delivery, settlement, now)))
        stopped = await note_outcome(
            transaction,
            now,
            delivery,
            state=settlement.state,
            category=settlement.category,
            code=settlement.code,
            reply=settlement.reply,
        )
        await _after_change(context, transaction, delivery, settlement.state, settlement.reply)
        await _after_stop(context, transaction, stopped)
        return True

    return await context.db.write(work)


async def refuse(context: Context, delivery: Delivery, flaw: Altered) -> None:
    """Stop every delivery of a mail that is not what was allowed, or gone; it is never sent."""

    async def work(transaction: Transaction) -> None:
        message = await _message(transaction, delivery)
        await transaction.run("release_delivery", id=delivery.id, lease=delivery.lease)
        await fail(context, transaction, message, flaw)

    await context.db.write(work)


async def fail(context: Context, transaction: Transaction, message: Message, flaw: Altered) -> None:
    """End a mail that can never be sent; the event tells the operator what to do."""
    now, why = context.now(), str(flaw)
    await transaction.run("cancel_deliveries", message_id=message.id, now=now, category="NotDelivered", reply=why)
    await transaction.run("set_status", id=message.id, status="send_failed")
    await events.about(transaction, now, message, "message.send_failed", reason=flaw.reason, why=why, fix=flaw.fix)
    for delivery in await many(transaction, Delivery, "deliveries", message_id=message.id):
        # what was stopped by this very call, and not another worker's before
        if delivery.state == "cancelled" and delivery.settled_at == now:
            await failures.tell(context, transaction, message, delivery)


async def release(context: Context, delivery: Delivery) -> None:
    """Hand an unfinished delivery back, to be claimed again at once."""

    async def work(transaction: Transaction) -> None:
        await transaction.run("release_delivery", id=delivery.id, lease=delivery.lease)

    await context.db.write(work)


async def _settle_reported(transaction: Transaction, delivery: Delivery, settlement: Settlement, now: int) -> bool:
    """The attempt goes into the history, and the bounce that a report brought before it was settled stands."""
    moved = await transaction.run("settle_reported", id=delivery.id, lease=delivery.lease)
    if moved:
        await transaction.run("insert_attempt", **columns(_attempt(delivery, settlement, now)))
    return bool(moved)


async def bounce_late(context: Context, transaction: Transaction, delivery: Delivery, reported: Reported) -> None:
    """A report of failure, after the other side had said yes or before that was settled."""
    now, code = context.now(), int(reported.reply_code or 0)
    moved = await transaction.run(
        "bounce_delivery",
        id=delivery.id,
        code=code,
        enhanced=reported.status,
        reply=reported.diagnostic,
        category=reported.category,
        now=now,
    )
    if not moved:
        return
    # words alone do not end an address: such a bounce counts as one of several
    category = reported.category if reported.hard or reported.category != "NoMailbox" else "Unknown"
    stopped = await note_outcome(
        transaction, now, delivery, state="bounced", category=category, code=code, reply=reported.diagnostic
    )
    await _after_change(context, transaction, delivery, "bounced", reported.diagnostic)
    await _after_stop(context, transaction, stopped)


def _attempt(delivery: Delivery, settlement: Settlement, now: int) -> Attempt:
    return Attempt(
        delivery_id=delivery.id,
        number=delivery.attempts + 1,
        outcome=settlement.state,
        code=settlement.code,
        enhanced=settlement.enhanced,
        reply=settlement.reply,
        category=settlement.category,
        host=settlement.host,
        created_at=now,
        tls=settlement.tls,
    )


async def _after_change(context: Context, transaction: Transaction, delivery: Delivery, state: str, reply: str) -> None:
    """The event of a delivery, and its message's status when every recipient's fate is known."""
    (head,) = await transaction.rows("message_head", id=delivery.message_id)

    async def note(type_: str, **data: str) -> None:
        place = {"mailbox_id": head["mailbox_id"], "message_id": delivery.message_id}
        await events.record(transaction, context.now(), delivery.account_id, type_, **place, **data)

    if delivery.is_copy:
        await note(f"copy.{state}")
        return
    await reputation.settled(context, transaction, delivery, state)
    if state in ("bounced", "cancelled"):
        await failures.tell(context, transaction, await _message(transaction, delivery), delivery)
    await note(f"delivery.{state}", recipient=delivery.recipient, reply=reply)
    # behind the event, which locks the account: of two that settle a mail's last two, one has to see the other
    states = await transaction.rows("delivery_states", message_id=delivery.message_id)
    status = status_of([row["state"] for row in states])
    if status is not None and status != head["status"]:
        await transaction.run("set_status", id=delivery.message_id, status=status)
        await note(f"message.{status}")


async def _after_stop(context: Context, transaction: Transaction, stopped: list[Delivery]) -> None:
    """What follows for deliveries whose recipient turned out not to exist before they were attempted."""
    for each in stopped:
        message = await _message(transaction, each)
        await limits.give_back(transaction, message, (each,))
        await _after_change(context, transaction, each, each.state, each.reply)


def status_of(states: list[str]) -> str | None:
    """A message's status from its deliveries' states; None while one of them is still on its way.

    One recipient reached is `sent`: each recipient's own state tells the rest.
    """
    if any(state in ("queued", "deferred") for state in states):
        return None
    if any(state in ("sent", "uncertain") for state in states):
        return "sent"
    return "bounced" if "bounced" in states else "cancelled"


async def _message(transaction: Transaction, delivery: Delivery) -> Message:
    message = await one(
        transaction, Message, "message_of_account", id=delivery.message_id, account_id=delivery.account_id
    )
    assert message is not None
    return message
