"""All mail of the account, for the signed-in overseer: what arrived, what left and what became of it."""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from server.http.web.frame import attachment_response, mail_response
from server.http.web.guard import checked_form, form_token
from server.http.web.pages import page, redirect
from server.http.web.session import signed_in, visitor
from server.http.web.view import Author, Line, author_of, recipient_lines
from storage.database import Value, many, one
from storage.records import Approval, Delivery, Mailbox, Message, MessageHead
from tools import wires
from tools.audit import Tried, attempts_of
from tools.context import Context, Principal
from tools.errors import Refusal
from tools.mail.parse import Parsed, parse
from tools.mail.wire import Wire
from tools.paging import cursor_after, paged, position
from tools.spam import mark_as_spam, mark_as_wanted

LISTED = 50


@dataclass(frozen=True, slots=True)
class Opened:
    """A message with its wire form and its deliveries."""

    message: Message
    mailbox: Mailbox
    lines: tuple[Line, ...]
    parsed: Parsed
    deliveries: tuple[Delivery, ...]
    tried: tuple[Tried, ...]
    approval: Approval | None
    author: Author


@dataclass(frozen=True, slots=True)
class MailPages:
    """The list, and the pages of one message."""

    context: Context

    async def listing(self, request: Request) -> Response:
        """The newest mail of every mailbox, or of its spam alone; reading changes nothing."""
        person = await visitor(self.context, request)
        if person is None:
            return redirect("/sign-in")
        before_at, before_id = position(request.query_params.get("before"))
        spam = "spam" in request.query_params
        query = "spam_of_account" if spam else "mail_of_account"
        only: dict[str, Value] = {"status": None, "mailbox_id": None} if spam else {}
        found = await many(
            self.context.db,
            MessageHead,
            query,
            account_id=person.session.account_id,
            before_at=before_at,
            before_id=before_id,
            limit=LISTED + 1,
            **only,
        )
        messages, older = paged(found, LISTED, cursor_after)
        return page(
            "mail.html",
            spam=spam,
            messages=messages,
            older=older,
            signed_in=person.session.email,
            form_token=form_token(self.context, person.token),
        )

    async def show(self, request: Request) -> Response:
        """One message with all that is known of it."""
        person = await signed_in(self.context, request)
        opened = await self._open(await self._message(request))
        return page(
            "message.html",
            opened=opened,
            path=f"/mail/{opened.message.id}",
            signed_in=person.session.email,
            form_token=form_token(self.context, person.token),
        )

    async def mark(self, request: Request) -> Response:
        """Say that a mail is spam, or that it is not, which lets it in."""
        person = await signed_in(self.context, request)
        form = await checked_form(self.context, request, person.token)
        message = await self._message(request)
        session = person.session
        acting = self.context.acting_as(Principal(session.account_id, frozenset({"oversight", "read"}), session.email))
        match form.get("action"):
            case "spam":
                await mark_as_spam(acting, message)
            case "not_spam":
                await mark_as_wanted(acting, message)
            case _:
                raise Refusal("invalid_request", "Choose spam or not_spam.")
        return redirect(f"/mail/{message.id}")

    async def frame(self, request: Request) -> Response:
        """The mail for the sandboxed frame."""
        return await mail_response(await self._raw(request))

    async def attachment(self, request: Request) -> Response:
        """One attachment as a download."""
        return await attachment_response(await self._raw(request), request.path_params["index"])

    async def _raw(self, request: Request) -> bytes:
        message = await self._message(request)
        return await wires.raw_of(self.context, message.id, message.revision)

    async def _message(self, request: Request) -> Message:
        """A message of the overseer's own account. Raises Refusal sign_in_required, message_not_found."""
        person = await signed_in(self.context, request)
        id_, account_id = request.path_params["id"], person.session.account_id
        message = await one(self.context.db, Message, "message_of_account", id=id_, account_id=account_id)
        if message is None:
            raise Refusal("message_not_found")
        return message

    async def _open(self, message: Message) -> Opened:
        database = self.context.db
        mailbox = await one(database, Mailbox, "mailbox", id=message.mailbox_id, account_id=message.account_id)
        assert mailbox is not None
        row = await wires.wire_row(self.context, database, message.id, message.revision)
        wire = Wire.of(row.envelope, row.data or b"")
        parsed = await asyncio.to_thread(parse, wire.raw)
        unnamed = "Bcc" if message.direction == "outbound" else "Delivered to"
        return Opened(
            message,
            mailbox,
            recipient_lines(wire, parsed, unnamed),
            parsed,
            tuple(await many(database, Delivery, "deliveries", message_id=message.id)),
            await attempts_of(self.context, message.id),
            await one(database, Approval, "approval_of_message", message_id=message.id),
            author_of(message),
        )
