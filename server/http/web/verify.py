"""Whether a mail is what this site sent: the public key, a page to paste a mail into, and the same for programs.

Nothing is stored or fetched, so that anybody may ask.
"""

import asyncio
from dataclasses import dataclass

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.delivery.site_key import SiteKey
from server.http.web.guard import text_fields
from server.http.web.pages import page
from tools.context import Context
from tools.mail.identity import Checked, Claim, check

MAX_MAIL = 16 * 1024 * 1024
"""Bytes of a mail to verify: the largest that agents send, attachments in base64 included."""
VERIFY = "/v1/verify"
DOCUMENT = "/.well-known/gatepost-identity.json"
_CACHEABLE = {"Cache-Control": "public, max-age=3600"}


class Verification(BaseModel):
    """Whether a mail is as this site sent it."""

    verified: bool = Field(
        description="The mail carries a claim of this site, and nothing of what it binds was altered."
    )
    problems: list[str] = Field(description="What speaks against it, in words.")
    claim: Claim | None = Field(description="What the mail claims of itself; null where it claims nothing readable.")


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
        told = Verification(verified=checked.verified, problems=list(checked.problems), claim=checked.claim)
        return Response(told.model_dump_json(), headers={"Cache-Control": "no-store"}, media_type="application/json")

    async def _check(self, raw: bytes) -> Checked:
        # mail programs hand out a mail's text with the line ends of their system
        ended = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return await asyncio.to_thread(check, ended, {self.key.id: self.key.verify})
