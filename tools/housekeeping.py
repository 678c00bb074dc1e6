"""What is done in good time without being asked: ending and recalling approvals, forgetting old requests."""

from storage.database import Transaction, many
from storage.records import Approval
from tools import approvals, greylist, quorum
from tools.context import DAY, HOUR, Context
from tools.decide import expire_due
from tools.mail.srs import LIFE_DAYS
from tools.retention import purge

AT_ONCE = 100


async def tidy(context: Context) -> None:
    """End the approvals whose time is over, remind of others, forget keys, counts and mail that are over.

    Raises Unavailable.
    """
    await expire_due(context)
    await _remind(context)
    await greylist.forget(context)

    async def work(transaction: Transaction) -> None:
        await transaction.run("forget_requests", before=context.now() - DAY)
        await transaction.run("forget_forwarded", before=context.now() - LIFE_DAYS * DAY)
        await transaction.run("forget_old_outcomes", before=context.now() - 2 * DAY)
        await transaction.run("forget_usage_ahead", before=context.now() - 32 * DAY)

    await context.db.write(work)
    await purge(context)


async def _remind(context: Context) -> None:
    """Mail the notice of an approval once more to those who have not decided for long."""
    if not context.site.reminder_hours:
        return
    now = context.now()
    before = now - context.site.reminder_hours * HOUR
    waiting = await many(context.db, Approval, "approvals_to_remind", before=before, now=now, limit=AT_ONCE)

    async def work(transaction: Transaction) -> None:
        for approval in waiting:
            if await transaction.run("reminded", id=approval.id, now=now):
                for reviewer in await quorum.awaited(transaction, approval):
                    await approvals.notify(context, transaction, approval.account_id, "approval", reviewer, approval.id)

    if waiting:
        await context.db.write(work)
