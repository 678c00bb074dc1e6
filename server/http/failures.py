"""Refusals as HTTP answers: JSON for programs, a plain page for people."""

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from server.calls import RETRY_SECONDS
from server.http.web.pages import refused
from tools.errors import Refusal

PROBLEM = "application/problem+json"
_PROGRAMS = ("/v1", "/mcp", "/openapi.json", "/healthz", "/readyz")


def for_programs(scope: Scope) -> bool:
    """Whether the address is one that programs ask."""
    path: str = scope["path"]
    return any(path == start or path.startswith(f"{start}/") for start in _PROGRAMS)


def refusal_response(scope: Scope, refusal: Refusal) -> Response:
    """The answer, as the address and the Accept header want it."""
    if not for_programs(scope):
        return refused(refusal)
    body = refusal.body(scope.get("state", {}).get("request_id", ""))
    status, headers = refusal.condition.status, _headers(refusal)
    if PROBLEM in Headers(scope=scope).get("accept", ""):
        return JSONResponse(_problem(refusal, body), status, headers, media_type=PROBLEM)
    return JSONResponse(body, status, headers)


def _problem(refusal: Refusal, body: dict[str, object]) -> dict[str, object]:
    """RFC 9457 section 3.1, with our own members beside it."""
    own = {key: value for key, value in body.items() if key not in ("error", "docs")}
    return {
        "type": body["docs"],
        "title": refusal.condition.meaning,
        "status": refusal.condition.status,
        "detail": body["error"],
        **own,
    }


def _headers(refusal: Refusal) -> dict[str, str]:
    status = refusal.condition.status
    headers = {"Cache-Control": "no-store"}
    if refusal.code == "missing_key":
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.code == "invalid_key":
        # RFC 6750 section 3.1
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    if status in (429, 503):
        headers["Retry-After"] = str(refusal.retry_after or RETRY_SECONDS)
    if refusal.code == "warmup_limit":
        headers["X-Warmup-Stage"] = str(refusal.details["warmup_stage"])
        if refusal.details["window"] == "day":
            headers["X-Warmup-Daily-Limit"] = str(refusal.details["limit"])
    return headers
