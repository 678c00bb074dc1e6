"""Sign-in and sign-out: a mailed link that shows a button, and the button's POST that begins the session."""

from dataclasses import dataclass

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from server.http.web.guard import check_origin, checked_form, form_token, text_fields
from server.http.web.pages import page, redirect
from server.http.web.session import forget, remember, signed_in, visitor
from tools.context import Context
from tools.errors import Refusal
from tools.signin import redeem, request_sign_in, sign_out


@dataclass(frozen=True, slots=True)
class SignInPages:
    """The endpoints around the session."""

    context: Context

    async def ask(self, request: Request) -> Response:
        """The form that asks for an address."""
        if await visitor(self.context, request) is not None:
            return redirect("/approvals")
        return page("sign_in.html")

    async def request(self, request: Request) -> Response:
        """Mail a link, if the address is an overseer's."""
        check_origin(self.context, request)
        email = (await text_fields(request)).get("email", "").strip()
        response = page("sign_in_sent.html")
        # looked up after the answer has left, so that its time says no more about the address than its words
        response.background = BackgroundTask(request_sign_in, self.context, email)
        return response

    async def link(self, request: Request) -> Response:
        """What a mailed link opens: a button only, because scanners open links too."""
        token = request.path_params["token"]
        return page("sign_in_link.html", path=f"/sign-in/{token}", form_token=form_token(self.context, token))

    async def begin(self, request: Request) -> Response:
        """Use the link up and begin the session."""
        context, token = self.context, request.path_params["token"]
        await checked_form(context, request, token)
        origin = request.client.host if request.client else ""
        context.guesses.check(context.now(), origin, "")
        try:
            begun = await redeem(context, token)
        except Refusal:
            context.guesses.wrong(context.now(), origin)
            raise
        response = redirect("/approvals")
        remember(context, response, begun)
        return response

    async def end(self, request: Request) -> Response:
        """Sign out."""
        person = await signed_in(self.context, request)
        await checked_form(self.context, request, person.token)
        await sign_out(self.context, person.session)
        response = redirect("/sign-in")
        forget(self.context, response)
        return response
