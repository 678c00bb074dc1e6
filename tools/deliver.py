"""The database side of delivery: claim what is due, open it only if it is what was allowed, settle what happened."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from policies.suppression import BULK
from storage.database import Reader, Row, Transaction, columns, many, one, record
from storage.errors import Damaged, Missing
from storage.records import Attempt, Decision, Delivery, Mailbox, Message
from tools import events, failures, limits, reputation
from tools.context import MINUTE, Context
from tools.mail.address import canonical, domain_of
from tools.mail.reports import Reported
from tools.mail.verp import bounce_address, feedback_token
from tools.mail.wire import Wire, digest_of
from tools.outbox import HANDED_ON
from tools.suppressing import NOT_SENT, note_outcome, stopped_by
from tools.unsubscribe import unsubscribe_url

LEASE = MINUTE
"""A worker that lives renews its lease well before; one that died is followed by another after this time."""

LOOK_BEYOND = 500
"""So many more due deliveries are looked at than are claimed, to find destinations other than the first ones."""

State = Literal["sent", "deferred", "bounced", "uncertain"]


class Altered(Exception):
    """The stored mail is not what was allowed; the sentence says how."""

    reason = "altered"
    fix = "Somebody or something changed the database or the blobs: look who. Then hand the mail in anew."


class Lost(Altered):
    """The stored mail is gone, so that nothing shows what was allowed."""

    reason = "lost"
    fix = "Restore the database and the blobs from one backup, and look after the disk. Then hand the mail in anew."


class Stopped(Exception):
    """The recipient was suppressed after the mail was allowed; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A delivery opened for an attempt."""

    sender: str
    """The envelope sender, unique to this delivery (VERP)."""
    domain: str
    """The domain that signs."""
    raw: bytes
    allowed_at: int
    unsubscribe_url: str | None
    """For bulk mail: where its recipient unsubscribes."""
    author: str
    """The mailbox's address."""
    message_id: str
    """Its Message-ID, without brackets."""
    account_id: str
    mailbox_id: str
    mode: str
    """The mailbox's mode when the mail was allowed."""
    approval_id: str
    """The approval that stood behind it; empty where nobody was asked."""
    feedback_token: str
    """What a complaint names the delivery by."""
    handed_on: bool = False
    """It is somebody else's mail: its trace is added, and nothing in our name."""


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
        return {delivery: await _row(transaction, delivery) for delivery in claimed}

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


async def _row(reader: Reader, delivery: Delivery) -> Row | None:
    address = canonical(delivery.recipient)
    rows = await reader.rows("opened", decision_id=delivery.decision_id, address=address)
    return rows[0] if rows else None


async def open_delivery(context: Context, delivery: Delivery, row: Row | None = None) -> Outgoing:
    """The mail of a delivery, checked against the decision that allowed it; `row` if it was looked up with the claim.

    Raises Altered, Stopped, Unavailable.
    """
    row = row or await _row(context.db, delivery)
    decision = record(Decision, row) if row else None
    if row is None or decision is None or decision.verdict != "allow" or decision.message_id != delivery.message_id:
        raise Altered("no decision allows this delivery")
    wire = await _allowed(context, delivery, decision, row)
    category, reason = row["category"], stopped_by(row, delivery)
    if reason is not None:
        raise Stopped(NOT_SENT.format(reason))
    if category in HANDED_ON:
        return await _handed_on(context, delivery, decision, row, wire)
    domain = domain_of(wire.sender)
    secret = context.secret.derive("bounce address")
    sender = bounce_address(delivery.id, domain, secret)
    bulk = category in BULK and not delivery.is_copy
    url = unsubscribe_url(context, delivery.id) if bulk else None
    return Outgoing(
        sender=sender,
        domain=domain,
        raw=wire.raw,
        allowed_at=decision.created_at,
        unsubscribe_url=url,
        author=wire.sender,
        message_id=row["rfc_message_id"],
        account_id=delivery.account_id,
        mailbox_id=row["mailbox_id"],
        mode=decision.mode,
        approval_id=decision.approval_id,
        feedback_token=feedback_token(delivery.id, secret),
    )


async def _handed_on(context: Context, delivery: Delivery, decision: Decision, row: Row, wire: Wire) -> Outgoing:
    """Mail that is passed on: it leaves from the address it was allowed with."""
    mailbox = await one(context.db, Mailbox, "mailbox", id=row["mailbox_id"], account_id=delivery.account_id)
    assert mailbox is not None
    return Outgoing(
        sender=wire.sender,
        domain=domain_of(mailbox.address),
        raw=wire.raw,
        allowed_at=decision.created_at,
        unsubscribe_url=None,
        author=mailbox.address,
        message_id=row["rfc_message_id"],
        account_id=delivery.account_id,
        mailbox_id=mailbox.id,
        mode=decision.mode,
        approval_id="",
        feedback_token="",
        handed_on=True,
    )


async def _allowed(context: Context, delivery: Delivery, decision: Decision, row: Row) -> Wire:
    """The stored wire form, which is the one that was decided on."""
    if row["envelope"] is None:
        raise Lost("the stored mail is missing")
    try:
        raw = row["data"] if row["blob"] is None else await context.blobs.get(row["blob"])
        wire = Wire.of(row["envelope"], raw)
    except Damaged as error:
        raise Altered("the stored mail is damaged") from error
    except Missing as error:
        raise Lost("the stored mail is missing") from error
    except ValueError as error:
        raise Altered("the stored envelope is damaged") from error
    if digest_of(row["envelope"], raw) != decision.digest:
        raise Altered("the stored mail differs from the one that was allowed")
    if delivery.recipient not in {recipient.address for recipient in wire.recipients}:
        raise Altered("the recipient is not one of those that were allowed")
    return wire


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
