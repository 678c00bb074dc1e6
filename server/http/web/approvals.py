"""The approval page, behind its two doors: the mailed link and the session."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import Response

from server.http.web.frame import attachment_response, mail_response
from server.http.web.guard import checked_form, form_token
from server.http.web.pages import page, redirect
from server.http.web.session import signed_in, visitor
from server.http.web.view import entry, load
from storage.database import one
from storage.records import Approval
from tools import wires
from tools.approvals import link_token, message_of
from tools.context import Context
from tools.decide import approval_by_token, approve, edit, reject
from tools.errors import Refusal
from tools.revision import Edit

log = structlog.get_logger("gatepost.web")

MAX_REASON = 2_000
LISTED = 100
LATELY = 20


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at which approval, and where the page is."""

    approval: Approval
    reviewer: str
    path: str
    secret: str
    """The link's or the session's token; forms are bound to it."""
    after_edit: Callable[[int], str]
    """The path of the page of another revision."""
    session_of: str | None = None
    """Who is signed in; None behind a mailed link."""


Door = Callable[[Context, Request], Awaitable[Visit]]


async def by_link(context: Context, request: Request) -> Visit:
    """The door of a mailed link, for one reviewer and one revision. Raises Refusal link_invalid, link_expired."""
    token = request.path_params["token"]
    approval, link = await approval_by_token(context, token)
    if approval.state == "pending" and link.revision != approval.revision:
        raise Refusal("link_invalid", "The mail was edited after this link was made.")

    def after_edit(revision: int) -> str:
        return f"/approve/{link_token(context, approval.id, revision, link.reviewer)}"

    return Visit(approval, link.reviewer, f"/approve/{token}", token, after_edit)


async def by_session(context: Context, request: Request) -> Visit:
    """The door of the signed-in overseer. Raises Refusal sign_in_required, approval_not_found."""
    person = await signed_in(context, request)
    id_, session = request.path_params["id"], person.session
    approval = await one(context.db, Approval, "approval", id=id_, account_id=session.account_id)
    if approval is None:
        raise Refusal("approval_not_found")
    path = f"/approvals/{approval.id}"
    return Visit(approval, session.email, path, person.token, lambda _: path, session.email)


@dataclass(frozen=True, slots=True)
class ApprovalPages:
    """The endpoints of one door."""

    context: Context
    door: Door

    async def show(self, request: Request) -> Response:
        """The page; reading it changes nothing."""
        return await self._page(await self.door(self.context, request))

    async def mail(self, request: Request) -> Response:
        """The mail for the sandboxed frame."""
        return await mail_response(await self._raw(request))

    async def attachment(self, request: Request) -> Response:
        """One attachment as a download."""
        return await attachment_response(await self._raw(request), request.path_params["index"])

    async def decide(self, request: Request) -> Response:
        """What a person decided, against the revision that was shown."""
        visit = await self.door(self.context, request)
        form = await checked_form(self.context, request, visit.secret)
        try:
            after = await self._act(visit, form)
        except Refusal as refusal:
            return await self._page(await self.door(self.context, request), refusal, form)
        approval, action = visit.approval, form["action"]
        log.info("decided", action=action, by=visit.reviewer, message_id=approval.message_id, approval_id=approval.id)
        return redirect(after)

    async def _act(self, visit: Visit, form: dict[str, str]) -> str:
        """Carry the decision out; the path of the page that shows what came of it. Raises Refusal."""
        revision = _revision(form)
        match form.get("action"):
            case "approve":
                await approve(self.context, visit.approval, revision, visit.reviewer)
            case "reject":
                await reject(self.context, visit.approval, revision, visit.reviewer, _reason(form))
            case "edit":
                edited = await edit(self.context, visit.approval, revision, visit.reviewer, _changes(form))
                return visit.after_edit(edited.revision)
            case _:
                raise Refusal("invalid_request", "Choose approve, reject or edit.")
        return visit.path

    async def _raw(self, request: Request) -> bytes:
        visit = await self.door(self.context, request)
        if not _open(visit):
            raise Refusal("link_expired")
        message = await message_of(self.context.db, visit.approval)
        return await wires.raw_of(self.context, message.id, visit.approval.revision)

    async def _page(self, visit: Visit, refusal: Refusal | None = None, form: dict[str, str] | None = None) -> Response:
        status = refusal.condition.status if refusal else 200
        common = {
            "visit": visit,
            "refusal": refusal,
            "signed_in": visit.session_of,
            "form_token": form_token(self.context, visit.secret),
        }
        if not _open(visit):
            return page("outcome.html", status, approval=visit.approval, **common)
        shown = await load(self.context, visit.approval)
        typed = form if form is not None and form.get("action") == "edit" else {}
        draft = {**shown.draft, **typed}
        return page("approval.html", status, shown=shown, form=draft, editing=bool(typed), **common)


async def listing(context: Context, request: Request) -> Response:
    """What waits for the signed-in overseer, and what was decided of late."""
    person = await visitor(context, request)
    if person is None:
        return redirect("/sign-in")
    account_id = person.session.account_id
    waiting = await context.db.rows("waiting", account_id=account_id, mailbox_id=None, now=context.now(), limit=LISTED)
    decided = await context.db.rows("decided", account_id=account_id, limit=LATELY)
    return page(
        "approvals.html",
        waiting=[entry(row) for row in waiting],
        decided=[entry(row) for row in decided],
        signed_in=person.session.email,
        form_token=form_token(context, person.token),
    )


def _open(visit: Visit) -> bool:
    """Whether the mail itself may be shown: a mailed link is good for its decision and not for reading later."""
    return visit.session_of is not None or visit.approval.state == "pending"


def _revision(form: dict[str, str]) -> int:
    text = form.get("revision", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Refusal("invalid_request", "The form does not say which revision it shows.")
    return int(text)


def _reason(form: dict[str, str]) -> str:
    reason = form.get("reason", "").strip()
    if len(reason) > MAX_REASON:
        raise Refusal("invalid_request", f"A reason has at most {MAX_REASON} characters.")
    return reason


def _changes(form: dict[str, str]) -> Edit:
    to, cc, bcc = (split_addresses(form.get(name, "")) for name in ("to", "cc", "bcc"))
    return Edit(to, cc, bcc, form.get("subject", "").strip(), form.get("markdown", ""))


def split_addresses(text: str) -> tuple[str, ...]:
    """Addresses one a line or separated by commas; a comma in quotes belongs to a name."""
    pieces: list[list[str]] = [[]]
    quoted = escaped = False
    for character in text:
        if character == "\n" or (character in ",;" and not quoted):
            pieces.append([])
            quoted = escaped = False
            continue
        quoted ^= character == '"' and not escaped
        escaped = character == "\\" and not escaped
        pieces[-1].append(character)
    return tuple(piece for piece in ("".join(characters).strip() for characters in pieces) if piece)
