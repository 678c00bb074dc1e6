"""Mail that leaves later: sending it through the gate in its time, and changing it before."""

import json

from pydantic import BaseModel, Field

from policies.decision import Decision, Verdict
from policies.limits import no_room, room_at
from storage.database import Transaction, many, one
from storage.errors import Damaged, Missing, Unavailable
from storage.records import Delivery, Mailbox, Message, Schedule
from storage.records import Wire as WireRow
from tools import events, gate, limits, wires
from tools.access import mailbox_of, message_of
from tools.context import Context
from tools.deliver import fail
from tools.errors import Refusal
from tools.facts import addressed_by
from tools.fields import MAX_MARKDOWN, MAX_SUBJECT, Address, MessageId, Next
from tools.mail.wire import Wire
from tools.operation import MailboxId, Model, Operation
from tools.outgoing import Altered, Lost
from tools.revision import Edit, Revision, revise, write
from tools.timing import timing_of
from tools.views import time_text

AT_ONCE = 50


class ScheduleChange(Model):
    """What to change of a scheduled mail; what is left out stays."""

    message_id: MessageId
    send_at: str | None = Field(default=None, description="The new time, in UTC with Z.", max_length=40)
    to: list[Address] | None = Field(default=None, description="The new recipients.")
    cc: list[Address] | None = Field(default=None, description="The new further recipients.")
    bcc: list[Address] | None = Field(default=None, description="The new hidden recipients.")
    subject: str | None = Field(default=None, description="The new subject.", min_length=1, max_length=MAX_SUBJECT)
    markdown: str | None = Field(default=None, description="The new body.", min_length=1, max_length=MAX_MARKDOWN)
    mailbox_id: MailboxId = None


class Scheduled(BaseModel):
    """Where the mail stands."""

    message_id: str
    status: str = Field(description="scheduled, or pending_send_approval when a person has to see the change first.")
    revision: int
    send_at: str
    next: Next


async def fire_due(context: Context) -> int:
    """Send the mail whose time has come through the gate that waited for it; how many. Raises Unavailable."""
    due = await many(context.db, Schedule, "due_for_the_gate", now=context.now(), limit=AT_ONCE)
    for schedule in due:
        message = await one(
            context.db, Message, "message_of_account", id=schedule.message_id, account_id=schedule.account_id
        )
        if message is not None:
            await _fire_stored(context, message)
    return len(due)


async def _fire_stored(context: Context, message: Message) -> None:
    """One that is lost or damaged ends here: it must not keep those behind it waiting."""
    flaw: Altered
    try:
        await _fire(context, await wires.wire_row(context, context.db, message.id, message.revision))
        return
    except Missing:
        flaw = Lost("the stored mail is missing")
    except Damaged:
        flaw = Altered("the stored mail is damaged")

    async def work(transaction: Transaction) -> None:
        current, _ = await _locked(transaction, message.id)
        if current == message and await transaction.run("gate_schedule", message_id=message.id):
            await fail(context, transaction, message, flaw)

    await context.db.write(work)


async def _fire(context: Context, row: WireRow) -> None:
    async def work(transaction: Transaction) -> None:
        if not await transaction.run("gate_schedule", message_id=row.message_id):
            return
        message, mailbox = await _locked(transaction, row.message_id)
        if message.status != "scheduled" or message.revision != row.revision:
            return
        stored = Wire.of(row.envelope, row.data or b"")
        wire = Wire(stored.sender, await gate.envelope(transaction, mailbox, message), stored.raw)
        leaves_at = gate.leaving(context, mailbox, None)
        ruling = await gate.ruling_on(context, transaction, mailbox, message, leaves_at=leaves_at)
        at = room_at(ruling, len(addressed_by(message)), context.now())
        if at is not None:
            await _postpone(context, transaction, message, at)
            return
        if wire == stored:
            await gate.carry_out(context, transaction, mailbox, message, row.digest, wire, ruling, leaves_at)
            return
        # the mode was changed meanwhile, and with it who gets a copy: another envelope is another revision
        form = wires.Sealed.of(wire, row.blob)
        await wires.keep(transaction, message.id, row.revision + 1, form, row.draft, context.now())
        await transaction.run("set_revision", id=message.id, revision=row.revision + 1)
        moved = await _again(transaction, message.id)
        await gate.carry_out(context, transaction, mailbox, moved, form.digest, wire, ruling, leaves_at)

    await context.db.write(work)


async def _postpone(context: Context, transaction: Transaction, message: Message, at: int) -> None:
    """Keep a mail for the time when the limits have room for it again: it was promised to leave, and is not lost."""
    await transaction.run("postpone_schedule", message_id=message.id, send_at=at)
    await events.about(transaction, context.now(), message, "message.postponed", send_at=time_text(at))


async def edit_scheduled(context: Context, request: ScheduleChange) -> Scheduled:
    """Change a mail that is scheduled; changed content goes through the gate again.

    Raises Refusal not_editable, and what the gate denies the change for: the mail then stays as it was.
    """
    mailbox = await mailbox_of(context, request.mailbox_id)
    message = await message_of(context.db, mailbox, request.message_id)
    if message.status != "scheduled":
        raise Refusal("not_editable", f"It is {message.status}.", status=message.status)
    row = await wires.wire_row(context, context.db, message.id, message.revision)
    revision = await revise(context, message, row, _edit(row, request)) if _changes_content(request) else None
    send_at = timing_of(request.send_at, "gate_first", context.now()).send_at
    await context.db.write(lambda transaction: _change(context, transaction, message, revision, send_at))
    return await _outcome(context, mailbox, message.id)


