"""The one way to the queue: facts, decision, and what follows from it, in one transaction (DESIGN section 3)."""

import json
from dataclasses import asdict, dataclass

from policies.decision import Decision as Ruling
from policies.decision import Verdict
from policies.facts import Outbound
from policies.modes import GATES, Mode
from policies.outbound import decide
from storage.database import Transaction, columns, one
from storage.records import Approval, Decision, Delivery, Mailbox, Message, Thread
from tools import approvals, events, replay, wires
from tools.context import Context
from tools.draft import Prepared, draft_json, people_json, recipients
from tools.errors import Refusal
from tools.mail.address import canonical, matches
from tools.mail.wire import Recipient, Wire

DELIVERIES = "deliveries"
"""Wake-up topic of those who carry mail out."""

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


async def submit(context: Context, mailbox: Mailbox, submission: Submission) -> Submitted:
    """Decide on a new mail and write what follows. Raises Refusal when it is denied, after having noted it."""
    blob = await wires.store_large(context, submission.prepared.rendered.raw)

    async def work(transaction: Transaction) -> tuple[Submitted, Ruling | None]:
        prepared = submission.prepared
        earlier = await replay.recall(
            context, transaction, submission.idempotency_key, submission.request_hash, prepared.message_id
        )
        if earlier is not None:
            return await _again(transaction, mailbox, earlier), None
        return await _enter(context, transaction, mailbox, submission, blob)

    submitted, ruling = await context.db.write(work)
    if ruling is not None and ruling.verdict is Verdict.DENY:
        by_mode = any(finding.rule == "oversight" for finding in ruling.deciding)
        code = "read_only_mailbox" if by_mode else "denied"
        raise Refusal(code, message_id=submitted.message.id, reasons=list(submitted.reasons))
    return submitted


async def release(
    context: Context, transaction: Transaction, mailbox: Mailbox, message: Message, digest: str, wire: Wire, by: str
) -> None:
    """The same gate again, with an approver among the facts. Raises Refusal approval_refused, which undoes all."""
    addressed = tuple(recipient.address for recipient in wire.recipients if not recipient.copy)
    ruling = decide(await _facts(transaction, mailbox, addressed, approver=by))
    if ruling.verdict is not Verdict.ALLOW:
        raise Refusal("approval_refused", reasons=[finding.reason for finding in ruling.deciding])
    decision = await _decision(context, transaction, message, digest, ruling, approver=by)
    await _queue(context, transaction, message, decision, wire)
    await transaction.run("set_status", id=message.id, status="queued")


async def _enter(
    context: Context, transaction: Transaction, mailbox: Mailbox, submission: Submission, blob: str | None
) -> tuple[Submitted, Ruling]:
    # locked and read again: a mode made stricter while the mail was rendered counts
    mailbox = await _locked(transaction, mailbox)
    draft = submission.prepared.draft
    ruling = decide(await _facts(transaction, mailbox, recipients(draft), requested=submission.requested))
    message = await _message(context, transaction, mailbox, submission.prepared, STATUS[ruling.verdict])
    copies = await _copies(transaction, mailbox)
    addressed = tuple(Recipient(address) for address in recipients(draft))
    known = {canonical(recipient.address) for recipient in addressed}
    extra = tuple(copy for copy in copies if canonical(copy.address) not in known)
    wire = Wire(mailbox.address, addressed + extra, submission.prepared.rendered.raw)
    digest = await wires.keep(transaction, message.id, 1, wire, blob, draft_json(draft), message.created_at)
    decision = await _decision(context, transaction, message, digest, ruling)
    approval = None
    if ruling.verdict is Verdict.ALLOW:
        await _queue(context, transaction, message, decision, wire)
    elif ruling.verdict is Verdict.HOLD:
        approval = await approvals.hold(context, transaction, message, ruling.deciding, submission.note)
    reasons = tuple(finding.reason for finding in ruling.deciding)
    return Submitted(message, reasons, approval), ruling


async def _locked(transaction: Transaction, mailbox: Mailbox) -> Mailbox:
    found = await one(transaction, Mailbox, "lock_mailbox", id=mailbox.id)
    assert found is not None
    return found


