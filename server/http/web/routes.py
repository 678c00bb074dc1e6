"""The routes of the pages for people."""

from collections.abc import Sequence
from functools import partial

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from server.delivery.site_key import SiteKey
from server.http.rates import DEFAULT, PerMinute, Rates
from server.http.visitors import Visitors
from server.http.web.approvals import ApprovalPages, by_link, by_session, listing
from server.http.web.forwarding import ForwardingPages
from server.http.web.mail import MailPages
from server.http.web.pages import STYLE, Endpoint, answering, redirect
from server.http.web.signin import SignInPages
from server.http.web.unsubscribe import UnsubscribePages
from server.http.web.verify import DOCUMENT, MAX_MAIL, VERIFY, VerifyPages
from tools.context import Context

MAX_FORM = 1024 * 1024
"""Bytes of a form; an edited mail of the longest kind fits, as its form is multipart and so not percent-encoded."""


def web_routes(context: Context, per_minute: PerMinute = DEFAULT) -> list[Route]:
    """The pages, to be mounted at the root."""
    sign_in = SignInPages(context)
    unsubscribing = UnsubscribePages(context)
    forwarding = ForwardingPages(context)
    mail = MailPages(context)
    counted = [Middleware(Visitors, rates=Rates(per_minute, context.clock))]
    return [
        _get("/", _start),
        _get("/static/style.css", _style),
        _get("/approvals", partial(listing, context)),
        *_approval_routes("/approvals/{id}", ApprovalPages(context, by_session)),
        *_approval_routes("/approve/{token}", ApprovalPages(context, by_link)),
        _get("/mail", mail.listing),
        _get("/mail/{id}", mail.show),
        _post("/mail/{id}/spam", mail.mark),
        _get("/mail/{id}/mail", mail.frame),
        _get("/mail/{id}/attachments/{index:int}", mail.attachment),
        _get("/sign-in", sign_in.ask),
        _post("/sign-in", sign_in.request, counted),
        _get("/sign-in/{token}", sign_in.link),
        _post("/sign-in/{token}", sign_in.begin),
        _post("/sign-out", sign_in.end),
        _get("/unsubscribe/{token}", unsubscribing.show),
        _post("/unsubscribe/{token}", unsubscribing.act),
        _get("/forwarding/{token}", forwarding.show),
        _post("/forwarding/{token}", forwarding.act),
        *_verify_routes(VerifyPages(context, SiteKey(context.secret)), counted),
    ]


def _verify_routes(pages: VerifyPages, counted: Sequence[Middleware]) -> list[Route]:
    return [
        _get(DOCUMENT, pages.document),
        _get("/verify", pages.ask),
        _post("/verify", pages.show, counted),
        Route(VERIFY, pages.answer, methods=["POST"], max_body_size=MAX_MAIL, middleware=counted),
    ]


def _approval_routes(path: str, pages: ApprovalPages) -> list[Route]:
    return [
        _get(path, pages.show),
        _post(path, pages.decide),
        _get(f"{path}/mail", pages.mail),
        _get(f"{path}/attachments/{{index:int}}", pages.attachment),
    ]


def _get(path: str, endpoint: Endpoint) -> Route:
    return Route(path, answering(endpoint), methods=["GET"])


def _post(path: str, endpoint: Endpoint, middleware: Sequence[Middleware] = ()) -> Route:
    return Route(path, answering(endpoint), methods=["POST"], max_body_size=MAX_FORM, middleware=middleware)


async def _start(request: Request) -> Response:
    return redirect("/approvals")


async def _style(request: Request) -> Response:
    return FileResponse(STYLE, headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=300"})
