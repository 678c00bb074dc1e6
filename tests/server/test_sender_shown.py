"""C6: agent and overseer see whether a sender is verified, and what is odd about them, beside the mail."""

import html
from dataclasses import replace

from policies.modes import Mode
from tests.conftest import World
from tests.fakes.web import approval_of, browsing, held_inbound, link
from tools.check_inbox import InboxRequest, check_inbox
from tools.context import Context
from tools.list_thread import ThreadRequest, list_thread
from tools.mail.auth.authenticator import Authenticator
from tools.mail.auth.zone import Zone
from tools.read_message import ReadRequest, read_message
from tools.receive import Arrival, receive
from tools.reply import ReplyRequest, reply

ZONE = Zone(
    {"bank.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}, "_dmarc.bank.example": {"TXT": ["v=DMARC1; p=none"]}}
)
POSING = "\r\n".join(
    [
        'From: "service@bank.example" <x@b\u0430nk.example>',
        "Reply-To: y@evil.test",
        "Subject: Your account",
        "",
        "Pay.",
    ]
).encode()
GOOD = b"From: Bank <service@bank.example>\r\nSubject: Statement\r\nMessage-ID: <1@bank.example>\r\n\r\nHello.\r\n"


def verifying(context: Context) -> Context:
    return replace(context, authenticator=Authenticator(ZONE, clock=context.clock, local=True))


async def arrive(world: World, raw: bytes, ip: str = "192.0.2.1") -> None:
    peer: dict[str, str | bool] = {"ip": ip, "helo": "mx.example.net"}
    await receive(verifying(world.system), Arrival("service@bank.example", (world.mailbox.address,), raw, peer))


async def test_the_agent_sees_it_in_every_view(world: World) -> None:
    await arrive(world, GOOD)
    await arrive(world, POSING)
    posing, good = (await check_inbox(world.context, InboxRequest())).messages
    assert good.verified_domain == "bank.example"
    assert good.warnings == ["first_contact"]
    assert posing.verified_domain == ""
    assert {"name_shows_address", "look_alike_domain", "reply_to_elsewhere"} <= set(posing.warnings)
    assert posing.sender.email == "x@xn--bnk-6cd.example"
    read = await read_message(world.context, ReadRequest(message_id=posing.message_id))
    assert not read.sender_verified
    assert read.warnings == posing.warnings
    assert read.verdicts == "spf=pass dmarc=none arc=none"
    thread = await list_thread(world.context, ThreadRequest(thread_id=good.thread_id))
    assert thread.messages[0].verified_domain == "bank.example"


async def test_a_known_address_that_nothing_vouches_for_is_pointed_out(world: World) -> None:
    await arrive(world, GOOD)
    await arrive(world, GOOD.replace(b"Message-ID: <1@", b"Message-ID: <2@"), ip="198.51.100.66")
    forged, good = (await check_inbox(world.context, InboxRequest())).messages
    assert "unverified_acquaintance" in forged.warnings
    assert "unverified_acquaintance" not in good.warnings


async def test_the_overseer_sees_it_on_the_page_of_the_mail_itself(world: World) -> None:
    system = verifying(world.system)
    approval = await held_inbound(replace(world, system=system), POSING)
    async with browsing(system) as browser:
        text = html.unescape((await browser.get(link(world, approval))).text)
    row = text.partition('<th scope="row">Sender</th>')[2].partition("</tr>")[0]
    assert "not verified (spf=none dmarc=none arc=none); brought by mx.example.net 192.0.2.7" in row
    assert "The name shows service@bank.example; the mail is from x@xn--bnk-6cd.example." in row
    assert "Answers go to y@evil.test, which is of another domain." in row


async def test_and_beside_the_mail_that_an_answer_is_to(world: World) -> None:
    await arrive(world, GOOD)
    await world.in_mode(Mode.GATED_SEND)
    [message] = (await check_inbox(world.context, InboxRequest())).messages
    result = await reply(world.context, ReplyRequest(message_id=message.message_id, markdown="Thanks"))
    approval = await approval_of(world, result.message_id)
    async with browsing(world.system) as browser:
        text = html.unescape((await browser.get(link(world, approval))).text)
    assert "verified to be of bank.example (spf=pass dmarc=pass arc=none)" in text.partition("What it answers")[2]
