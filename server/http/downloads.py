"""The files that came with a mail, for programs: always a download, never something to open here."""

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.http.auth import Authentication
from server.http.failures import refusal_response
from server.http.rates import Rates
from server.http.web.frame import attachment_response
from storage.records import Mailbox, Message
from tools.access import mailbox_of, message_of
from tools.context import Context
from tools.documents import attachment_of, parts_of
from tools.errors import Refusal
from tools.get_attachment import DOWNLOAD
from tools.wires import raw_of


def download_routes(context: Context, rates: Rates) -> list[Route]:
    """The one route, behind a key."""
    authentication = Middleware(Authentication, context=context, rates=rates)
    return [Route(DOWNLOAD, _download, name="download_attachment", middleware=[authentication])]


async def _download(request: Request) -> Response:
    context: Context = request.state.context
    asked = request.path_params
    try:
        if not context.principal.may("read"):
            raise Refusal("missing_scope", "A download needs 'read'.", scope="read")
        mailbox = await mailbox_of(context, asked["mailbox_id"])
        message = await message_of(context.db, mailbox, asked["message_id"])
        index = await _index(context, mailbox, message, asked["attachment"])
        return await attachment_response(await raw_of(context, message.id, message.revision), index)
    except Refusal as refusal:
        return refusal_response(request.scope, refusal)


async def _index(context: Context, mailbox: Mailbox, message: Message, attachment: str) -> int:
    """The place of the attachment with that name or id. Raises attachment_not_found."""
    for part in parts_of(message):
        if part.name == attachment:
            return part.index
    found, part = await attachment_of(context.db, mailbox, attachment)
    if found.id != message.id:
        raise Refusal("attachment_not_found", attachment_id=attachment)
    return part.index
