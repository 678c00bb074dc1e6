"""API keys over HTTP: the key becomes a principal, and the principal's context goes with the request."""

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.calls import RETRY_SECONDS
from server.http.failures import refusal_response
from server.http.rates import Rates, telling
from storage.errors import Unavailable
from tools.context import Context, Principal
from tools.errors import Refusal
from tools.identity import principal_of

log = structlog.get_logger("gatepost.http")


class Authentication:
    """ASGI middleware: sets `request.state.context`, or answers 401 or 429. The key itself goes no further."""

    def __init__(self, app: ASGIApp, context: Context, rates: Rates) -> None:
        self._app = app
        self._context = context
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = scope["client"][0] if scope["client"] else ""
        try:
            principal = await self._principal(key_of(Headers(scope=scope)), origin)
        except Refusal as refusal:
            await refusal_response(scope, refusal)(scope, receive, send)
        except Unavailable as error:
            log.warning("storage unavailable", request_id=scope["state"]["request_id"], error=str(error))
            await refusal_response(scope, Refusal("try_again", retry_after=RETRY_SECONDS))(scope, receive, send)
        else:
            scope["state"]["context"] = self._context.acting_as(principal, origin)
            rate = self._rates.take(principal)
            app = refusal_response(scope, self._rates.refusal(rate)) if rate.exceeded else self._app
            await app(scope, receive, telling(rate, send))

    async def _principal(self, key: str, origin: str) -> Principal:
        """Who speaks with the key. Raises Refusal invalid_key, rate_limited."""
        guesses = self._context.guesses
        guesses.check(self._context.now(), origin, key)
        try:
            principal = await principal_of(self._context, key)
        except Refusal as refusal:
            guesses.wrong(self._context.now(), origin)
            log.info("refused", code=refusal.code, ip=origin)
            raise
        guesses.right(origin, key)
        return principal


def key_of(headers: Headers) -> str:
    """The key of `Authorization: Bearer` (RFC 6750 section 2.1) or `X-API-Key`. Raises Refusal missing_key."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    key = credentials.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "").strip()
    if not key:
        raise Refusal("missing_key")
    return key
