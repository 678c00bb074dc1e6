"""`report_spam`, `not_spam` and `list_spam`: what is kept apart, who lets it in, what is remembered."""

from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, Field

from policies.facts import Inbound
from policies.inbound import Fate, accept, fate_of
from policies.modes import Mode
from storage.database import Transaction, many, one
from storage.records import Mailbox, Message, MessageHead
from tools import approvals, events, expected
from tools.access import hidden_from_agent, message_within
from tools.acquaintance import named_by, note_arrival
from tools.context import Context, Principal
from tools.errors import Refusal
from tools.fields import Limit, ListedMessage, MessageId, Next
from tools.mail.address import canonical, domain_of
from tools.operation import Model, Operation
from tools.paging import NextCursor, cursor_after, paged, position
from tools.views import listed

_IN_THE_MAILBOX = frozenset({"unread", "read", "archived", "spam_flagged"})


class SpamRequest(Model):
    """Which message."""

    message_id: MessageId


class SpamListRequest(Model):
    """Which spam to list."""

    status: Literal["spam_flagged", "spam_quarantined"] | None = Field(
        default=None, description="spam_flagged: delivered and marked. spam_quarantined: kept apart. Without it: both."
    )
    limit: Limit = 20
    cursor: str | None = Field(default=None, description="next_cursor of the page before.", max_length=200)


class Marked(BaseModel):
    """Where the message is now."""

    message_id: str
    status: str
    user_label: Literal["spam", "not_spam"] = Field(description="What was said about it.")
    next: Next


class SpamPage(BaseModel):
    """Spam of the account, newest first."""

    messages: list[ListedMessage]
    next_cursor: NextCursor
    next: Next


async def report_spam(context: Context, request: SpamRequest) -> Marked:
    """Keep a received mail apart, and its sender's next ones. Raises Refusal message_not_found, not_markable."""
    message = await _message(context, request.message_id)
    await mark_as_spam(context, message)
    return Marked(
        message_id=message.id,
        status="spam_quarantined",
        user_label="spam",
        next="Only the overseer sees it now, and can let it in again.",
    )


async def not_spam(context: Context, request: SpamRequest) -> Marked:
    """Take the mark off a mail, or let it in. Raises Refusal message_not_found, missing_scope, not_markable."""
    message = await _message(context, request.message_id)
    status = await mark_as_wanted(context, message)
    return Marked(message_id=message.id, status=status, user_label="not_spam", next="read_message shows it.")


async def list_spam(context: Context, request: SpamListRequest) -> SpamPage:
    """Marked mail and mail kept apart. Raises Refusal invalid_cursor."""
    before_at, before_id = position(request.cursor)
    found = await many(
        context.db,
        MessageHead,
        "spam_of_account",
        account_id=context.principal.account_id,
        mailbox_id=context.principal.mailbox_id,
        status=request.status,
        before_at=before_at,
        before_id=before_id,
        limit=request.limit + 1,
    )
    page, next_cursor = paged(found, request.limit, cursor_after)
    return SpamPage(
        messages=[listed(message) for message in page],
        next_cursor=next_cursor,
        next="not_spam lets one in." if page else "There is no spam.",
    )


async def mark_as_spam(context: Context, message: Message) -> None:
    """The mail is kept apart from now on, and its sender's next ones; no error where it is already.

    Raises Refusal not_markable.
    """
    if message.status == "spam_quarantined":
        return
    if message.direction != "inbound" or message.status not in _IN_THE_MAILBOX:
        raise Refusal("not_markable", status=message.status)

    async def work(transaction: Transaction) -> None:
        await _move(transaction, message, "spam_quarantined")
        await _remember(transaction, message, spam=1)
        await _tell(context, transaction, message, "message.reported_spam")

    await context.db.write(work)


async def mark_as_wanted(context: Context, message: Message) -> str:
    """The mail is shown like any other; its status then. Only who oversees the agent lets in what was kept apart.

    An agent that a mail has tricked must not be able to release the next one; nor does what it says about a sender
    count for later mail. Raises Refusal missing_scope, not_markable.
    """
    if message.direction == "inbound" and message.status in ("unread", "read", "archived"):
        return message.status
    if message.status not in ("spam_flagged", "spam_quarantined"):
        raise Refusal("not_markable", status=message.status)
    if message.status == "spam_quarantined" and not oversees(context.principal):
        raise Refusal("missing_scope", "What was kept apart is let in by the overseer.", scope="oversight")
    return await context.db.write(lambda transaction: _let_in(context, transaction, message))


