"""The session cookie: which session a request belongs to."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from storage.records import Session
from tools.context import Context
from tools.errors import Refusal
from tools.signin import SESSION_LIFE, SignedIn, session_of


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person; `token` is the cookie's value, which forms are bound to."""

    token: str
    session: Session


async def visitor(context: Context, request: Request) -> Visitor | None:
    """Who is signed in, if anybody is."""
    token = request.cookies.get(_name(context), "")
    session = await session_of(context, token) if token else None
    return Visitor(token, session) if session is not None else None


async def signed_in(context: Context, request: Request) -> Visitor:
    """Who is signed in. Raises Refusal sign_in_required."""
    found = await visitor(context, request)
    if found is None:
        raise Refusal("sign_in_required")
    return found


def remember(context: Context, response: Response, begun: SignedIn) -> None:
    """Give the browser its session."""
    response.set_cookie(
        _name(context),
        begun.token,
        max_age=SESSION_LIFE // 1_000_000,
        path="/",
        secure=_https(context),
        httponly=True,
        samesite="lax",
    )


def forget(context: Context, response: Response) -> None:
    """Take the browser's session away."""
    response.delete_cookie(_name(context), path="/", secure=_https(context), httponly=True, samesite="lax")


def _https(context: Context) -> bool:
    return context.site.base_url.startswith("https://")


def _name(context: Context) -> str:
    # the prefix keeps other hosts of the domain from planting a cookie (RFC 6265bis section 4.1.3.2); it needs Secure
    return "__Host-gatepost" if _https(context) else "gatepost"
