"""The oversight mode of a mailbox: less autonomy at once, more with a code that the overseer was mailed."""

from typing import Annotated

from pydantic import BaseModel, Field

from policies.modes import Mode
from storage.database import Transaction, columns, one
from storage.records import Mailbox, Upgrade
from tools import approvals, events
from tools.access import mailbox_of
from tools.context import DAY, HOUR, Context, same
from tools.errors import Refusal
from tools.fields import Next
from tools.operation import MailboxId, Model, Operation

REQUESTS_AN_HOUR = 3
TRIES = 5

WantedMode = Annotated[
    str, Field(description="read_only, gated_all, gated_send, monitored or autonomous, from least to most autonomy.")
]


class ModeRequest(Model):
    """Which mode to set or to ask for."""

    mode: WantedMode
    mailbox_id: MailboxId = None


class UpgradeCode(Model):
    """The code from the overseer."""

    code: str = Field(description="The code that the overseer was mailed, such as 7d2m-4v8x.", max_length=32)
    mailbox_id: MailboxId = None


class ModeResult(BaseModel):
    """Where the mailbox stands."""

    mailbox_id: str
    mode: str = Field(description="The mode in force.")
    next: Next


def mode_named(name: str) -> Mode:
    """The mode of that name. Raises Refusal invalid_mode."""
    try:
        return Mode(name)
    except ValueError as error:
        raise Refusal("invalid_mode", f"Given: {name!r}.") from error


async def set_mode(context: Context, mailbox: Mailbox, mode: Mode, by: str) -> None:
    """Put a mode in force. Whether it may is the caller's question."""

    async def work(transaction: Transaction) -> None:
        await _set(context, transaction, mailbox, mode, by)

    await context.db.write(work)


async def lower_mode(context: Context, request: ModeRequest) -> ModeResult:
    """Give the agent less autonomy, at once. Raises Refusal needs_overseer for more."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    mode = mode_named(request.mode)
    if mode.gives_more_than(Mode(mailbox.mode)) and not context.principal.may("oversight"):
        raise Refusal("needs_overseer", mode=mailbox.mode)
    await set_mode(context, mailbox, mode, context.principal.name)
    return ModeResult(mailbox_id=mailbox.id, mode=mode, next="It is in force from now on.")


async def request_upgrade(context: Context, request: ModeRequest) -> ModeResult:
    """Ask the overseer for more autonomy; a code is mailed to them. Raises Refusal not_an_upgrade, rate_limited."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    mode = mode_named(request.mode)
    if not mode.gives_more_than(Mode(mailbox.mode)):
        raise Refusal("not_an_upgrade", mode=mailbox.mode)
    id_, now = context.new_id("upg"), context.now()
    hash_ = context.secret.hash(plain(context.secret.code("upgrade code", id_)))
    upgrade = Upgrade(id_, mailbox.account_id, mailbox.id, mode, hash_, 0, now, now + DAY)

    async def work(transaction: Transaction) -> None:
        await transaction.rows("lock_mailbox", id=mailbox.id)
        since = await transaction.rows("upgrades_since", mailbox_id=mailbox.id, since=now - HOUR)
        if since[0]["requests"] >= REQUESTS_AN_HOUR:
            raise Refusal("rate_limited", "Three requests an hour.", retry_after=3600)
        await transaction.run("insert_upgrade", **columns(upgrade))
        overseer = await approvals.overseer_of(transaction, mailbox.account_id)
        await approvals.notify(context, transaction, mailbox.account_id, "upgrade", overseer, id_)
        await _record(context, transaction, mailbox, "upgrade.requested", mode=mode, by=context.principal.name)

    await context.db.write(work)
    text = "The overseer was mailed a code. Ask the user for it, then call apply_upgrade."
    return ModeResult(mailbox_id=mailbox.id, mode=mailbox.mode, next=text)


async def apply_upgrade(context: Context, request: UpgradeCode) -> ModeResult:
    """Put the newest requested mode in force. Raises Refusal invalid_code."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    hash_ = context.secret.hash(plain(request.code))

    async def work(transaction: Transaction) -> str | None:
        upgrade = await one(transaction, Upgrade, "open_upgrade", mailbox_id=mailbox.id, now=context.now())
        if upgrade is None or not await transaction.run("try_upgrade", id=upgrade.id, limit=TRIES):
            return None
        if not same(upgrade.hash, hash_) or not await transaction.run("use_upgrade", id=upgrade.id, now=context.now()):
            return None
        await _set(context, transaction, mailbox, Mode(upgrade.mode), f"{context.principal.name} with a mailed code")
        return upgrade.mode

    # the count of tries is committed whether or not the code was right, so the refusal comes after
    mode = await context.db.write(work)
    if mode is None:
        raise Refusal("invalid_code")
    return ModeResult(mailbox_id=mailbox.id, mode=mode, next="It is in force from now on.")


def plain(code: str) -> str:
    """A code as typed by a person: letter case, dashes and spaces do not matter."""
    return "".join(character for character in code.lower() if character.isalnum())


async def _set(context: Context, transaction: Transaction, mailbox: Mailbox, mode: Mode, by: str) -> None:
    await transaction.run("set_mode", id=mailbox.id, mode=mode)
    await _record(context, transaction, mailbox, "mailbox.mode_changed", was=mailbox.mode, mode=mode, by=by)


async def _record(context: Context, transaction: Transaction, mailbox: Mailbox, type_: str, **data: str) -> None:
    await events.record(transaction, context.now(), mailbox.account_id, type_, mailbox_id=mailbox.id, **data)


LOWER_MODE = Operation(
    name="set_oversight_mode",
    title="Set the oversight mode",
    summary="Give the agent less autonomy, at once. More autonomy needs request_upgrade and the overseer's code.",
    request=ModeRequest,
    result=ModeResult,
    run=lower_mode,
    scope="send",
    method="PATCH",
    path="/v1/mailboxes/{mailbox_id}",
    idempotent=True,
    open_world=False,
    mcp=False,
)

REQUEST_UPGRADE = Operation(
    name="request_upgrade",
    title="Ask for more autonomy",
    summary=(
        "Ask the overseer for a mode with more autonomy. They are mailed a code; nothing changes until apply_upgrade "
        "is called with it. At most three requests an hour."
    ),
    request=ModeRequest,
    result=ModeResult,
    run=request_upgrade,
    scope="send",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/request-upgrade",
    success=202,
    open_world=False,
)

APPLY_UPGRADE = Operation(
    name="apply_upgrade",
    title="Apply more autonomy",
    summary="Put the mode asked for with request_upgrade in force, with the code that the overseer was mailed.",
    request=UpgradeCode,
    result=ModeResult,
    run=apply_upgrade,
    scope="send",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/apply-upgrade",
    open_world=False,
)
