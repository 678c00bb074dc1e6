"""Putting a message before people: the approval, the links that are mailed, and the links' life."""

import json
from typing import Any

from policies.decision import Finding
from storage.database import Reader, Transaction, columns, one
from storage.records import Account, Approval, ApprovalLink, Message, Notice
from tools import events
from tools.context import HOUR, Context
from tools.quorum import oversight_of

NOTICES = "notices"
"""Wake-up topic of those who carry notices out."""


async def hold(
    context: Context, transaction: Transaction, message: Message, findings: tuple[Finding, ...], note: str = ""
) -> Approval:
    """Make an approval for a message, with a link and a notice to each overseer who is asked."""
    now = context.now()
    oversight = await oversight_of(transaction, message.account_id)
    approval = Approval(
        id=context.new_id("apr"),
        account_id=message.account_id,
        mailbox_id=message.mailbox_id,
        message_id=message.id,
        revision=message.revision,
        direction=message.direction,
        state="pending",
        reasons=json.dumps({"why": [finding.reason for finding in findings], "note": note}, ensure_ascii=False),
        created_at=now,
        expires_at=now + context.site.approval_hours * HOUR,
        needed=oversight.needed(findings) if message.direction == "outbound" else 1,
    )
    await transaction.run("insert_approval", **columns(approval))
    for reviewer in oversight.asked(approval.needed):
        await issue_link(context, transaction, approval, reviewer)
        await notify(context, transaction, message.account_id, "approval", reviewer, approval.id)
    await record(context, transaction, approval, "approval.pending", needed=approval.needed)
    return approval


async def message_of(reader: Reader, approval: Approval) -> Message:
    """The message an approval is about."""
    ids = {"id": approval.message_id, "account_id": approval.account_id}
    message = await one(reader, Message, "message_of_account", **ids)
    assert message is not None, "it is there by foreign key"
    return message


async def overseer_of(transaction: Transaction, account_id: str) -> str:
    """The address of the account's overseer."""
    account = await one(transaction, Account, "account", id=account_id)
    assert account is not None
    return account.overseer


def link_token(context: Context, approval_id: str, revision: int, reviewer: str) -> str:
    """The 256-bit token of a link, bound to approval, revision and reviewer; derived, so never stored."""
    return context.secret.token("approval link", approval_id, str(revision), reviewer)


async def issue_link(context: Context, transaction: Transaction, approval: Approval, reviewer: str) -> None:
    """Make the link for one reviewer and the approval's present revision; only its hash is stored."""
    token = link_token(context, approval.id, approval.revision, reviewer)
    link = ApprovalLink(
        hash=context.secret.hash(token),
        approval_id=approval.id,
        message_id=approval.message_id,
        revision=approval.revision,
        reviewer=reviewer,
        expires_at=approval.expires_at,
    )
    await transaction.run("insert_approval_link", **columns(link))


async def notify(
    context: Context, transaction: Transaction, account_id: str, kind: str, recipient: str, subject_id: str
) -> None:
    """Queue a notice to a person on its own path; what it says is rendered when it leaves."""
    now = context.now()
    notice = Notice(context.new_id("ntc"), account_id, kind, recipient, subject_id, "queued", 0, now, 0, "", now)
    await transaction.run("insert_notice", **columns(notice))
    transaction.wake(NOTICES)


async def end(
    context: Context, transaction: Transaction, approval: Approval, state: str, by: str, reason: str = ""
) -> bool:
    """Move a pending approval to its end by compare-and-set; False when somebody was first."""
    now = context.now()
    moved = await transaction.run(
        "end_approval",
        id=approval.id,
        revision=approval.revision,
        state=state,
        now=now,
        decided_by=by,
        reason=reason,
    )
    if not moved:
        return False
    await transaction.run("use_links", approval_id=approval.id, now=now)
    await record(context, transaction, approval, f"approval.{state}", by=by, reason=reason)
    return True


async def record(context: Context, transaction: Transaction, approval: Approval, type_: str, **data: Any) -> None:
    """Append an event about an approval at its present revision."""
    await events.record(
        transaction,
        context.now(),
        approval.account_id,
        type_,
        mailbox_id=approval.mailbox_id,
        message_id=approval.message_id,
        approval_id=approval.id,
        revision=approval.revision,
        direction=approval.direction,
        **data,
    )
