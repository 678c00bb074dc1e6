"""Contacts of a mailbox: whom it wrote to or got mail from, and what was noted about people.

A note makes nobody a correspondent: whether a recipient is new is told by mail alone.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field

from storage.database import Transaction, many
from tools.access import mailbox_of
from tools.context import Context
from tools.draft import addresses
from tools.errors import Refusal
from tools.fields import Limit
from tools.mail.address import canonical
from tools.mail.words import words
from tools.operation import MailboxId, Model, Operation
from tools.paging import NextCursor, cursor_of, paged, position
from tools.views import time_text

MOST = 5_000
"""People noted in one mailbox."""

ContactAddress = Annotated[str, Field(description="The contact's address.", max_length=254)]


class ContactsRequest(Model):
    """Which contacts to list."""

    q: str | None = Field(default=None, description="Only those with this in address or name.", max_length=200)
    limit: Limit = 20
    cursor: str | None = Field(default=None, description="next_cursor of the page before.", max_length=500)
    mailbox_id: MailboxId = None


class ContactRequest(Model):
    """Which contact."""

    address: ContactAddress
    mailbox_id: MailboxId = None


class SaveContactRequest(Model):
    """What to note about a person. It takes the place of what was noted before."""

    email: str = Field(description="An address, 'name@example.com' or 'Name <name@example.com>'.", max_length=520)
    name: str = Field(default="", description="The person's name.", max_length=200)
    notes: str = Field(default="", description="Anything worth knowing the next time.", max_length=4_000)
    mailbox_id: MailboxId = None


class Contact(BaseModel):
    """A person of the mailbox."""

    email: str
    name: str = Field(description="As noted; '' where nothing was.")
    notes: str
    met_at: str | None = Field(description="When they first wrote or were written to; null for who is only noted.")


class ContactPage(BaseModel):
    """A page of contacts, by address."""

    contacts: list[Contact]
    next_cursor: NextCursor


@dataclass(frozen=True, slots=True)
class _Row:
    address: str
    name: str
    notes: str
    met_at: int | None


async def list_contacts(context: Context, request: ContactsRequest) -> ContactPage:
    """The mailbox's contacts. Raises Refusal invalid_cursor."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    after = "" if request.cursor is None else position(request.cursor)[1]
    found = await _rows(context, mailbox.id, after=after, q=request.q, limit=request.limit + 1)
    page, next_cursor = paged(found, request.limit, lambda row: cursor_of(0, row.address))
    return ContactPage(contacts=[_contact(row) for row in page], next_cursor=next_cursor)


async def get_contact(context: Context, request: ContactRequest) -> Contact:
    """One contact. Raises Refusal contact_not_found."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    return await _the(context, mailbox.id, canonical(request.address))


async def save_contact(context: Context, request: SaveContactRequest) -> Contact:
    """Note a person, or change the note. Raises Refusal invalid_address, too_many_contacts."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    (given,) = addresses("email", [request.email])
    name = request.name or given.name
    address = canonical(given.email)

    async def work(transaction: Transaction) -> None:
        await transaction.run(
            "save_contact",
            mailbox_id=mailbox.id,
            address=address,
            name=name,
            folded=" ".join(words(name)),
            notes=request.notes,
            updated_at=context.now(),
        )
        if (await transaction.rows("contacts_noted", mailbox_id=mailbox.id))[0]["noted"] > MOST:
            raise Refusal("too_many_contacts", most=MOST)

    await context.db.write(work)
    return await _the(context, mailbox.id, address)


async def forget_contact(context: Context, request: ContactRequest) -> Contact:
    """Forget what was noted of a person; what is left of them is returned. Raises Refusal contact_not_found."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    before = await _the(context, mailbox.id, canonical(request.address))
    await context.db.write(
        lambda transaction: transaction.run("forget_contact", mailbox_id=mailbox.id, address=before.email)
    )
    return before.model_copy(update={"name": "", "notes": ""})


async def _the(context: Context, mailbox_id: str, address: str) -> Contact:
    found = await _rows(context, mailbox_id, address=address)
    if not found:
        raise Refusal("contact_not_found", address=address)
    return _contact(found[0])


async def _rows(
    context: Context,
    mailbox_id: str,
    *,
    address: str | None = None,
    after: str = "",
    q: str | None = None,
    limit: int = 1,
) -> list[_Row]:
    written = (q or "").lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    folded = " ".join(words(q or ""))
    return await many(
        context.db,
        _Row,
        "contacts",
        mailbox_id=mailbox_id,
        address=address,
        after=after,
        like_address=f"%{written}%",
        # what has no word is in no name, but everything is in an empty search
        like_name=f"%{folded}%" if folded else None,
        limit=limit,
    )


def _contact(row: _Row) -> Contact:
    met_at = None if row.met_at is None else time_text(row.met_at)
    return Contact(email=row.address, name=row.name, notes=row.notes, met_at=met_at)


LIST_CONTACTS = Operation(
    name="list_contacts",
    title="List contacts",
    summary="List the people the mailbox wrote to, got mail from or has noted, by address, with what was noted.",
    request=ContactsRequest,
    result=ContactPage,
    run=list_contacts,
    scope="read",
    method="GET",
    path="/v1/contacts",
    read_only=True,
    idempotent=True,
    open_world=False,
    mcp=False,
)

GET_CONTACT = Operation(
    name="get_contact",
    title="Show a contact",
    summary="One person of the mailbox, with what was noted.",
    request=ContactRequest,
    result=Contact,
    run=get_contact,
    scope="read",
    method="GET",
    path="/v1/contacts/{address}",
    read_only=True,
    idempotent=True,
    open_world=False,
    mcp=False,
)

SAVE_CONTACT = Operation(
    name="save_contact",
    title="Note a contact",
    summary="Note a person's name and what is worth knowing of them. It does not let the mailbox write to them.",
    request=SaveContactRequest,
    result=Contact,
    run=save_contact,
    scope="send",
    method="POST",
    path="/v1/contacts",
    idempotent=True,
    open_world=False,
    mcp=False,
)

FORGET_CONTACT = Operation(
    name="forget_contact",
    title="Forget a contact",
    summary="Forget what was noted of a person. That they wrote, or were written to, stays known.",
    request=ContactRequest,
    result=Contact,
    run=forget_contact,
    scope="send",
    method="DELETE",
    path="/v1/contacts/{address}",
    destructive=True,
    open_world=False,
    mcp=False,
)
