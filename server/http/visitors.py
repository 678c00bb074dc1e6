"""What anybody may ask without a key has a rate too, for each address it is asked from."""

from starlette.types import ASGIApp, Receive, Scope, Send

from server.http.failures import refusal_response
from server.http.rates import Rates, telling


class Visitors:
    """ASGI middleware: counts a request for the address it comes from, and answers 429 when it is one too many."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self._app = app
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rate = self._rates.visit(scope["client"][0] if scope["client"] else "")
        app = refusal_response(scope, self._rates.refusal(rate)) if rate.exceeded else self._app
        await app(scope, receive, telling(rate, send))
