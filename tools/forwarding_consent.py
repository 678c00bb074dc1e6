"""Whether those whom a mailbox's mail is passed on to want it: the link they are mailed, and what they say by it."""

from dataclasses import dataclass, replace
from typing import Literal

from storage.database import Transaction, columns, one, record
from storage.records import Forwarding, Mailbox
from tools import approvals, events
from tools.context import DAY, SECOND, Context
from tools.errors import Refusal
from tools.mail.address import canonical

LIFE = 7 * DAY
"""So long after the newest mail its link confirms; it ends at any time what it confirmed."""
ASKED_A_DAY = 3
"""Mails that ask one address in the name of one account."""
ACCOUNT_A_DAY = 20
"""Mails that ask anybody in the name of one account."""

Status = Literal["off", "unconfirmed", "expired", "active"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a link is about."""

    forwarding: Forwarding
    account_id: str
    address: str
    """Of the mailbox whose mail is passed on."""
    status: Status


def status_of(context: Context, forwarding: Forwarding | None) -> Status:
    """How a forwarding stands."""
    if forwarding is None:
        return "off"
    if forwarding.confirmed_at is not None:
        return "active"
    return "unconfirmed" if context.now() < forwarding.asked_at + LIFE else "expired"


def token(context: Context, mailbox_id: str, target: str, created_at: int) -> str:
    """Of a link, bound to what was asked and when: a target that is set anew has another."""
    return context.secret.token("forwarding", mailbox_id, target, str(created_at))


def confirmation_url(context: Context, forwarding: Forwarding) -> str:
    """The link for the target's reader. It is derived, so that a notice can be rendered again after a crash."""
    said = token(context, forwarding.mailbox_id, forwarding.target, forwarding.created_at)
    return f"{context.site.base_url}/forwarding/{said}"


async def ask(context: Context, transaction: Transaction, account_id: str, forwarding: Forwarding) -> Forwarding:
    """Mail the target its link, now or once more. The account is locked. Raises Refusal rate_limited."""
    now, recipient = context.now(), canonical(forwarding.target)
    for whom, most in ((recipient, ASKED_A_DAY), (None, ACCOUNT_A_DAY)):
        lately = {"account_id": account_id, "recipient": whom, "since": now - DAY}
        (row,) = await transaction.rows("asked_lately", **lately)
        if row["mails"] >= most:
            seconds = (row["first"] + DAY - now) // SECOND + 1
            raise Refusal("rate_limited", f"{most} mails a day ask for it.", retry_after=seconds)
    waiting = replace(forwarding, asked_at=now)
    await transaction.run("set_forwarding", **columns(waiting))
    await approvals.notify(context, transaction, account_id, "forwarding", recipient, forwarding.mailbox_id)
    return waiting


async def asked(context: Context, token: str) -> Asked:
    """What a mailed link is about. Raises Refusal confirmation_invalid, confirmation_expired."""
    rows = await context.db.rows("forwarding_by_hash", hash=context.secret.hash(token))
    if not rows:
        raise Refusal("confirmation_invalid")
    forwarding = record(Forwarding, rows[0])
    status = status_of(context, forwarding)
    if status == "expired":
        raise Refusal("confirmation_expired")
    return Asked(forwarding, rows[0]["account_id"], rows[0]["address"], status)


async def agree(context: Context, token: str) -> Asked:
    """The reader of the target wants the mail. Again is no error. Raises Refusal as `asked`."""
    found = await asked(context, token)
    await _confirm(context, found.account_id, found.forwarding, found.forwarding.target)
    return await asked(context, token)


async def decline(context: Context, token: str) -> Asked:
    """The reader of the target does not want the mail, or no longer. Raises Refusal as `asked`."""
    found = await asked(context, token)
    forwarding = found.forwarding

    async def work(transaction: Transaction) -> None:
        if await transaction.run("stop_forwarding", mailbox_id=forwarding.mailbox_id, hash=forwarding.hash):
            await tell(context, transaction, found.account_id, forwarding.mailbox_id, None, forwarding.target)

    await context.db.write(work)
    return replace(found, status="off")


async def vouch(context: Context, mailbox: Mailbox, by: str) -> None:
    """Agree in the place of the target's reader, as the server's operator may. Raises Refusal invalid_request."""
    present = await one(context.db, Forwarding, "forwarding", mailbox_id=mailbox.id)
    if present is None:
        raise Refusal("invalid_request", "No target is set.")
    await _confirm(context, mailbox.account_id, present, by)


async def tell(
    context: Context,
    transaction: Transaction,
    account_id: str,
    mailbox_id: str,
    forwarding: Forwarding | None,
    by: str,
) -> None:
    """Append the event of how a mailbox's forwarding stands from now on."""
    said = {"target": forwarding.target if forwarding else "", "status": status_of(context, forwarding), "by": by}
    type_ = "mailbox.forwarding_changed"
    await events.record(transaction, context.now(), account_id, type_, mailbox_id=mailbox_id, **said)


async def _confirm(context: Context, account_id: str, forwarding: Forwarding, by: str) -> None:
    """Once; and not if another target, or the same anew, was set meanwhile."""
    now, id_ = context.now(), forwarding.mailbox_id

    async def work(transaction: Transaction) -> None:
        if await transaction.run("confirm_forwarding", mailbox_id=id_, hash=forwarding.hash, now=now):
            await tell(context, transaction, account_id, id_, replace(forwarding, confirmed_at=now), by)

    await context.db.write(work)
