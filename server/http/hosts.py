"""The names this server answers to. A page of another name that resolves here (DNS rebinding) gets nothing."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.http.failures import refusal_response
from tools.errors import Refusal

LOCAL = ("127.0.0.1", "localhost", "[::1]")
PROBES = ("/healthz", "/readyz")
"""Asked by address, by those who watch over the process."""


def host_names(base_url: str) -> tuple[str, ...]:
    """The site's own name and the local ones, without ports."""
    return tuple(dict.fromkeys((without_port(urlsplit(base_url).netloc), *LOCAL)))


def without_port(host: str) -> str:
    """`mail.example:443` without its port; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


class HostCheck:
    """ASGI middleware: 421 for a Host that is not ours."""

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self._app = app
        self._names = host_names(base_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PROBES:
            host = Headers(scope=scope).get("host", "")
            if without_port(host) not in self._names:
                await refusal_response(scope, Refusal("wrong_host"))(scope, receive, send)
                return
        await self._app(scope, receive, send)
