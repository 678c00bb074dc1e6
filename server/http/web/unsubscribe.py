"""One-click unsubscribing (RFC 8058): a page with a button, and the POST that mail programs make by themselves."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from server.http.web.guard import text_fields
from server.http.web.pages import page
from tools.context import Context
from tools.errors import Refusal
from tools.unsubscribe import subscription, unsubscribe

FIELD, VALUE = "List-Unsubscribe", "One-Click"


@dataclass(frozen=True, slots=True)
class UnsubscribePages:
    """The endpoints of the link in a List-Unsubscribe header. The token is all they go by: no cookie, no sign-in."""

    context: Context

    async def show(self, request: Request) -> Response:
        """A button only: scanners open links, and opening one must not unsubscribe anybody."""
        found = await subscription(self.context, request.path_params["token"])
        return page("unsubscribe.html", found=found, done=False, field=FIELD, value=VALUE)

    async def act(self, request: Request) -> Response:
        """Unsubscribe. The POST comes from anywhere, so no origin is asked for; and it gets no redirect."""
        if (await text_fields(request)).get(FIELD) != VALUE:
            raise Refusal("invalid_request", f"The body is not {FIELD}={VALUE}.", field=FIELD)
        found = await unsubscribe(self.context, request.path_params["token"])
        return page("unsubscribe.html", found=found, done=True, field=FIELD, value=VALUE)
