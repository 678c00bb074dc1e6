"""The list of suppressions as its keepers use it: list, add, remove."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from policies.suppression import Reason
from storage.database import Transaction, many, one
from storage.records import Suppression
from tools import events
from tools.context import Context
from tools.draft import addresses
from tools.errors import Refusal
from tools.fields import UNTRUSTED, Address, Limit
from tools.mail.address import canonical
from tools.operation import Model, Operation
from tools.paging import NextCursor, cursor_of, paged, position
from tools.suppressing import suppress
from tools.views import time_text

ReasonName = Literal["manual", "unsubscribe", "complaint", "bounce"]
OneAddress = Annotated[str, Field(description="The suppressed address.", max_length=254)]


class SuppressionsRequest(Model):
    """Which entries to list."""

    reason: ReasonName | None = Field(default=None, description="Only entries with this reason.")
    limit: Limit = 20
    cursor: str | None = Field(default=None, description="next_cursor of the page before.", max_length=500)


class AddRequest(Model):
    """Addresses to suppress."""

    addresses: list[Address] = Field(description="Whom not to send to.", min_length=1, max_length=1000)
    reason: ReasonName = Field(default="manual", description="Why; a list from elsewhere keeps its own reasons.")
    transactional_only: bool = Field(default=False, description="Stop bulk and broadcast mail alone.")
    code: int = Field(default=0, description="The reply code of a bounce, if there was one.", ge=0, le=599)
    reply: str = Field(default="", description="What the other server said, for the record.", max_length=500)


class RemoveRequest(Model):
    """Which address to take off the list."""

    address: OneAddress


class SuppressionEntry(BaseModel):
    """An address the account does not send to."""

    address: str
    reason: ReasonName
    transactional_only: bool = Field(description="Bulk and broadcast mail alone is stopped.")
    code: int = Field(description="The reply code that led here; 0 when there was none.")
    reply_untrusted: str = Field(description=f"What the other server said. {UNTRUSTED}")
    created_at: str


class SuppressionPage(BaseModel):
    """A page of entries, newest first."""

    suppressions: list[SuppressionEntry]
    next_cursor: NextCursor


class Added(BaseModel):
    """The entries in force for the addresses given: a stronger reason that was there stays."""

    suppressions: list[SuppressionEntry]


class Removed(BaseModel):
    """The address may be written to again."""

    address: str
    reason: ReasonName = Field(description="Why it was suppressed.")


async def list_suppressions(context: Context, request: SuppressionsRequest) -> SuppressionPage:
    """The account's suppressions, newest first. Raises Refusal invalid_cursor."""
    before_at, before_address = position(request.cursor)
    found = await many(
        context.db,
        Suppression,
        "suppressions",
        account_id=context.principal.account_id,
        reason=request.reason,
        before_at=before_at,
        before_address=before_address,
        limit=request.limit + 1,
    )
    page, next_cursor = paged(found, request.limit, lambda each: cursor_of(each.created_at, each.address))
    return SuppressionPage(suppressions=[_entry(each) for each in page], next_cursor=next_cursor)


async def add_suppressions(context: Context, request: AddRequest) -> Added:
    """Suppress addresses, all or none. Raises Refusal invalid_address."""
    wanted = [canonical(address.email) for address in addresses("addresses", request.addresses)]
    account_id, now, by = context.principal.account_id, context.now(), context.principal.name

    async def work(transaction: Transaction) -> list[Suppression]:
        entries = []
        for address in wanted:
            await suppress(
                transaction,
                now,
                account_id,
                address,
                Reason(request.reason),
                transactional_only=request.transactional_only,
                code=request.code,
                reply=request.reply,
                by=by,
            )
            entries += await many(transaction, Suppression, "suppression", account_id=account_id, address=address)
        return entries

    return Added(suppressions=[_entry(each) for each in await context.db.write(work)])


async def remove_suppression(context: Context, request: RemoveRequest) -> Removed:
    """Take an address off the list. Raises Refusal suppression_not_found, hard_bounce."""
    return await lift(context, request.address)


async def lift(context: Context, address: str, *, bounced: bool = False) -> Removed:
    """Take an address off the list; one that bounced only where `bounced` says so, as the operator alone may.

    Raises Refusal suppression_not_found, hard_bounce.
    """
    account_id = context.principal.account_id
    key = {"account_id": account_id, "address": canonical(address)}

    async def work(transaction: Transaction) -> Suppression:
        entry = await one(transaction, Suppression, "suppression", **key)
        if entry is None:
            raise Refusal("suppression_not_found")
        if not (bounced or Reason(entry.reason).liftable):
            raise Refusal("hard_bounce", address=entry.address)
        # an entry that became another one since it was read stays
        if not await transaction.run("lift_suppression", **key, reason=entry.reason):
            raise Refusal("suppression_not_found")
        await transaction.run("set_bounces", **key, bounces_in_row=0)
        by = context.principal.name
        data = {"address": entry.address, "reason": entry.reason, "by": by}
        await events.record(transaction, context.now(), account_id, "suppression.removed", **data)
        return entry

    entry = await context.db.write(work)
    return Removed.model_validate({"address": entry.address, "reason": entry.reason})


def _entry(entry: Suppression) -> SuppressionEntry:
    return SuppressionEntry.model_validate(
        {
            "address": entry.address,
            "reason": entry.reason,
            "transactional_only": bool(entry.transactional_only),
            "code": entry.code,
            "reply_untrusted": entry.reply,
            "created_at": time_text(entry.created_at),
        }
    )


LIST_SUPPRESSIONS = Operation(
    name="list_suppression",
    title="List suppressed addresses",
    summary="List the addresses the account does not send to, newest first, each with its reason.",
    request=SuppressionsRequest,
    result=SuppressionPage,
    run=list_suppressions,
    scope="admin",
    method="GET",
    path="/v1/suppression",
    read_only=True,
    idempotent=True,
    open_world=False,
    mcp=False,
)

ADD_SUPPRESSIONS = Operation(
    name="add_suppression",
    title="Suppress addresses",
    summary=(
        "Put up to 1000 addresses on the list of those the account does not send to, one by one or as a list from "
        "elsewhere. A stronger reason that is there already stays: bounce, complaint, unsubscribe, manual."
    ),
    request=AddRequest,
    result=Added,
    run=add_suppressions,
    scope="admin",
    method="POST",
    path="/v1/suppression",
    idempotent=True,
    open_world=False,
    mcp=False,
)

REMOVE_SUPPRESSION = Operation(
    name="remove_suppression",
    title="Take an address off the list",
    summary="Let the account send to an address again. An address that bounced for good stays on the list.",
    request=RemoveRequest,
    result=Removed,
    run=remove_suppression,
    scope="admin",
    method="DELETE",
    path="/v1/suppression/{address}",
    destructive=True,
    open_world=False,
    mcp=False,
)
