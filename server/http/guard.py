"""The outermost layer of HTTP: a request id in and out, and no exception's text on the wire."""

import re

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.calls import RETRY_SECONDS
from server.http.failures import refusal_response
from storage.errors import StorageError
from tools.context import Context
from tools.errors import Refusal

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

log = structlog.get_logger("gatepost.http")


class Guard:
    """ASGI middleware: sets `request.state.request_id`, and turns what escapes into `internal_error`."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            log.debug("the client hung up", request_id=request_id)
        except StorageError as error:
            log.error("storage refused", request_id=request_id, error=repr(error))
            if started:
                raise
            refusal = Refusal("try_again", retry_after=RETRY_SECONDS)
            await refusal_response(scope, refusal)(scope, receive, send_with_id)
        except Exception:
            # the method and no more: addresses hold tokens
            log.exception("request failed", request_id=request_id, method=scope["method"])
            if started:
                raise
            await refusal_response(scope, Refusal("internal_error"))(scope, receive, send_with_id)

    def _request_id(self, scope: Scope) -> str:
        """The caller's own id when it is one that is safe to log, else a new one."""
        given = Headers(scope=scope).get("x-request-id", "")
        return given if _REQUEST_ID.fullmatch(given) else self._context.new_id("req")
