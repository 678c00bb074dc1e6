"""What a mail carries, as responses that can do nothing: the HTML for the sandboxed frame, and attachments."""

import asyncio
import html
from urllib.parse import quote

import nh3
from starlette.responses import HTMLResponse, Response

from server.http.web.pages import HEADERS
from tools.errors import Refusal
from tools.mail.parse import attachment_bytes, parse

_CSP = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
_HEADERS = HEADERS | {"Content-Security-Policy": _CSP, "Referrer-Policy": "no-referrer"}
_PAGE = (
    '<!doctype html><html><head><meta charset="utf-8"><title>The mail</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<style>:root{{color-scheme:light}}body{{margin:12px;background:#fff;color:#111;"
    "font:15px/1.5 system-ui,sans-serif;overflow-wrap:break-word}}img{{max-width:100%;height:auto}}"
    "pre{{white-space:pre-wrap}}a{{pointer-events:none}}</style></head><body>{}</body></html>"
)
_STYLES = (
    "background background-color border border-bottom border-collapse border-color border-left border-radius "
    "border-right border-spacing border-style border-top border-width color font font-family font-size font-style "
    "font-weight letter-spacing line-height list-style list-style-type margin margin-bottom margin-left margin-right "
    "margin-top max-width min-width padding padding-bottom padding-left padding-right padding-top text-align "
    "text-decoration text-transform vertical-align white-space width word-break"
)
_EVERYWHERE = {"style", "dir", "lang", "title", "align", "valign", "width", "height", "bgcolor"}
_MORE = {"font": {"color", "face", "size"}, "table": {"border", "cellpadding", "cellspacing"}}


async def mail_response(raw: bytes) -> Response:
    """The mail's HTML, or its text, without anything that could act."""
    return HTMLResponse(await asyncio.to_thread(_frame, raw), headers=_HEADERS)


async def attachment_response(raw: bytes, index: int) -> Response:
    """An attachment as a download, never as something to open here. Raises Refusal not_found."""
    found = await asyncio.to_thread(_attachment, raw, index)
    if found is None:
        raise Refusal("not_found")
    name, content = found
    headers = _HEADERS | {
        "Content-Security-Policy": "sandbox; default-src 'none'",
        # RFC 6266 section 4.3: the form that holds any name
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
    return Response(content, headers=headers, media_type="application/octet-stream")


def safe_html(page: str) -> str:
    """Mail HTML without scripts, forms, remote images, or styles that hide or cover something."""
    return nh3.clean(
        page,
        tags=nh3.ALLOWED_TAGS | {"font"},
        attributes={**nh3.ALLOWED_ATTRIBUTES, "*": _EVERYWHERE} | _with_more(),
        attribute_filter=_attribute,
        filter_style_properties=set(_STYLES.split()),
        url_schemes={"http", "https", "mailto", "tel", "data"},
        url_relative="deny",
    )


def _with_more() -> dict[str, set[str]]:
    return {tag: nh3.ALLOWED_ATTRIBUTES.get(tag, set()) | names for tag, names in _MORE.items()}


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Images only where they lie in the mail itself, and links anywhere else than into data."""
    if name == "style":
        return None if "url(" in value.lower() else value
    if tag == "img" and name == "src":
        return value if value.startswith("data:image/") else None
    return None if value.strip().lower().startswith("data:") else value


def _frame(raw: bytes) -> str:
    parsed = parse(raw)
    return _PAGE.format(safe_html(parsed.html) if parsed.html else f"<pre>{html.escape(parsed.text)}</pre>")


def _attachment(raw: bytes, index: int) -> tuple[str, bytes] | None:
    infos = [info for info in parse(raw).attachments if info.index == index]
    content = attachment_bytes(raw, index) if infos else None
    return None if content is None else (infos[0].name or f"attachment-{index}", content)
