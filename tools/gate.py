"""The one way to the queue: facts, decision, and what follows from it, in one transaction (DESIGN section 3)."""

from dataclasses import dataclass, replace
from typing import Any

from policies import region
from policies.decision import Decision as Ruling
from policies.decision import Verdict
from policies.facts import Outbound
from policies.modes import GATES, Mode
from policies.outbound import decide
from storage.database import Transaction, one
from storage.records import Approval, Mailbox, Message, Schedule
from tools import approvals, conversation, events, expected, outbox, replay, wires
from tools.context import SECOND, Context
from tools.draft import Prepared, draft_json
from tools.errors import Refusal
from tools.facts import addressed_by, gather
from tools.mail.address import canonical
from tools.mail.wire import Recipient, Wire

STATUS = {Verdict.ALLOW: "queued", Verdict.HOLD: "pending_send_approval", Verdict.DENY: "rejected"}


@dataclass(frozen=True, slots=True)
class Submission:
    """A mail handed in by an agent."""

    prepared: Prepared
    requested: bool = False
    """The agent asks for a person's approval, with a note of its own."""
    note: str = ""
    idempotency_key: str | None = None
    request_hash: str = ""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What the gate made of it."""

    message: Message
    reasons: tuple[str, ...]
    approval: Approval | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the gate would make of a mail."""

    message: Message
    facts: Outbound
    ruling: Ruling


async def submit(context: Context, mailbox: Mailbox, submission: Submission) -> Submitted:
    """Decide on a new mail and write what follows. Raises Refusal when it is denied, after having noted it."""
    blob = await wires.store_large(context, submission.prepared.rendered.raw)

    key = replay.key_of(mailbox, submission.idempotency_key)

    async def work(transaction: Transaction) -> tuple[Submitted, Ruling | None]:
        prepared = submission.prepared
        earlier = await replay.recall(context, transaction, key, submission.request_hash, prepared.message_id)
        if earlier is not None:
            return await _again(transaction, mailbox, earlier), None
        submitted, ruling = await _enter(context, transaction, mailbox, submission, blob)
        if ruling.verdict is Verdict.DENY:
            await replay.forget(context, transaction, key)
        return submitted, ruling

    submitted, ruling = await context.db.write(work)
    if ruling is not None and ruling.verdict is Verdict.DENY:
        raise denial(ruling, message_id=submitted.message.id)
    return submitted


async def foresee(context: Context, mailbox: Mailbox, submission: Submission) -> Foreseen:
    """What `submit` would make of the mail now. Nothing is locked, nothing written."""
    message = outbox.message_of(context, mailbox, submission.prepared)
    leaves_at = leaving(context, mailbox, submission.prepared.timing.send_at)
    facts = await gather(context, context.db, mailbox, message, requested=submission.requested, leaves_at=leaves_at)
    ruling = decide(facts)
    later = _waits_for_gate(submission, ruling)
    status = "scheduled" if later else _status(context, ruling, submission.prepared.timing.send_at)
    return Foreseen(replace(message, status=status), facts, ruling)


def denial(ruling: Ruling, message_id: str) -> Refusal:
    """A denied mail as a refusal: the code of the first rule that denied it, the reasons of all."""
    first = ruling.deciding[0]
    reasons = [finding.reason for finding in ruling.deciding]
    details: dict[str, Any] = {**dict(first.details), "reasons": reasons, "message_id": message_id}
    return Refusal(first.code or "denied", retry_after=first.retry_after, **details)


async def release(
    context: Context, transaction: Transaction, mailbox: Mailbox, message: Message, digest: str, wire: Wire, by: str
) -> None:
    """The same gate again, with an approver among the facts. Raises Refusal approval_refused, which undoes all."""
    schedule = await one(transaction, Schedule, "schedule", message_id=message.id)
    send_at = schedule.send_at if schedule is not None else None
    leaves_at = max(context.now(), send_at or 0)
    ruling = await ruling_on(context, transaction, mailbox, message, approver=by, leaves_at=leaves_at)
    if ruling.verdict is not Verdict.ALLOW:
        raise Refusal("approval_refused", reasons=[finding.reason for finding in ruling.deciding])
    decision = await outbox.decide_on(context, transaction, message, digest, ruling, approver=by)
    # whoever lets a mail of a paused thread through has looked
    await conversation.resume(transaction, message.account_id, message.thread_id, by, context.now())
    await outbox.queue(context, transaction, message, decision, wire, leaves_at)
    await transaction.run("set_status", id=message.id, status=_status(context, ruling, send_at))


async def carry_out(
    context: Context,
    transaction: Transaction,
    mailbox: Mailbox,
    message: Message,
    digest: str,
    wire: Wire,
    ruling: Ruling,
    leaves_at: int,
) -> None:
    """Let what was ruled follow for a mail that is stored already: one whose time has come, or that was changed."""
    schedule = await one(transaction, Schedule, "schedule", message_id=message.id)
    status = _status(context, ruling, schedule.send_at if schedule is not None else None)
    await transaction.run("set_status", id=message.id, status=status)
    await events.about(transaction, context.now(), message, f"message.{status}")
    await _follow(context, transaction, message, digest, wire, ruling, leaves_at)


