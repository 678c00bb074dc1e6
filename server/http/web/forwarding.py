"""Whether somebody wants another mailbox's mail: a page with buttons behind the link they were mailed."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from server.http.web.guard import checked_form, form_token
from server.http.web.pages import page
from tools.context import Context
from tools.errors import Refusal
from tools.forwarding_consent import Asked, agree, asked, decline


@dataclass(frozen=True, slots=True)
class ForwardingPages:
    """The endpoints of the link. Its token is all they go by: whoever reads at the target need have no account here."""

    context: Context

    async def show(self, request: Request) -> Response:
        """What is asked, and buttons: scanners open links, and opening one must not agree to anything."""
        token = request.path_params["token"]
        return self._page(await asked(self.context, token), token)

    async def act(self, request: Request) -> Response:
        """Agree, or decline."""
        token = request.path_params["token"]
        form = await checked_form(self.context, request, token)
        match form.get("action"):
            case "agree":
                return self._page(await agree(self.context, token), token)
            case "decline":
                return self._page(await decline(self.context, token), token)
            case _:
                raise Refusal("invalid_request", "Choose agree or decline.")

    def _page(self, found: Asked, token: str) -> Response:
        return page("forwarding.html", found=found, form_token=form_token(self.context, token))
