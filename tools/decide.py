"""A person's decision on a held message: approve, reject, or edit into a new revision."""

from dataclasses import replace

from storage.database import Transaction, one, record
from storage.records import Approval, ApprovalLink, Mailbox, Message
from storage.records import Wire as WireRow
from tools import approvals, events, expected, failures, gate, quorum, wires
from tools.acquaintance import named_by, note_arrival
from tools.context import Context
from tools.errors import Refusal
from tools.mail.wire import Wire
from tools.revision import Edit, revise, write

EXPIRED_AT_ONCE = 100


async def approval_by_token(context: Context, token: str) -> tuple[Approval, ApprovalLink]:
    """The approval a mailed link opens. Raises Refusal link_invalid, link_expired."""
    link = await one(context.db, ApprovalLink, "approval_link", hash=context.secret.hash(token))
    if link is None:
        raise Refusal("link_invalid")
    message = await one(context.db, Approval, "approval_of_message", message_id=link.message_id)
    if message is None or message.id != link.approval_id:
        raise Refusal("link_invalid")
    if link.reviewer not in (await quorum.oversight_of(context.db, message.account_id)).overseers:
        raise Refusal("link_invalid", "It was made for somebody who oversees this account no longer.")
    if message.state == "pending" and link.expires_at <= context.now():
        raise Refusal("link_expired")
    return message, link


async def approve(context: Context, approval: Approval, revision: int, by: str) -> int:
    """Let the message through, as it was shown, once enough people approve; how many more must.

    Raises Refusal already_decided, approval_refused, not_overseer.
    """

    async def work(transaction: Transaction) -> int:
        standing = await quorum.vote(context, transaction, approval, revision, by)
        await _note_vote(context, transaction, standing)
        if standing.missing:
            return standing.missing
        everybody = " and ".join(standing.approvers)
        message = await _ended(context, transaction, approval, revision, "approved", everybody)
        mailbox = await one(transaction, Mailbox, "mailbox", id=approval.mailbox_id, account_id=approval.account_id)
        assert mailbox is not None
        if message.direction == "inbound":
            await _let_in(context, transaction, message)
            return 0
        row = await one(transaction, WireRow, "wire", message_id=message.id, revision=revision)
        assert row is not None
        await gate.release(context, transaction, mailbox, message, row.digest, _envelope(row), everybody)
        return 0

    return await context.db.write(work)


async def reject(context: Context, approval: Approval, revision: int, by: str, reason: str) -> None:
    """Stop the message for good and tell the agent why; one person is enough. Raises Refusal already_decided."""

    async def work(transaction: Transaction) -> None:
        (await quorum.oversight_of(transaction, approval.account_id)).admit(by)
        message = await _ended(context, transaction, approval, revision, "rejected", by, reason)
        await transaction.run("set_status", id=message.id, status="rejected")
        await failures.tell_withheld(context, transaction, message)

    await context.db.write(work)


async def edit(context: Context, approval: Approval, revision: int, by: str, changes: Edit) -> Approval:
    """Make a new revision of an outbound mail; it still waits, under a new digest and new links.

    What was approved before the edit counts no longer. The original stays for the audit, and the difference is kept
    for the agent. Raises Refusal.
    """
    message = await approvals.message_of(context.db, approval)
    if message.direction != "outbound" or revision != approval.revision or approval.state != "pending":
        raise Refusal("already_decided")
    old = await wires.wire_row(context, context.db, message.id, revision)
    edited = await revise(context, message, old, changes)
    copies = tuple(each for each in _envelope(old).recipients if each.copy)
    after = replace(approval, revision=edited.number, changes=edited.changes)

    async def work(transaction: Transaction) -> None:
        moved = await transaction.run(
            "revise_approval", id=approval.id, was=revision, revision=after.revision, changes=after.changes
        )
        if not moved:
            raise Refusal("already_decided")
        oversight = await quorum.oversight_of(transaction, approval.account_id)
        oversight.admit(by)
        _, digest = await write(context, transaction, message, edited, copies)
        await transaction.run("use_links", approval_id=approval.id, now=context.now())
        needed = await quorum.needed_after_edit(context, transaction, oversight, after)
        for reviewer in dict.fromkeys((by, *oversight.asked(needed))):
            await approvals.issue_link(context, transaction, after, reviewer)
            if reviewer != by:
                await approvals.notify(context, transaction, after.account_id, "approval", reviewer, after.id)
        await events.about(
            transaction, context.now(), message, "message.edited", by=by, revision=after.revision, digest=digest
        )

    await context.db.write(work)
    return after


async def expire_due(context: Context) -> int:
    """End the approvals whose time is over: nobody having said yes means no. The number ended."""
    rows = await context.db.rows("expired_approvals", now=context.now(), limit=EXPIRED_AT_ONCE)

    async def work(transaction: Transaction) -> int:
        ended = 0
        for row in rows:
            approval = record(Approval, row)
            if await approvals.end(context, transaction, approval, "expired", "the system", "Nobody decided in time."):
                await transaction.run("set_status", id=approval.message_id, status="rejected")
                message = await one(transaction, Message, "any_message", id=approval.message_id)
                if message is not None:
                    await failures.tell_withheld(context, transaction, message)
                ended += 1
        return ended

    return await context.db.write(work) if rows else 0


async def _note_vote(context: Context, transaction: Transaction, standing: quorum.Standing) -> None:
    """Where several must approve, each approval is an event of its own."""
    approval, cast = standing.approval, standing.cast
    if cast is not None and approval.needed > 1:
        approvals_text = f"{len(standing.approvers)} of {approval.needed}"
        await approvals.record(
            context,
            transaction,
            approval,
            "approval.voted",
            by=cast.reviewer,
            digest=cast.digest,
            approvals=approvals_text,
        )


async def _ended(
    context: Context,
    transaction: Transaction,
    approval: Approval,
    revision: int,
    state: str,
    by: str,
    reason: str = "",
) -> Message:
    """Compare-and-set on the approval, against the revision that the person saw."""
    seen = replace(approval, revision=revision)
    current = await one(transaction, Approval, "approval", id=approval.id, account_id=approval.account_id)
    if current is None or current.expires_at <= context.now():
        raise Refusal("already_decided")
    if not await approvals.end(context, transaction, seen, state, by, reason):
        raise Refusal("already_decided")
    return await approvals.message_of(transaction, approval)


def _envelope(row: WireRow) -> Wire:
    """The stored envelope, without the bytes: those are checked against the digest before the socket."""
    try:
        return Wire.of(row.envelope, b"")
    except ValueError as error:
        raise Refusal("approval_refused", "The stored mail is damaged.") from error


async def _let_in(context: Context, transaction: Transaction, message: Message) -> None:
    await transaction.run("set_status", id=message.id, status="unread")
    await note_arrival(transaction, message, named_by(message))
    await expected.answered(transaction, message)
    await events.about(transaction, context.now(), message, "message.received")
