"""Whether a mail is what this site sent: the public key, a page to paste a mail into, and the same for programs.

Nothing is stored or fetched, so that anybody may ask.
"""

import asyncio
from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.delivery.site_key import SiteKey
from server.http.web.guard import text_fields
from server.http.web.pages import page
from tools.context import Context
from tools.mail.identity import Checked, check

MAX_MAIL = 16 * 1024 * 1024
"""Bytes of a mail to verify: the largest that agents send, attachments in base64 included."""
DOCUMENT = "/.well-known/gatepost-identity.json"
_CACHEABLE = {"Cache-Control": "public, max-age=3600"}


@dataclass(frozen=True, slots=True)
class VerifyPages:
    """The endpoints around the identity claim."""

    context: Context
    key: SiteKey

    async def document(self, request: Request) -> Response:
        """The site's public keys, for who wants to check by himself."""
        return JSONResponse({"issuer": self.context.site.base_url, "keys": [self.key.document()]}, headers=_CACHEABLE)

    async def ask(self, request: Request) -> Response:
        """The form for a mail."""
        return page("verify.html", checked=None, mail="")

    async def show(self, request: Request) -> Response:
        """What a pasted mail's claim is worth."""
        mail = (await text_fields(request)).get("mail", "").lstrip()
        return page("verify.html", checked=await self._check(mail.encode()), mail=mail)

    async def answer(self, request: Request) -> Response:
        """The same for a program, which posts the raw mail as the body."""
        checked = await self._check(await request.body())
        claim = asdict(checked.claim) if checked.claim is not None else None
        return JSONResponse({"verified": checked.verified, "problems": checked.problems, "claim": claim})

    async def _check(self, raw: bytes) -> Checked:
        # mail programs hand out a mail's text with the line ends of their system
        ended = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return await asyncio.to_thread(check, ended, {self.key.id: self.key.verify})
