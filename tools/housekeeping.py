"""What is done in good time without being asked: ending approvals, forgetting old requests."""

from storage.database import Transaction
from tools.context import DAY, Context
from tools.decide import expire_due


async def tidy(context: Context) -> None:
    """End the approvals whose time is over, and forget idempotency keys after a day. Raises Unavailable."""
    await expire_due(context)

    async def work(transaction: Transaction) -> None:
        await transaction.run("forget_requests", before=context.now() - DAY)

    await context.db.write(work)
