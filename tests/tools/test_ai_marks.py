"""What a site adds to agents' mail is part of the wire form: shown, decided and sent, also after an edit."""

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from storage.database import one
from storage.records import Approval
from tests.conftest import World
from tools import wires
from tools.context import Context
from tools.decide import edit
from tools.revision import Edit
from tools.send import SendRequest, send

FOOTER = "Written by an AI agent of *Agents Ltd*."


async def sent(world: World, *, ai_header: bool = True, footer: str = "") -> tuple[Context, str]:
    """A held mail of a site with these settings; the site's context."""
    site = replace(world.context.site, ai_header=ai_header, footer=footer)
    context = replace(world.context, site=site)
    result = await send(context, SendRequest(to=["bea@example.com"], subject="Offer", markdown="Here it is."))
    return context, result.message_id


async def mail(context: Context, message_id: str, revision: int = 1) -> EmailMessage:
    parsed = message_from_bytes(await wires.raw_of(context, message_id, revision), policy=SMTP)
    assert isinstance(parsed, EmailMessage)
    return parsed


def text(parsed: EmailMessage, kind: str) -> str:
    body = parsed.get_body((kind,))
    assert body is not None
    return str(body.get_content())


async def test_agents_mail_says_what_it_is_and_has_the_footer(world: World) -> None:
    parsed = await mail(*await sent(world, footer=FOOTER))
    assert parsed["X-AI-Generated"] == "true"
    assert "Auto-Submitted" not in parsed
    assert "Here it is." in text(parsed, "plain") and "Written by an AI agent" in text(parsed, "plain")
    assert "<em>Agents Ltd</em>" in text(parsed, "html")


async def test_neither_is_there_where_the_site_does_not_want_it(world: World) -> None:
    parsed = await mail(*await sent(world, ai_header=False))
    assert "X-AI-Generated" not in parsed
    assert text(parsed, "plain").strip() == "Here it is."


async def test_an_edited_mail_has_them_once(world: World) -> None:
    context, message_id = await sent(world, footer=FOOTER)
    approval = await one(context.db, Approval, "approval_of_message", message_id=message_id)
    assert approval is not None
    changes = Edit(("bea@example.com",), (), (), "Offer", "Here it is now.")
    after = await edit(context, approval, 1, world.overseer, changes)
    parsed = await mail(context, message_id, after.revision)
    assert parsed.get_all("X-AI-Generated") == ["true"]
    assert text(parsed, "plain").count("Written by an AI agent") == 1
    assert "Written by" not in after.changes