async def _facts(
    transaction: Transaction,
    mailbox: Mailbox,
    addressed: tuple[str, ...],
    *,
    requested: bool = False,
    approver: str | None = None,
) -> Outbound:
    patterns = [row["pattern"] for row in await transaction.rows("allowlist", mailbox_id=mailbox.id)]
    strangers = tuple(address for address in addressed if not any(matches(pattern, address) for pattern in patterns))
    return Outbound(Mode(mailbox.mode), addressed, strangers, requested, approver)


async def _copies(transaction: Transaction, mailbox: Mailbox) -> tuple[Recipient, ...]:
    """The automatic copy a monitored mailbox makes; it is part of the envelope, so of the digest too."""
    if not GATES[Mode(mailbox.mode)].copies_overseer:
        return ()
    return (Recipient(await approvals.overseer_of(transaction, mailbox.account_id), copy=True),)


async def _message(
    context: Context, transaction: Transaction, mailbox: Mailbox, prepared: Prepared, status: str
) -> Message:
    now = context.now()
    draft, parent = prepared.draft, prepared.parent
    message = Message(
        id=prepared.message_id,
        account_id=mailbox.account_id,
        mailbox_id=mailbox.id,
        thread_id=parent.thread_id if parent else context.new_id("thr"),
        direction="outbound",
        status=status,
        revision=1,
        rfc_message_id=draft.message_id,
        in_reply_to=draft.in_reply_to or "",
        reference_ids=" ".join(draft.references),
        from_email=draft.sender.email,
        from_name=draft.sender.name,
        people=people_json(draft),
        subject=draft.subject,
        markdown=draft.markdown,
        body_text=prepared.rendered.text,
        body_html=prepared.rendered.html,
        new_text=prepared.rendered.text,
        quoted="",
        attachments=prepared.attachments,
        findings="{}",
        size=len(prepared.rendered.raw),
        created_at=now,
    )
    if parent is None:
        thread = Thread(message.thread_id, mailbox.id, draft.subject, now, now)
        await transaction.run("insert_thread", **columns(thread))
    else:
        await transaction.run("touch_thread", id=message.thread_id, last_at=now)
    await transaction.run("insert_message", **columns(message))
    await events.about(transaction, context.now(), message, f"message.{status}")
    return message


async def _decision(
    context: Context,
    transaction: Transaction,
    message: Message,
    digest: str,
    ruling: Ruling,
    approver: str | None = None,
) -> Decision:
    decision = Decision(
        id=context.new_id("dec"),
        message_id=message.id,
        revision=message.revision,
        digest=digest,
        verdict=ruling.verdict,
        findings=json.dumps([asdict(finding) for finding in ruling.findings], ensure_ascii=False),
        approver=approver,
        created_at=context.now(),
    )
    await transaction.run("insert_decision", **columns(decision))
    return decision


async def _queue(context: Context, transaction: Transaction, message: Message, decision: Decision, wire: Wire) -> None:
    """One delivery a recipient. The foreign key refuses any but an allow decision of this message."""
    for recipient in wire.recipients:
        delivery = Delivery(
            id=context.new_id("dlv"),
            account_id=message.account_id,
            message_id=message.id,
            decision_id=decision.id,
            recipient=recipient.address,
            is_copy=int(recipient.copy),
            state="queued",
            attempts=0,
            due_at=decision.created_at,
            lease_until=0,
            lease="",
            code=0,
            enhanced="",
            reply="",
            category="",
            host="",
            created_at=decision.created_at,
        )
        await transaction.run("insert_delivery", **columns(delivery))
    transaction.wake(DELIVERIES)


async def _again(transaction: Transaction, mailbox: Mailbox, message_id: str) -> Submitted:
    """The answer to a request that was made before."""
    message = await one(transaction, Message, "message", id=message_id, mailbox_id=mailbox.id)
    if message is None:
        raise Refusal("idempotency_conflict", "It was used for another mailbox.")
    approval = await one(transaction, Approval, "approval_of_message", message_id=message.id)
    reasons = ("This idempotency key was used before; the mail was not handed in again.",)
    return Submitted(message, reasons, approval, replayed=True)
