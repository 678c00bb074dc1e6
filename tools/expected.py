"""Answers that an agent waits for: an event tells when none came in time."""

import json
from functools import partial

from storage.database import Transaction, many, one
from storage.records import ExpectedReply, Message
from tools import events
from tools.context import SECOND, Context

AT_ONCE = 50
EVENT = "reply.overdue"
_WAITS = frozenset({"pending_send_approval", "scheduled"})
_NEVER_WENT = frozenset({"rejected", "cancelled", "send_failed", "bounced"})


async def expect(transaction: Transaction, message: Message, wait: int) -> None:
    """Ask for an event when nobody answers a mail within `wait` microseconds after it leaves; 0 asks for nothing."""
    if wait:
        await transaction.run("expect_reply", thread_id=message.thread_id, message_id=message.id, wait=wait)


async def leaves(transaction: Transaction, message: Message, at: int) -> None:
    """The time runs from when a mail leaves, and starts anew with each further mail of ours in the thread."""
    await transaction.run("start_waiting", thread_id=message.thread_id, message_id=message.id, leaves_at=at)


async def answered(transaction: Transaction, message: Message) -> None:
    """An answer came. What a machine sent is none: an out-of-office must not end the waiting."""
    expected = await one(transaction, ExpectedReply, "expected_reply", thread_id=message.thread_id)
    if expected is not None and not json.loads(message.findings).get("automatic"):
        await transaction.run("reply_came", thread_id=message.thread_id)


async def tell_overdue(context: Context) -> int:
    """Tell of the answers that did not come in time, each once; how many were due. Raises Unavailable."""
    due = await many(context.db, ExpectedReply, "overdue_replies", now=context.now(), limit=AT_ONCE)
    for expected in due:
        await context.db.write(partial(_tell, context, expected))
    return len(due)


async def _tell(context: Context, expected: ExpectedReply, transaction: Transaction) -> None:
    message = await one(transaction, Message, "any_message", id=expected.message_id)
    if message is not None and message.status in _WAITS:
        # it counts from when a person lets it through
        await transaction.run("wait_for_decision", thread_id=expected.thread_id, due_at=expected.due_at)
        return
    taken = await transaction.run("take_overdue", thread_id=expected.thread_id, due_at=expected.due_at)
    if taken and message is not None and message.status not in _NEVER_WENT:
        await events.about(
            transaction,
            context.now(),
            message,
            EVENT,
            thread_id=expected.thread_id,
            waited_seconds=expected.wait // SECOND,
        )