def oversees(principal: Principal) -> bool:
    """Whether it is a person who oversees the agent, or a program of theirs."""
    return principal.may("oversight") or principal.may("admin")


async def _let_in(context: Context, transaction: Transaction, message: Message) -> str:
    mailbox = await one(transaction, Mailbox, "mailbox", id=message.mailbox_id, account_id=message.account_id)
    assert mailbox is not None
    by = context.principal
    # of a mailbox in gated_all an administrator alone lets nothing in: a person is asked then
    approver = None if by.may("admin") and not by.may("oversight") else by.name
    ruling = accept(Inbound(Mode(mailbox.mode), approver=approver))
    held = message.status == "spam_quarantined" and fate_of(ruling) is Fate.HOLD
    status = "pending_inbound_approval" if held else "unread"
    await _move(transaction, message, status)
    await _tell(context, transaction, message, "message.not_spam")
    if oversees(by):
        await _remember(transaction, message, wanted=1)
    if held:
        await approvals.hold(context, transaction, message, ruling.deciding)
    elif oversees(by):
        # the word of an agent makes nobody known
        await note_arrival(transaction, replace(message, status=status), named_by(message))
        await expected.answered(transaction, message)
        await events.about(transaction, context.now(), message, "message.received")
    return status


async def _move(transaction: Transaction, message: Message, status: str) -> None:
    if not await transaction.run("move_message", id=message.id, was=message.status, status=status):
        raise Refusal("try_again")


async def _remember(transaction: Transaction, message: Message, *, spam: int = 0, wanted: int = 0) -> None:
    """What was said counts for the sender's address; a report counts for its domain too, and for less."""
    address = canonical(message.from_email)
    if not address:
        return
    for sender in (address, f"@{domain_of(address)}") if spam else (address,):
        await transaction.run("mark_sender", mailbox_id=message.mailbox_id, sender=sender, spam=spam, wanted=wanted)


async def _tell(context: Context, transaction: Transaction, message: Message, event: str) -> None:
    await events.about(transaction, context.now(), message, event, by=context.principal.name)


async def _message(context: Context, message_id: str) -> Message:
    """A message of the caller's account or mailbox; an agent's own view of it decides. Raises message_not_found."""
    message = await message_within(context, message_id)
    if message is None or (hidden_from_agent(message) and not _may_see(context.principal, message)):
        raise Refusal("message_not_found", message_id=message_id)
    return message


def _may_see(principal: Principal, message: Message) -> bool:
    """What was reported is no secret to who reported it; what waits for a person is."""
    return message.status == "spam_quarantined" or oversees(principal)


REPORT_SPAM = Operation(
    name="report_spam",
    title="Report a mail as spam",
    summary=(
        "Keep a received mail apart as spam; mail of the same sender is kept apart from now on. Only the overseer can "
        "bring it back."
    ),
    request=SpamRequest,
    result=Marked,
    run=report_spam,
    scope="screen",
    method="POST",
    path="/v1/emails/{message_id}/report-spam",
    idempotent=True,
    open_world=False,
)

NOT_SPAM = Operation(
    name="not_spam",
    title="Say that a mail is no spam",
    summary=(
        "Take the mark off a mail with status spam_flagged. What was kept apart (spam_quarantined) only the overseer "
        "lets in."
    ),
    request=SpamRequest,
    result=Marked,
    run=not_spam,
    scope="screen",
    method="POST",
    path="/v1/emails/{message_id}/not-spam",
    idempotent=True,
    open_world=False,
)

LIST_SPAM = Operation(
    name="list_spam",
    title="List spam",
    summary="List mail that was marked as spam or kept apart, newest first, for those who oversee the agent.",
    request=SpamListRequest,
    result=SpamPage,
    run=list_spam,
    scope="review",
    method="GET",
    path="/v1/emails",
    read_only=True,
    idempotent=True,
    open_world=False,
)