async def _change(
    context: Context, transaction: Transaction, seen: Message, revision: Revision | None, send_at: int | None
) -> None:
    message, mailbox = await _locked(transaction, seen.id)
    if message.status != "scheduled" or message.revision != seen.revision:
        raise Refusal("not_editable", f"It is {message.status}.", status=message.status)
    if send_at is not None:
        await transaction.run("move_schedule", message_id=message.id, send_at=send_at)
        if revision is None:
            await _move(context, transaction, mailbox, message, send_at)
    if revision is not None:
        await _take_back(context, transaction, message)
        copies = tuple(each for each in await gate.envelope(transaction, mailbox, message) if each.copy)
        wire, digest = await write(context, transaction, message, revision, copies)
        schedule = await one(transaction, Schedule, "schedule", message_id=message.id)
        if schedule is not None and schedule.gated:
            changed = await _again(transaction, message.id)
            leaves_at = gate.leaving(context, mailbox, schedule.send_at)
            ruling = await gate.ruling_on(context, transaction, mailbox, changed, leaves_at=leaves_at)
            if ruling.verdict is Verdict.DENY:
                raise gate.denial(ruling, message.id)
            await gate.carry_out(context, transaction, mailbox, changed, digest, wire, ruling, leaves_at)
    await events.about(transaction, context.now(), message, "message.rescheduled", by=context.principal.name)


async def _move(context: Context, transaction: Transaction, mailbox: Mailbox, message: Message, send_at: int) -> None:
    """Give the mail's deliveries another time, if the limits have room for them then."""
    before = await many(transaction, Delivery, "deliveries", message_id=message.id)
    await transaction.run("move_deliveries", message_id=message.id, due_at=send_at, now=context.now())
    after = {each.id: each for each in await many(transaction, Delivery, "deliveries", message_id=message.id)}
    moved = [each for each in before if after[each.id].due_at != each.due_at]
    await limits.give_back(transaction, message, moved)
    places = sum(not each.is_copy for each in moved)
    finding = no_room(await limits.allowance(context, transaction, mailbox, send_at), places)
    if finding is not None:
        raise gate.denial(Decision(Verdict.DENY, (finding,)), message.id)
    await limits.count(transaction, message, [after[each.id] for each in moved])


async def _take_back(context: Context, transaction: Transaction, message: Message) -> None:
    """Take back every delivery, or refuse: one that was begun may be leaving this very moment."""
    deliveries = await many(transaction, Delivery, "deliveries", message_id=message.id)
    taken = await transaction.run("take_back_deliveries", message_id=message.id, now=context.now())
    if taken < len(deliveries):
        raise Refusal("not_editable", "It has begun to leave.")
    await limits.give_back(transaction, message, deliveries)


def _changes_content(request: ScheduleChange) -> bool:
    return any(getattr(request, name) is not None for name in ("to", "cc", "bcc", "subject", "markdown"))


def _edit(row: WireRow, request: ScheduleChange) -> Edit:
    draft = json.loads(row.draft)

    def kept(name: str) -> tuple[str, ...]:
        given = getattr(request, name)
        return tuple(draft[name] if given is None else given)

    return Edit(
        kept("to"),
        kept("cc"),
        kept("bcc"),
        request.subject or draft["subject"],
        request.markdown or draft["markdown"],
    )


async def _outcome(context: Context, mailbox: Mailbox, message_id: str) -> Scheduled:
    message = await message_of(context.db, mailbox, message_id)
    schedule = await one(context.db, Schedule, "schedule", message_id=message_id)
    assert schedule is not None
    held = message.status == "pending_send_approval"
    return Scheduled(
        message_id=message.id,
        status=message.status,
        revision=message.revision,
        send_at=time_text(schedule.send_at),
        next="A person has been asked about the change; do not resend." if held else "It leaves at send_at.",
    )


async def _locked(transaction: Transaction, message_id: str) -> tuple[Message, Mailbox]:
    message = await _again(transaction, message_id)
    mailbox = await one(transaction, Mailbox, "lock_mailbox", id=message.mailbox_id)
    assert mailbox is not None
    # read once more: what was read before the lock may be old on PostgreSQL
    return await _again(transaction, message_id), mailbox


async def _again(transaction: Transaction, message_id: str) -> Message:
    message = await one(transaction, Message, "any_message", id=message_id)
    if message is None:
        raise Unavailable(f"the message {message_id} is missing")
    return message


EDIT_SCHEDULED = Operation(
    name="edit_scheduled",
    title="Change a scheduled mail",
    summary=(
        "Change the time, the recipients or the text of a mail that is scheduled. Changed content goes through the "
        "mailbox's oversight again. To withdraw it use cancel."
    ),
    request=ScheduleChange,
    result=Scheduled,
    run=edit_scheduled,
    scope="send",
    method="PATCH",
    path="/v1/mailboxes/{mailbox_id}/emails/{message_id}/schedule",
)
