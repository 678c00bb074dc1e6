"""Pages from templates, with the headers every page has and the page a refusal becomes."""

import functools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tools.errors import Refusal

_FOLDER = Path(__file__).parent
STYLE = _FOLDER / "static" / "style.css"

# Forms need an Origin that says where they come from, and under no-referrer browsers send "null"
# (Fetch, "append a request Origin header"); same-origin tells other sites just as little.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}

Endpoint = Callable[[Request], Awaitable[Response]]


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page; every value is escaped where it stands."""
    return HTMLResponse(_templates().get_template(template).render(values), status, HEADERS)


def redirect(path: str) -> RedirectResponse:
    """To a page to be read, after something was done or because it is elsewhere (303)."""
    return RedirectResponse(path, 303, HEADERS)


def refused(refusal: Refusal) -> Response:
    """The page that says what went wrong and what to do."""
    response = page("error.html", refusal.condition.status, refusal=refusal)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def answering(endpoint: Endpoint) -> Endpoint:
    """The endpoint, with a Refusal turned into its page."""

    @functools.wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refusal as refusal:
            return refused(refusal)

    return answer


@functools.cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["time"] = _time
    environment.filters["iso"] = _iso
    environment.filters["size"] = _size
    return environment


def _time(microseconds: int) -> str:
    """'24 July 2026, 09:15 UTC'."""
    moment = datetime.fromtimestamp(microseconds / 1_000_000, UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _iso(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat(timespec="seconds")


def _size(count: int) -> str:
    """Bytes as people read them: '999 bytes', '12.3 kB', '4.5 MB'."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
