"""Who may post: the browser that got the form from us, and nobody's page but ours."""

from urllib.parse import urlsplit

from starlette.requests import Request

from tools.context import Context, same
from tools.errors import Refusal

_OWN_SITES = frozenset({"same-origin", "none"})


def form_token(context: Context, secret: str) -> str:
    """What a form carries to show that it is ours, bound to the link's or the session's token."""
    return context.secret.token("form", secret)


def check_origin(context: Context, request: Request) -> None:
    """The browser's own word on where the request comes from, where it gives one. Raises Refusal forbidden_origin."""
    if request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        raise Refusal("forbidden_origin")
    origin = request.headers.get("origin")
    own = {_origin(context.site.base_url), _origin(str(request.base_url))}
    if origin is not None and origin not in own:
        raise Refusal("forbidden_origin")


async def checked_form(context: Context, request: Request, secret: str) -> dict[str, str]:
    """The fields of a form of ours. Raises Refusal forbidden_origin."""
    check_origin(context, request)
    fields = await text_fields(request)
    if not same(form_token(context, secret), fields.get("csrf", "")):
        raise Refusal("forbidden_origin")
    return fields


async def text_fields(request: Request) -> dict[str, str]:
    """The form's fields without files, with LF line ends and without what no database takes as text."""
    async with request.form(max_files=0) as form:
        return {name: _storable(value) for name, value in form.items() if isinstance(value, str)}


def _storable(text: str) -> str:
    unbroken = text.replace("\r\n", "\n").replace("\x00", "\ufffd")
    return unbroken.encode(errors="replace").decode()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
