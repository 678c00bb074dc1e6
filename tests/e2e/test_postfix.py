"""Mail between Gatepost and a real Postfix, both ways: byte for byte, with bounces and greylisting."""

import base64
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any

import dkim

from server.app import running
from server.demo.person import approve, link_in
from server.domains import new_signing_keys, published
from server.settings import Settings
from server.zone import quoted
from storage.database import many, one
from storage.records import Delivery, Event, Message
from tests.conftest import eventually
from tests.e2e import postfix as peer
from tests.e2e.opendkim import opendkim
from tests.e2e.postfix import Postfix, free_port, postfix
from tests.fakes.dns_server import FakeDNSServer
from tools import wires
from tools.accounts import create_account, create_mailbox
from tools.context import MINUTE, Context, Principal
from tools.returned import bounced_delivery
from tools.send import SendRequest, send

DOMAIN = "agents.example"
ADA = f"ada@{DOMAIN}"
BEA = f"bea@{peer.DOMAIN}"
BOSS = f"boss@{peer.DOMAIN}"
ZONE = {peer.DOMAIN: {"MX": [f"10 mx.{peer.DOMAIN}."]}, f"mx.{peer.DOMAIN}": {"A": ["127.0.0.1"]}}
FILE = bytes(range(256)) * 40


@dataclass(frozen=True, slots=True)
class Line:
    """Gatepost on the one side, acting as the agent; Postfix on the other."""

    context: Context
    database: Path
    postfix: Postfix

    async def send(self, to: str, **fields: object) -> Message:
        """Hand a mail in and approve it by the link that Postfix delivered to the overseer."""
        given = {"to": [to], "subject": f"For {to} – Übersicht", "markdown": "Good morning,\n\n.dots\n\n|a|\n|-|\n|ö|"}
        result = await send(self.context, SendRequest.model_validate(given | fields))
        assert result.status == "pending_send_approval"
        notice = message_from_bytes(await self.postfix.mail_for("boss", to.encode()), policy=SMTP)
        text = notice.get_body(("plain",))
        assert text is not None
        await approve(link_in(str(text.get_content())))
        return await self.message(result.message_id)

    async def message(self, id_: str) -> Message:
        ids = {"id": id_, "account_id": self.context.principal.account_id}
        message = await one(self.context.db, Message, "message_of_account", **ids)
        assert message is not None
        return message

    async def delivery(self, message: Message, state: str) -> Delivery:
        """The message's one delivery, once it is in this state."""

        async def reached() -> Delivery | None:
            (delivery,) = await many(self.context.db, Delivery, "deliveries", message_id=message.id)
            return delivery if delivery.state == state else None

        await eventually(reached, 30)
        found = await reached()
        assert found is not None
        return found

    def attempts(self, delivery: Delivery) -> list[dict[str, Any]]:
        """What was tried for a delivery, as stored."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute("SELECT * FROM attempt WHERE delivery_id = ? ORDER BY number", [delivery.id])
            return [dict(row) for row in rows]

    async def event(self, type_: str) -> Event:
        """The first event of this type, waiting for it."""

        async def found() -> list[Event]:
            account_id = self.context.principal.account_id
            events = await many(self.context.db, Event, "events", account_id=account_id, after=0, limit=1000)
            return [event for event in events if event.type == type_]

        await eventually(found, 30)
        return (await found())[0]


@asynccontextmanager
async def standing(folder: Path) -> AsyncIterator[Line]:
    """Both servers, each knowing where the other listens."""
    port = free_port()
    async with FakeDNSServer(ZONE) as dns:
        settings = Settings(
            data=folder,
            http_port=0,
            smtp_port=0,
            hostname=f"mail.{DOMAIN}",
            route="direct",
            direct_port=port,
            direct_private=True,
            resolver=f"127.0.0.1:{dns.port}",
        )
        async with running(settings) as server, postfix(server.smtp_port, port) as other:
            context = server.context
            account = await create_account(context, DOMAIN, BOSS, new_signing_keys(context))
            mailbox = await create_mailbox(context, account.id, "ada", DOMAIN)
            agent = Principal(account.id, frozenset({"read", "send"}), "the agent", mailbox.id)
            yield Line(context.acting_as(agent), folder / "gatepost.db", other)


async def test_there_and_back(tmp_path: Path) -> None:
    """An approved mail reaches a Maildir as it was composed; the answer comes back as it was written."""
    file = {
        "name": "Übersicht.bin",
        "content_type": "application/octet-stream",
        "content_base64": base64.b64encode(FILE).decode(),
    }
    async with standing(tmp_path) as line:
        message = await line.send(BEA, attachments=[file])
        delivered = await line.postfix.mail_for("bea")
        assert delivered.endswith(await wires.raw_of(line.context, message.id, 1))
        mail = message_from_bytes(delivered, policy=SMTP)
        assert [part.get_content() for part in mail.iter_attachments()] == [FILE]
        await _both_signatures_verify(line, delivered)
        delivery = await line.delivery(message, "sent")
        assert bounced_delivery(line.context, mail["Return-Path"].strip("<>")) == delivery.id
        assert (await line.message(message.id)).status == "sent"

        answer = _answer(mail["Message-ID"])
        await line.postfix.submit(answer, BEA, ADA)
        event = await line.event("message.received")
        arrived = await line.message(str(event.message_id))
        stored = await wires.raw_of(line.context, arrived.id, 1)
        ours, _, theirs = stored.removesuffix(answer).partition(b"Received: ")
        assert stored.endswith(answer) and theirs.startswith(b"by mx.office.example (Postfix"), stored
        assert ours.startswith(b"Authentication-Results: mail.agents.example;\r\n\tspf=") and ours.count(b"\r\n\t") == 4
        assert arrived.thread_id == message.thread_id
        assert arrived.from_email == BEA


async def test_opendkim_verifies_each_signature_of_a_delivered_mail(tmp_path: Path) -> None:
    async with opendkim(tmp_path) as judge, standing(tmp_path / "data") as line:
        await line.send(BEA)
        delivered = await line.postfix.mail_for("bea")
        keys = await _keys(line)
        assert len(keys) == 2
        for name, key in keys.items():
            zone = {name: {"TXT": [quoted(key)]}}
            assert await judge.verifies(delivered, zone)
            assert not await judge.verifies(delivered.replace(b"Good", b"Bad"), zone)


async def test_a_bounce_after_the_mail_was_accepted(tmp_path: Path) -> None:
    async with standing(tmp_path) as line:
        message = await line.send(f"gone@{peer.DOMAIN}")
        delivery = await line.delivery(message, "bounced")
        assert delivery.enhanced == "5.1.1"
        assert [attempt["outcome"] for attempt in line.attempts(delivery)] == ["sent"]
        assert (await line.message(message.id)).status == "bounced"
        await line.event("delivery.bounced")
        # a bounce is a fact about a delivery, not a mail for the agent to read
        assert (await line.event("delivery.report_received")).message_id == message.id


async def test_a_refused_recipient_bounces_at_once(tmp_path: Path) -> None:
    async with standing(tmp_path) as line:
        message = await line.send(f"nobody@{peer.DOMAIN}")
        delivery = await line.delivery(message, "bounced")
        assert (delivery.code, delivery.enhanced, delivery.category) == (550, "5.1.1", "NoMailbox")
        assert (await line.message(message.id)).status == "bounced"


async def test_greylisting_defers(tmp_path: Path) -> None:
    async with standing(tmp_path) as line:
        message = await line.send(f"later@{peer.DOMAIN}")
        delivery = await line.delivery(message, "deferred")
        assert (delivery.code, delivery.enhanced, delivery.category) == (450, "4.7.1", "GreyListed")
        (attempt,) = line.attempts(delivery)
        assert (attempt["number"], attempt["outcome"], attempt["code"]) == (1, "deferred", 450)
        assert 4 * MINUTE < delivery.due_at - attempt["created_at"] < 6 * MINUTE
        assert (await line.message(message.id)).status == "queued"


async def _keys(line: Line) -> dict[str, str]:
    """The DKIM keys that `gatepost dns` tells to publish, by name."""
    zones = await published(line.context, line.context.principal.account_id, f"mail.{DOMAIN}")
    records = [record for zone in zones for record in zone.records]
    return {record.name: record.value for record in records if "._domainkey." in record.name}


async def _both_signatures_verify(line: Line, raw: bytes) -> None:
    keys = await _keys(line)

    def look_up(name: bytes, timeout: float = 5) -> bytes | None:
        return keys[name.decode().rstrip(".")].encode()

    algorithms = []
    for index in range(2):
        verifier: Any = dkim.DKIM(raw)
        assert verifier.verify(idx=index, dnsfunc=look_up)
        algorithms.append(verifier.signature_fields[b"a"])
    assert sorted(algorithms) == [b"ed25519-sha256", b"rsa-sha256"]


def _answer(to: str) -> bytes:
    return (
        f"From: Bea <{BEA}>\r\nTo: {ADA}\r\nSubject: =?utf-8?q?Re=3A_=C3=9Cbersicht?=\r\n"
        f"Message-ID: <answer.1@{peer.DOMAIN}>\r\nIn-Reply-To: {to}\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        "Thänk you.\r\n.\r\n..two dots\r\n" + "a long line " * 150 + "\r\n\r\n"
    ).encode()
