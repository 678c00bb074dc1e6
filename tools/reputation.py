"""What became of an account's mail, counted by the hour; too many bounces or complaints pause its sending."""

from typing import Any

from policies.reputation import Outcomes, judge
from policies.windows import Span
from storage.database import Transaction
from storage.records import Delivery
from tools import events
from tools.context import DAY, Context

SIMULATOR = "@simulator.test"
"""Recipients there are made up."""


async def settled(context: Context, transaction: Transaction, delivery: Delivery, state: str) -> None:
    """Count a delivery that has come to its end, or come back after it; `delivery` is as it was before."""
    if state not in ("sent", "bounced") or not _real(delivery):
        return
    # a bounce after the other side's yes was counted as settled before
    late = delivery.state == "sent"
    await _count(context, transaction, delivery.account_id, settled=int(not late), bounced=int(state == "bounced"))


async def complained(context: Context, transaction: Transaction, delivery: Delivery) -> None:
    """Count a complaint about a delivery."""
    if _real(delivery):
        await _count(context, transaction, delivery.account_id, complained=1)


def _real(delivery: Delivery) -> bool:
    """Whether the mail went to a stranger: what is rehearsed, or copied to the overseer, says nothing."""
    return not (delivery.sandbox or delivery.is_copy or delivery.recipient.endswith(SIMULATOR))


async def _count(
    context: Context, transaction: Transaction, account_id: str, settled: int = 0, bounced: int = 0, complained: int = 0
) -> None:
    now = context.now()
    rows = await transaction.rows(
        "count_outcome",
        account_id=account_id,
        hour=Span.HOUR.start(now),
        settled=settled,
        bounced=bounced,
        complained=complained,
    )
    # good news changes the verdict only as long as the sample is too small for one
    if bounced or complained or rows[0]["settled"] <= context.site.thresholds.sample:
        await _judge(context, transaction, account_id, now)


async def _judge(context: Context, transaction: Transaction, account_id: str, now: int) -> None:
    rows = await transaction.rows("outcomes", account_id=account_id, after=now - DAY)
    row = rows[0]
    outcomes = Outcomes(row["settled"], row["bounced"], row["complained"])
    health = judge(outcomes, context.site.thresholds)
    numbers: dict[str, Any] = {
        "settled": outcomes.settled,
        "bounced": outcomes.bounced,
        "complained": outcomes.complained,
    }
    if health.state == "warned" and not row["warned"]:
        await transaction.run("note_warning", account_id=account_id, hour=Span.HOUR.start(now))
        await events.record(transaction, now, account_id, "sending.warned", reason=health.reason, **numbers)
    if health.state == "paused":
        reason = f"Sending is paused: {health.reason}"
        if await transaction.run("insert_stop", subject=account_id, kind="paused", reason=reason, created_at=now):
            await events.record(transaction, now, account_id, "sending.paused", reason=health.reason, **numbers)
