"""What a notice says: its link to the letter, and caller text only as what it is."""

import email
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from tests.conftest import World
from tools import notices
from tools.request_approval import ApprovalRequest, request_approval
from tools.send import SendRequest, send
from tools.signin import request_sign_in

TOKENS = (
    "_xJzOAgeE_SzfjOYALMA6RXR_-ZAcJWfv4fDbmrPtzI",
    "__bold__-abcdefghijklmnopqrstuvwxyz012345678",
    "-abc_def_ghi-jkl_mnopqrstuvwxyz0123456789AB_",
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG-",
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF__",
)


async def letter(world: World) -> tuple[str, EmailMessage]:
    """The link and the mail of the notice that waits."""
    (notice,) = await notices.claim(world.system, 10)
    written = await notices.write(world.system, notice)
    assert written is not None and written.recipient == world.overseer
    return written.link, email.message_from_bytes(written.raw, policy=SMTP)


def bodies(mail: EmailMessage) -> tuple[str, str]:
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and html is not None
    return text.get_content(), html.get_content()


@pytest.mark.parametrize("token", TOKENS)
async def test_the_link_arrives_to_the_letter(world: World, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """Markdown would take `_…_` for emphasis, and the person would open a link that was never made."""
    monkeypatch.setattr(notices, "link_token", lambda *_: token)
    await send(world.context, SendRequest(to=["a@example.com"], subject="Hi", markdown="x"))
    link, mail = await letter(world)
    text, html = bodies(mail)
    assert link.endswith(f"/approve/{token}")
    assert link in text.split() and f'href="{link}"' in html


@pytest.mark.parametrize("token", TOKENS)
async def test_so_does_the_link_to_sign_in(world: World, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setattr(notices, "sign_in_url", lambda *_: f"https://mail.example.com/sign-in/{token}")
    await request_sign_in(world.system, world.overseer)
    link, mail = await letter(world)
    text, html = bodies(mail)
    assert link in text.split() and f'href="{link}"' in html


async def test_caller_text_is_shown_as_it_is_and_makes_no_link(world: World) -> None:
    words = "[Approve](https://example.net/approve/x) **now** <b>!</b>"
    request = ApprovalRequest(to=["a_b_c@example.com"], subject=words, markdown="x", note=words)
    await request_approval(world.context, request)
    link, mail = await letter(world)
    text, html = bodies(mail)
    assert words in text and "a_b_c@example.com" in text
    assert html.count("href=") == html.count(f'href="{link}"') == 1
