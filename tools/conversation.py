"""The thread a mail goes on with: what it answers, how fast it goes, and its pause when programs answer each other."""

import json

from pydantic import BaseModel

from policies.decision import Decision, Verdict
from policies.facts import Conversation
from policies.loops import MARKED_SECONDS, NAME, UNMARKED_SECONDS
from storage.database import Reader, Row, Transaction
from storage.records import Message
from tools import events
from tools.context import SECOND, Context
from tools.errors import Refusal
from tools.fields import Next, ThreadId
from tools.operation import Model, Operation

_COUNTED = 100
"""More messages than this are not counted."""


class ResumeRequest(Model):
    """Which thread."""

    thread_id: ThreadId


class Resumed(BaseModel):
    """Where the thread stands."""

    thread_id: str
    next: Next


async def conversation(reader: Reader, message: Message, now: int, *, new_thread: bool = False) -> Conversation:
    """What the rules may know of the thread of a mail on its way out. `message` need not be stored yet."""
    answered = await _answered(reader, message, new_thread=new_thread)
    if not answered:
        return Conversation()
    machine = json.loads(answered[0]["findings"]).get("machine", {})
    marked = bool(machine) and machine["certain"]
    pause = await reader.rows("thread_pause", thread_id=message.thread_id)
    resumed_at = pause[0]["resumed_at"] if pause else None
    since = now - (MARKED_SECONDS if marked else UNMARKED_SECONDS) * SECOND
    turns = await reader.rows(
        "turns",
        thread_id=message.thread_id,
        message_id=message.id,
        since=max(since, resumed_at or 0),
        most=_COUNTED,
    )
    counted = {row["direction"]: row["messages"] for row in turns}
    return Conversation(
        answers=machine.get("kind", ""),
        certain=machine.get("certain", True),
        paused=bool(pause) and resumed_at is None,
        arrived=counted.get("inbound", 0),
        sent=counted.get("outbound", 0),
    )


async def _answered(reader: Reader, message: Message, *, new_thread: bool) -> list[Row]:
    """The mail that this one answers: what it names, or in a thread without ids the newest."""
    if message.in_reply_to:
        return await reader.rows("answered", mailbox_id=message.mailbox_id, in_reply_to=message.in_reply_to)
    return [] if new_thread else await reader.rows("answered_in_thread", thread_id=message.thread_id)


async def pause_if_looping(transaction: Transaction, message: Message, ruling: Decision, now: int) -> None:
    """Pause the thread of a mail that was held as one of a loop."""
    if not any(finding.rule == NAME and finding.verdict is Verdict.HOLD for finding in ruling.findings):
        return
    paused = await transaction.run("pause_thread", thread_id=message.thread_id, account_id=message.account_id, now=now)
    if paused:
        await events.about(transaction, now, message, "thread.paused", thread_id=message.thread_id)


async def resume(transaction: Transaction, account_id: str, thread_id: str, by: str, now: int) -> bool:
    """End the pause of a thread; what went before is not counted again. False if there was none."""
    resumed = await transaction.run("resume_thread", thread_id=thread_id, account_id=account_id, now=now)
    if resumed:
        await events.record(transaction, now, account_id, "thread.resumed", thread_id=thread_id, by=by)
    return bool(resumed)


async def resume_thread(context: Context, request: ResumeRequest) -> Resumed:
    """Let a paused thread go on. Raises Refusal thread_not_found."""
    who = context.principal
    found = await context.db.write(
        lambda transaction: resume(transaction, who.account_id, request.thread_id, who.name, context.now())
    )
    if not found:
        raise Refusal("thread_not_found", "No thread of that id is paused.", thread_id=request.thread_id)
    return Resumed(thread_id=request.thread_id, next="The agent may answer again; what is held still waits for you.")


RESUME_THREAD = Operation(
    name="resume_thread",
    title="Resume a thread",
    summary="Let a thread go on that was paused because two programs answered each other in it.",
    request=ResumeRequest,
    result=Resumed,
    run=resume_thread,
    scope="oversight",
    method="POST",
    path="/v1/threads/{thread_id}/resume",
    idempotent=True,
    open_world=False,
    mcp=False,
)
