"""What escapes from a route: a fixed sentence, a request id, and never a word of the exception."""

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from server.http.app import build_app
from storage.errors import Unavailable
from tools.context import Context


async def broken(_: Request) -> Response:
    raise RuntimeError("a secret of the house")


async def unavailable(_: Request) -> Response:
    raise Unavailable("database is locked: a path of the house")


@pytest.mark.parametrize(
    ("path", "status", "code"), [("/v1/broken", 500, "internal_error"), ("/v1/gone", 503, "try_again")]
)
@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
async def test_an_exception_never_shows(context: Context, path: str, status: int, code: str) -> None:
    async def ready() -> dict[str, object]:
        return {}

    app = build_app(context, web_routes=[Route("/v1/broken", broken), Route("/v1/gone", unavailable)], ready=ready)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    with capture_logs() as logged:
        async with httpx2.AsyncClient(transport=transport, base_url=context.site.base_url) as client:
            answer = await client.get(path, headers={"X-Request-Id": "abc"})
    assert answer.status_code == status and answer.json()["code"] == code
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"] == "abc"
    assert "house" not in answer.text and (status == 500 or answer.headers["Retry-After"])
    (line,) = logged
    assert line.get("exc_info") or "a path of the house" in line["error"], "the operator learns why"
