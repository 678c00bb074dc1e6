"""Load on a server that is killed again and again, and the ledger that the load side keeps."""

import asyncio
import hashlib
import random
import re
from collections.abc import Container
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2

from server.demo.agent import Failed
from server.demo.person import approve, link_in
from tests.conftest import eventually
from tests.e2e.gatepost_process import MAILBOX, OVERSEER, Gatepost
from tests.e2e.sink import Taken
from tests.e2e.smtp_talk import Talk, talking

KIB = 1024
DRAIN_SECONDS = 60.0
_RECIPIENT = re.compile(r"r[0-9]+\.[0-9]+@out\.example")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a mail must be found as."""

    size: int
    sha256: str

    @classmethod
    def of(cls, raw: bytes) -> "Fingerprint":
        return cls(len(raw), hashlib.sha256(raw).hexdigest())


@dataclass
class Ledger:
    """What was sent, and what the server has said yes to."""

    sent: dict[str, Fingerprint] = field(default_factory=dict)
    """Inbound mails by Message-ID."""
    acknowledged: set[str] = field(default_factory=set)
    """Those of them whose 250 was read."""
    handed_in: set[str] = field(default_factory=set)
    """Recipients of outbound mails whose 202 was read."""
    approved: set[str] = field(default_factory=set)
    """Those of them whom the person saw to be approved."""
    reached: set[str] = field(default_factory=set)
    """Those of them whom the mail has reached."""


class Load:
    """Clients that go on until `stopping`; while the server is down they wait for `up`."""

    def __init__(self, gatepost: Gatepost, seed: int) -> None:
        self.up = asyncio.Event()
        self.stopping = asyncio.Event()
        self.ledger = Ledger()
        self._gatepost = gatepost
        self._random = random.Random(seed)
        self._links: dict[str, str] = {}

    def hear(self, taken: Taken) -> None:
        """Told by the sink of every mail that leaves."""
        if taken.recipient != OVERSEER:
            self.ledger.reached.add(taken.recipient)
            return
        text = taken.text()
        found = _RECIPIENT.search(text)
        assert found is not None, text
        self._links[found.group()] = urlsplit(link_in(text)).path

    async def deliver_in(self, client: int) -> None:
        """A mail server that delivers unique mails, each once."""
        number = 0
        while not self.stopping.is_set():
            await self.up.wait()
            try:
                async with talking(self._gatepost.smtp_port) as talk:
                    await talk.greet()
                    while not self.stopping.is_set():
                        number += 1
                        await self._deliver(talk, f"m{client}.{number}@example.net")
            except OSError:
                continue

    async def send_out(self, agent: int) -> None:
        """An agent and its person: hand a mail in, approve it by the mailed link, wait until it has arrived."""
        number = 0
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {self._gatepost.key}"}) as http:
            while not self.stopping.is_set():
                number += 1
                recipient = f"r{agent}.{number}@out.example"
                while recipient not in self.ledger.handed_in:
                    await self.up.wait()
                    await self._hand_in(http, recipient)
                await _until_in(self._links, recipient)
                while recipient not in self.ledger.approved:
                    await self.up.wait()
                    await self._approve(recipient)
                await _until_in(self.ledger.reached, recipient)

    async def _deliver(self, talk: Talk, message_id: str) -> None:
        raw = self._mail(message_id)
        self.ledger.sent[message_id] = Fingerprint.of(raw)
        reply = await talk.mail(raw, MAILBOX)
        assert reply.startswith("250 "), reply
        self.ledger.acknowledged.add(message_id)

    def _mail(self, message_id: str) -> bytes:
        """1 KiB to 300 KiB, most of them small; the largest lie outside the database."""
        size = self._random.choices((2, 8, 60, 300), (50, 30, 15, 5))[0] * KIB
        head = f"From: bea@example.net\r\nTo: {MAILBOX}\r\nSubject: a mail\r\nMessage-ID: <{message_id}>\r\n\r\n"
        body = self._random.randbytes(self._random.randint(KIB // 2, size // 2 - 200)).hex("\n", 36)
        return (head + body.replace("\n", "\r\n") + "\r\n").encode()

    async def _hand_in(self, http: httpx2.AsyncClient, recipient: str) -> None:
        url = f"{self._gatepost.url}/v1/mailboxes/{self._gatepost.mailbox_id}/send"
        mail = {"to": [recipient], "subject": "An offer", "markdown": "Dear Bea, here it is."}
        try:
            # tried again under the same key: it is one mail, however often the answer is lost
            answer = await http.post(url, json=mail, headers={"Idempotency-Key": recipient})
        except httpx2.HTTPError:
            return
        assert answer.status_code == 202, answer.text
        self.ledger.handed_in.add(recipient)

    async def _approve(self, recipient: str) -> None:
        try:
            await approve(self._gatepost.url + self._links[recipient])
        except httpx2.HTTPError:
            return
        except Failed as refused:
            # the answer to an earlier try was lost: the page says it is decided, and the mail will show it
            assert "status 200" in str(refused), refused
        self.ledger.approved.add(recipient)


async def _until_in(known: Container[str], recipient: str) -> None:
    await eventually(lambda: recipient in known, DRAIN_SECONDS)