async def envelope(transaction: Transaction, mailbox: Mailbox, message: Message) -> tuple[Recipient, ...]:
    """Everybody addressed, and the automatic copy of a monitored mailbox: all of it is in the digest."""
    addressed = addressed_by(message)
    recipients = tuple(map(Recipient, addressed))
    if not GATES[Mode(mailbox.mode)].copies_overseer:
        return recipients
    overseer = await approvals.overseer_of(transaction, mailbox.account_id)
    if overseer in map(canonical, addressed):
        return recipients
    return (*recipients, Recipient(overseer, copy=True))


async def _enter(
    context: Context, transaction: Transaction, mailbox: Mailbox, submission: Submission, blob: str | None
) -> tuple[Submitted, Ruling]:
    # locked and read again: a mode made stricter while the mail was rendered counts
    mailbox = await _locked(transaction, mailbox)
    prepared, timing = submission.prepared, submission.prepared.timing
    message = outbox.message_of(context, mailbox, prepared)
    leaves_at = leaving(context, mailbox, timing.send_at)
    new_thread, requested = prepared.parent is None, submission.requested
    ruling = await ruling_on(
        context, transaction, mailbox, message, requested=requested, leaves_at=leaves_at, new_thread=new_thread
    )
    later = _waits_for_gate(submission, ruling)
    status = "scheduled" if later else _status(context, ruling, timing.send_at)
    if status != message.status:
        message = replace(message, status=status)
    await outbox.insert(transaction, message, new_thread=new_thread)
    await outbox.remember_time(transaction, message, timing.send_at, gated=not later)
    await expected.expect(transaction, message, prepared.expects)
    by, revision = context.principal.name, message.revision
    await events.about(transaction, message.created_at, message, f"message.{status}", by=by, revision=revision)
    wire = Wire(mailbox.address, await envelope(transaction, mailbox, message), prepared.rendered.raw)
    form = wires.Sealed.of(wire, blob)
    await wires.keep(transaction, message.id, 1, form, draft_json(prepared.draft), message.created_at)
    if later:
        return Submitted(message, ("The gate decides when the time has come.",), None), ruling
    approval = await _follow(context, transaction, message, form.digest, wire, ruling, leaves_at, submission.note)
    return Submitted(message, tuple(finding.reason for finding in ruling.deciding), approval), ruling


async def ruling_on(
    context: Context,
    transaction: Transaction,
    mailbox: Mailbox,
    message: Message,
    *,
    requested: bool = False,
    approver: str | None = None,
    leaves_at: int | None = None,
    new_thread: bool = False,
) -> Ruling:
    """The verdict, with the account locked: two mails must not both have the last place under a limit."""
    await transaction.run("lock_account", id=mailbox.account_id)
    facts = await gather(
        context,
        transaction,
        mailbox,
        message,
        requested=requested,
        approver=approver,
        leaves_at=leaves_at,
        new_thread=new_thread,
    )
    return decide(facts)


async def _follow(
    context: Context,
    transaction: Transaction,
    message: Message,
    digest: str,
    wire: Wire,
    ruling: Ruling,
    leaves_at: int,
    note: str = "",
) -> Approval | None:
    """What follows from a ruling: the decision, and deliveries or an approval."""
    decision = await outbox.decide_on(context, transaction, message, digest, ruling)
    if ruling.verdict is Verdict.ALLOW:
        await outbox.queue(context, transaction, message, decision, wire, leaves_at)
    elif ruling.verdict is Verdict.HOLD:
        await conversation.pause_if_looping(transaction, message, ruling, context.now())
        return await approvals.hold(context, transaction, message, ruling.deciding, note)
    return None


def _waits_for_gate(submission: Submission, ruling: Ruling) -> bool:
    """Whether the mail is only kept for now: the gate decides when its time has come."""
    waits = submission.prepared.timing.waits_for_gate
    # where the request came from is known now and not later
    unplaced = any(finding.rule == region.NAME for finding in ruling.findings)
    return waits and not submission.requested and not unplaced and ruling.verdict is not Verdict.DENY


def _status(context: Context, ruling: Ruling, send_at: int | None) -> str:
    if ruling.verdict is Verdict.ALLOW and send_at is not None and send_at > context.now():
        return "scheduled"
    return STATUS[ruling.verdict]


def leaving(context: Context, mailbox: Mailbox, send_at: int | None) -> int:
    """When mail that nobody has to approve leaves, in microseconds since the epoch: until then it can be withdrawn."""
    undo = context.site.undo_seconds * SECOND if GATES[Mode(mailbox.mode)].outbound is Verdict.ALLOW else 0
    return max(context.now() + undo, send_at or 0)


async def _locked(transaction: Transaction, mailbox: Mailbox) -> Mailbox:
    found = await one(transaction, Mailbox, "lock_mailbox", id=mailbox.id)
    assert found is not None
    return found


async def _again(transaction: Transaction, mailbox: Mailbox, message_id: str) -> Submitted:
    """The answer to a request that was made before."""
    message = await one(transaction, Message, "message", id=message_id, mailbox_id=mailbox.id)
    if message is None:
        raise Refusal("idempotency_conflict", "The mail that it made is gone.")
    approval = await one(transaction, Approval, "approval_of_message", message_id=message.id)
    reasons = ("This idempotency key was used before; the mail was not handed in again.",)
    return Submitted(message, reasons, approval, replayed=True)
