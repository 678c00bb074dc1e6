"""Where a mailbox's mail is passed on to, as those say who oversee it; who reads there has to agree."""

from pydantic import BaseModel, Field

from storage.database import Transaction, columns, one
from storage.records import Forwarding, Mailbox
from tools import forwarding_consent
from tools.access import mailbox_of
from tools.context import Context
from tools.draft import addresses
from tools.errors import Refusal
from tools.fields import Next
from tools.forwarding_consent import LIFE, Status, status_of
from tools.mail.address import canonical
from tools.operation import MailboxId, Model, Operation
from tools.quorum import oversight_of
from tools.views import time_text


class ForwardingRequest(Model):
    """Where a mailbox's mail goes besides."""

    target: str | None = Field(
        default=None, description="The address of an overseer of the account; none ends the forwarding.", max_length=254
    )
    mailbox_id: MailboxId = None


class WhichForwarding(Model):
    """Whose forwarding to show."""

    mailbox_id: MailboxId = None


class ForwardingView(BaseModel):
    """Where a mailbox's mail goes besides."""

    mailbox_id: str
    target: str | None
    status: Status = Field(
        description="off, or active; unconfirmed or expired: nothing is passed on, as nobody at the target agreed."
    )
    expires_at: str | None = Field(description="Until when the target may agree; ISO 8601, UTC.")
    next: Next


async def set_target(context: Context, mailbox: Mailbox, target: str | None, by: str) -> ForwardingView:
    """Pass the mailbox's mail on to `target` as soon as its reader agrees, or with None no longer.

    The target is mailed a link, and again when it is set once more before anybody agreed; another mailbox of the
    account need not agree. Who may name which target is the caller's to know. Raises Refusal invalid_address,
    rate_limited.
    """
    (address,) = addresses("target", [target]) if target else (None,)
    if address is not None and canonical(address.email) == mailbox.address:
        raise Refusal("invalid_address", "target: a mailbox is not passed on to itself.", field="target")

    async def work(transaction: Transaction) -> Forwarding | None:
        # requests of one instant are counted one after another
        await transaction.run("lock_account", id=mailbox.account_id)
        present = await one(transaction, Forwarding, "forwarding", mailbox_id=mailbox.id)
        wanted = None
        if address is None:
            await transaction.run("end_forwarding", mailbox_id=mailbox.id)
        elif present is None or canonical(present.target) != canonical(address.email):
            wanted = await _begin(context, transaction, mailbox, address.email, by)
        elif present.confirmed_at is None:
            wanted = await forwarding_consent.ask(context, transaction, mailbox.account_id, present)
        else:
            return present
        await forwarding_consent.tell(context, transaction, mailbox.account_id, mailbox.id, wanted, by)
        return wanted

    return _view(context, mailbox, await context.db.write(work))


async def forwarding_of(context: Context, mailbox: Mailbox) -> ForwardingView:
    """Where the mailbox's mail is passed on to, and whether anybody there agreed."""
    return _view(context, mailbox, await one(context.db, Forwarding, "forwarding", mailbox_id=mailbox.id))


async def _begin(context: Context, transaction: Transaction, mailbox: Mailbox, target: str, by: str) -> Forwarding:
    now = context.now()
    hash_ = context.secret.hash(forwarding_consent.token(context, mailbox.id, target, now))
    here = await one(transaction, Mailbox, "mailbox_by_address", address=canonical(target))
    own = here is not None and here.account_id == mailbox.account_id
    begun = Forwarding(mailbox.id, target, by, now, hash_, asked_at=now, confirmed_at=now if own else None)
    if not own:
        return await forwarding_consent.ask(context, transaction, mailbox.account_id, begun)
    await transaction.run("set_forwarding", **columns(begun))
    return begun


def _view(context: Context, mailbox: Mailbox, forwarding: Forwarding | None) -> ForwardingView:
    status = status_of(context, forwarding)
    target = forwarding.target if forwarding else None
    said = {
        "off": "Nothing is passed on.",
        "unconfirmed": f"{target} was mailed a link, and nothing is passed on until its reader agrees by it. "
        "To mail it once more, set the same target again.",
        "expired": f"Nobody at {target} agreed in time, so nothing is passed on. To ask again, set it again.",
        "active": f"What arrives goes to {target} as well.",
    }
    return ForwardingView(
        mailbox_id=mailbox.id,
        target=target,
        status=status,
        expires_at=time_text(forwarding.asked_at + LIFE) if forwarding and status == "unconfirmed" else None,
        next=said[status],
    )


async def set_forwarding(context: Context, request: ForwardingRequest) -> ForwardingView:
    """Pass a mailbox's mail on to one of its overseers. Raises Refusal not_overseer, rate_limited."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    overseers = (await oversight_of(context.db, mailbox.account_id)).overseers
    if request.target is not None and canonical(request.target) not in overseers:
        raise Refusal("not_overseer", "The operator sets any other target: 'gatepost mailbox forward'.")
    return await set_target(context, mailbox, request.target, context.principal.person or overseers[0])


async def get_forwarding(context: Context, request: WhichForwarding) -> ForwardingView:
    """Where a mailbox's mail is passed on to. Raises Refusal."""
    return await forwarding_of(context, await mailbox_of(context, request.mailbox_id))


SET_FORWARDING = Operation(
    name="set_forwarding",
    title="Pass a mailbox's mail on",
    summary=(
        "Have a copy of all that arrives in a mailbox sent to one of its overseers, or end that. They are mailed a "
        "link, and nothing is passed on until they agree by it. The same target again mails it once more."
    ),
    request=ForwardingRequest,
    result=ForwardingView,
    run=set_forwarding,
    scope="oversight",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/forwarding",
    mcp=False,
)

GET_FORWARDING = Operation(
    name="get_forwarding",
    title="Show where mail is passed on to",
    summary="Where a mailbox's mail is passed on to, and whether whoever reads there agreed.",
    request=WhichForwarding,
    result=ForwardingView,
    run=get_forwarding,
    scope="review",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/forwarding",
    read_only=True,
    idempotent=True,
    open_world=False,
    mcp=False,
)
