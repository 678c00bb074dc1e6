"""Verifying a mail: the key document, the page, and the same for programs."""

import base64
import hashlib
import html
from email import message_from_bytes

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette

from server.delivery.site_key import SiteKey
from server.delivery.stamp import stamp_mail
from server.http.rates import PerMinute
from server.http.web.routes import web_routes
from server.http.web.verify import DOCUMENT, MAX_MAIL
from storage.database import many
from storage.records import Delivery
from tests.conftest import World
from tests.fakes.web import BASE, held
from tools.context import MINUTE
from tools.decide import approve
from tools.mail.identity import check
from tools.outgoing import open_delivery


async def sent(world: World) -> tuple[bytes, str]:
    """A mail that a person approved, as it leaves but for its DKIM signatures; the approval's id."""
    waiting = await held(world)
    await approve(world.system, waiting, 1, world.overseer)
    (delivery,) = await many(world.system.db, Delivery, "deliveries", message_id=waiting.message_id)
    outgoing = await open_delivery(world.system, delivery)
    key = SiteKey(world.system.secret)
    return stamp_mail(outgoing, key, world.system.site.base_url), waiting.id


async def test_the_key_document_has_the_key_that_signs(world: World, browser: AsyncClient) -> None:
    answer = await browser.get(DOCUMENT)
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    (key,) = answer.json()["keys"]
    assert answer.json()["issuer"] == world.system.site.base_url
    assert (key["kty"], key["crv"], key["alg"]) == ("OKP", "Ed25519", "ed25519-sha256")
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))

    def verify(data: bytes, signature: bytes) -> bool:
        public.verify(signature, hashlib.sha256(data).digest())
        return True

    raw, _ = await sent(world)
    assert check(raw, {key["kid"]: verify}).verified


async def test_a_program_learns_what_is_bound(world: World, browser: AsyncClient) -> None:
    raw, approval_id = await sent(world)
    answer = (await browser.post("/v1/verify", content=b"Received: from a by b\r\n" + raw)).json()
    assert answer["verified"] and answer["problems"] == []
    claim = answer["claim"]
    assert (claim["sender"], claim["mode"], claim["verdict"]) == (world.mailbox.address, "gated_send", "allow")
    assert (claim["approval"], claim["issuer"]) == (approval_id, world.system.site.base_url)
    altered = (await browser.post("/v1/verify", content=raw.replace(b"Dear Bea", b"Dear Eve"))).json()
    assert (altered["verified"], altered["problems"]) == (False, ["The body was altered."])


async def test_the_feedback_id_names_account_and_mailbox_and_nobody(world: World) -> None:
    raw, _ = await sent(world)
    feedback = message_from_bytes(raw)["Feedback-ID"]
    mailbox_id, account_id, token, sender_id = feedback.split(":")
    assert (mailbox_id, account_id, sender_id) == (world.mailbox.id, world.account.id, "gatepost")
    assert token.startswith("dlv_")


async def test_a_person_pastes_a_mail(world: World, browser: AsyncClient) -> None:
    raw, approval_id = await sent(world)
    form = await browser.get("/verify")
    assert form.status_code == 200 and "<script" not in form.text
    assert form.headers["Content-Security-Policy"].startswith("default-src 'none'")
    pasted = raw.decode().replace("\r\n", "\n")
    good = html.unescape((await browser.post("/verify", data={"mail": pasted})).text)
    assert "This mail is as it was sent from here" in good
    assert f"approved it ({approval_id})" in good and world.mailbox.address in good
    bad = (await browser.post("/verify", data={"mail": pasted.replace("Subject: Offer", "Subject: Order")})).text
    assert "not verified" in bad and "A header field was altered" in bad
    none = (await browser.post("/verify", data={"mail": "<script>alert(1)</script>"})).text
    assert "It carries no claim." in none and "<script>" not in none


async def test_a_mail_to_verify_has_a_limit(world: World, browser: AsyncClient) -> None:
    assert (await browser.post("/v1/verify", content=b"x" * (MAX_MAIL + 1))).status_code == 413


async def test_who_verifies_too_much_in_a_minute_waits(world: World) -> None:
    routes = list(web_routes(world.system, PerMinute(visitor=2)))
    app = Starlette(routes=routes)

    async def asked(address: str, path: str = "/v1/verify") -> Response:
        transport = ASGITransport(app=app, client=(address, 1))
        async with AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.post(path, content=b"a mail")

    answers = [await asked("2001:db8::1"), await asked("2001:db8::2"), await asked("2001:db8::3")]
    assert [each.status_code for each in answers] == [200, 200, 429], "they are one subscriber's"
    assert [each.headers["X-RateLimit-Remaining"] for each in answers] == ["1", "0", "0"]
    assert answers[2].json()["code"] == "rate_limited" and 1 <= int(answers[2].headers["Retry-After"]) <= 60
    page = await asked("2001:db8::4", "/verify")
    assert page.status_code == 429 and page.headers["Content-Type"].startswith("text/html")
    assert (await asked("2001:db8:0:1::1")).status_code == (await asked("192.0.2.1")).status_code == 200
    world.clock.at += MINUTE
    assert (await asked("2001:db8::1")).status_code == 200


async def test_reading_and_verifying_change_nothing(world: World, browser: AsyncClient) -> None:
    raw, _ = await sent(world)
    before = await world.system.db.rows("events", account_id=world.account.id, after=0, limit=1000)
    for path in ("/verify", DOCUMENT):
        await browser.get(path)
    await browser.post("/verify", data={"mail": raw.decode()})
    assert await world.system.db.rows("events", account_id=world.account.id, after=0, limit=1000) == before
