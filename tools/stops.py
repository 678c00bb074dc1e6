"""The kill switch: everybody who sends may throw it, the overseer alone lifts it; and the end of a pause."""

from pydantic import BaseModel, Field

from storage.database import Transaction, many
from storage.records import Account
from tools import events
from tools.context import Context
from tools.errors import Refusal
from tools.fields import Next
from tools.operation import Model, Operation
from tools.outbox import DELIVERIES

EVERYBODY = "*"


class StopRequest(Model):
    """Why."""

    reason: str = Field(default="", description="Why, for the people who find it stopped.", max_length=500)


class StartRequest(Model):
    """Nothing to say."""


class Sending(BaseModel):
    """Whether the account sends."""

    sending: str = Field(description="on, stopped, or paused for the reputation's sake.")
    next: Next


async def stop(context: Context, account_id: str | None, by: str, reason: str = "") -> bool:
    """Stop an account's sending, None for everybody's; what is queued or scheduled waits. False if it was stopped."""
    told = f"{'Everybody' if account_id is None else 'The account'} was stopped by {by}. {reason}".strip()

    async def work(transaction: Transaction) -> bool:
        now = context.now()
        subject = account_id or EVERYBODY
        thrown = await transaction.run("insert_stop", subject=subject, kind="stopped", reason=told, created_at=now)
        if thrown:
            await _tell(context, transaction, account_id, "sending.stopped", by=by, reason=reason)
        return bool(thrown)

    return await context.db.write(work)


async def start(context: Context, account_id: str | None, by: str) -> bool:
    """Lift the kill switch; everything goes on. False if it was not thrown."""
    return await _lift(context, account_id, "stopped", "sending.started", by)


async def resume(context: Context, account_id: str, by: str) -> bool:
    """End a pause. What went wrong before is not counted again. False if there was none."""
    return await _lift(context, account_id, "paused", "sending.resumed", by)


async def _lift(context: Context, account_id: str | None, kind: str, event: str, by: str) -> bool:
    async def work(transaction: Transaction) -> bool:
        lifted = await transaction.run("delete_stop", subject=account_id or EVERYBODY, kind=kind)
        if lifted and account_id is not None and kind == "paused":
            await transaction.run("forget_outcomes", account_id=account_id)
        if lifted:
            await _tell(context, transaction, account_id, event, by=by)
            transaction.wake(DELIVERIES)
        return bool(lifted)

    return await context.db.write(work)


async def _tell(context: Context, transaction: Transaction, account_id: str | None, event: str, **data: str) -> None:
    """An event for each account it concerns."""
    concerned = [account_id] if account_id else [each.id for each in await many(transaction, Account, "accounts")]
    for each in concerned:
        await events.record(transaction, context.now(), each, event, **data)


async def stop_sending(context: Context, request: StopRequest) -> Sending:
    """The kill switch of the caller's account."""
    await stop(context, context.principal.account_id, context.principal.name, request.reason)
    return Sending(sending="stopped", next="Nothing leaves until the overseer starts sending again.")


async def start_sending(context: Context, _: StartRequest) -> Sending:
    """Lift the caller's account's kill switch. Raises Refusal sending_stopped while everybody is stopped."""
    await start(context, context.principal.account_id, context.principal.name)
    rows = await context.db.rows("stops", account_id=context.principal.account_id)
    if any(row["kind"] == "stopped" for row in rows):
        raise Refusal("sending_stopped", "The operator stopped everybody.")
    if rows:
        return Sending(sending="paused", next="The operator ends the pause with 'gatepost account resume'.")
    return Sending(sending="on", next="What was queued leaves now.")


STOP_SENDING = Operation(
    name="stop_sending",
    title="Stop all sending",
    summary=(
        "Stop everything the account sends, at once: nothing new is taken, nothing queued or scheduled leaves. "
        "Only the overseer can lift it."
    ),
    request=StopRequest,
    result=Sending,
    run=stop_sending,
    scope="stop",
    method="POST",
    path="/v1/sending/stop",
    destructive=True,
    idempotent=True,
    open_world=False,
    mcp=False,
)

START_SENDING = Operation(
    name="start_sending",
    title="Start sending again",
    summary="Lift the kill switch of the account; what was queued goes on.",
    request=StartRequest,
    result=Sending,
    run=start_sending,
    scope="oversight",
    method="POST",
    path="/v1/sending/start",
    idempotent=True,
    mcp=False,
)
