"""A stand-in for the outside world: a second mail server with an overseer and two correspondents."""

import asyncio
import email
import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from server.delivery.courier import Courier, Timeouts
from server.delivery.outcome import Sent
from server.delivery.routes import RelayRoute
from server.room import Room
from server.smtp.arguments import read_argument
from server.smtp.conversation import Answer, Connections, Conversation, Patience
from server.smtp.listener import Listener
from tools.views import moment

OVERSEER = "overseer@example.org"
OFFICE = Address("Büro Example", "office", "example.org")

ANSWER = """Thank you, the figures look right.

Could you also send the numbers for **March**? We meet on Thursday."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that reached the outside."""

    recipient: str
    raw: bytes

    def text(self) -> str:
        """Its plain text."""
        body = email.message_from_bytes(self.raw, policy=SMTP).get_body(("plain",))
        return str(body.get_content()) if body is not None else ""


class Outside:
    """A mail server of somebody else: takes every mail; the office answers what it gets."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.letters: list[Letter] = []
        self._arrived = asyncio.Condition()
        self._listener: Listener | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self.gatepost_port = 0

    async def start(self) -> int:
        """Listen on a free loopback port; the port."""
        connections, room = Connections(), Room()
        self._listener = Listener(lambda: _Visit(self, connections, room), connections)
        return await self._listener.start("127.0.0.1", 0)

    async def stop(self) -> None:
        if self._listener is not None:
            await self._listener.stop()

    async def take(self, sender: str, recipients: list[str], raw: bytes) -> bytes:
        """Keep a mail, and let the office answer it; the reply."""
        async with self._arrived:
            self.letters += [Letter(recipient, raw) for recipient in recipients]
            self._arrived.notify_all()
        if OFFICE.addr_spec in recipients and sender:
            task = asyncio.create_task(self._answer(raw))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)
        return b"250 2.0.0 OK"

    async def wait_for(self, recipient: str, seconds: float) -> Letter:
        """The newest mail for a recipient, waiting for one if there is none. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._arrived:
            while not (found := [letter for letter in self.letters if letter.recipient == recipient]):
                await self._arrived.wait()
            return found[-1]

    async def _answer(self, raw: bytes) -> None:
        original = email.message_from_bytes(raw, policy=SMTP)
        reply = gmail_reply(original, moment(self._clock()))
        courier = Courier(
            RelayRoute("127.0.0.1", self.gatepost_port),
            "mx.example.org",
            timeouts=Timeouts(connect=10, total=30, idle=1),
            tls="never",
            credentials=None,
            clock=self._clock,
        )
        to = original["From"].addresses[0].addr_spec
        outcome = await courier.deliver(OFFICE.addr_spec, to, reply.as_bytes())
        await courier.close()
        if not isinstance(outcome, Sent):
            raise RuntimeError(f"the answer was not taken: {outcome.code} {outcome.text}")


class _Visit(Conversation):
    """One connection of a server that brings mail to the outside; every address is there."""

    def __init__(self, outside: Outside, connections: Connections, room: Room) -> None:
        super().__init__(max_message_bytes=50_000_000, connections=connections, room=room, patience=Patience())
        self._outside = outside
        self._sender = ""
        self._recipients: list[str] = []

    def greeting(self) -> bytes:
        return b"220 mx.example.org ESMTP"

    def command(self, line: bytes) -> bytes:
        verb, _, text = line.partition(b" ")
        match verb.upper():
            case b"EHLO":
                return b"250-mx.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8"
            case b"MAIL" if argument := read_argument(text, b"FROM:"):
                self._sender, self._recipients = argument.address, []
            case b"RCPT" if argument := read_argument(text, b"TO:"):
                self._recipients.append(argument.address)
            case b"DATA":
                return self.expect_mail()
            case b"QUIT":
                return b"221 2.0.0 Bye"
        return b"250 2.0.0 OK"

    def mail(self, content: bytes) -> Answer:
        return self._outside.take(self._sender, self._recipients, content)

    def forget(self) -> None:
        self._recipients = []

    def fault(self, error: Exception) -> bytes:
        return b"451 4.3.0 " + type(error).__name__.encode()


def gmail_reply(original: EmailMessage, at: datetime) -> EmailMessage:
    """An answer as Gmail writes it: text and HTML, with the whole original quoted below."""
    sender = original["From"].addresses[0]
    attribution = f"On {at:%a, %b %d, %Y at %I:%M %p} {sender.display_name} <{sender.addr_spec}> wrote:"
    body = original.get_body(("plain",))
    text = str(body.get_content()) if body is not None else ""
    reply = EmailMessage(policy=SMTP)
    reply["From"], reply["To"] = OFFICE, sender
    reply["Subject"] = f"Re: {original['Subject']}"
    reply["Date"] = format_datetime(at)
    reply["Message-ID"] = f"<reply.{at:%Y%m%d%H%M%S%f}@mail.example.org>"
    reply["In-Reply-To"] = original["Message-ID"]
    reply["References"] = original["Message-ID"]
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    reply.set_content(f"{ANSWER.replace('**', '*')}\n\n{attribution}\n\n{quoted}\n")
    paragraphs = html.escape(ANSWER).replace("**March**", "<b>March</b>").replace("\n\n", "<br><br>")
    quote = html.escape(text).replace("\n", "<br>")
    reply.add_alternative(
        f'<div dir="ltr">{paragraphs}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        f'{html.escape(attribution)}<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;'
        f'border-left:1px #ccc solid;padding-left:1ex">{quote}</blockquote></div>',
        subtype="html",
    )
    return reply
