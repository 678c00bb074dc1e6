"""An agent's life rehearsed in the sandbox, over MCP: held, approved, refused, bounced, complained of, answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from policies.modes import Mode
from server.app import Running, running
from server.demo.agent import Agent, connected
from server.demo.person import approve
from server.domains import new_signing_keys
from server.settings import Settings
from storage.database import Transaction, many, one
from storage.records import Account, Approval, Event, Mailbox
from tests.conftest import AGENT, eventually
from tests.fakes.smtp_server import FakeSMTPServer
from tools import wires
from tools.accounts import create_account, create_mailbox
from tools.approvals import link_token
from tools.identity import create_key

OVERSEER = "boss@example.org"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A server, its account, and an agent whose key is for tests."""

    server: Running
    account: Account
    mailbox: Mailbox
    agent: Agent

    async def sent(self, to: str, state: str) -> str:
        """Send a mail and wait until its one delivery is in this state; the message's id."""
        mail = await self.agent.call("send", to=[to], subject=f"To {to}", markdown="Shall we meet on Monday?")
        await self.until(mail["message_id"], state)
        return str(mail["message_id"])

    async def until(self, message_id: str, state: str) -> None:
        await eventually(lambda: self._is(message_id, state))

    async def _is(self, message_id: str, state: str) -> bool:
        status = await self.agent.call("message_status", message_id=message_id)
        return [each["state"] for each in status["deliveries"]] == [state]

    async def link(self, message_id: str) -> str:
        """The link to decide, as the overseer gets it."""
        context = self.server.context
        approval = await one(context.db, Approval, "approval_of_message", message_id=message_id)
        assert approval is not None
        token = link_token(context, approval.id, approval.revision, OVERSEER)
        return f"{context.site.base_url}/approve/{token}"

    async def free(self) -> None:
        """Let the agent send by itself from now on."""

        async def work(transaction: Transaction) -> None:
            await transaction.run("set_mode", id=self.mailbox.id, mode=Mode.AUTONOMOUS)

        await self.server.context.db.write(work)

    async def log(self) -> list[Event]:
        return await many(self.server.context.db, Event, "events", account_id=self.account.id, after=0, limit=1000)

    async def events_of(self, message_id: str) -> list[str]:
        return [event.type for event in await self.log() if event.message_id == message_id]


@asynccontextmanager
async def rehearsing(data: Path, **settings: Any) -> AsyncIterator[Rehearsal]:
    loaded = Settings.load(data=data, http_port=0, smtp_port=0, hostname="agents.example", **settings)
    async with running(loaded) as server:
        context = server.context
        account = await create_account(context, "agents.example", OVERSEER, new_signing_keys(context))
        mailbox = await create_mailbox(context, account.id, "ada", "agents.example")
        made = await create_key(context, account.id, "rehearsal", AGENT, mailbox.id, sandbox=True)
        assert made.text.startswith("gp_test_")
        async with connected(context.site.base_url, made.text) as agent:
            yield Rehearsal(server, account, mailbox, agent)


async def live(stage: Rehearsal) -> dict[str, str]:
    """All that can happen to a mail, one after the other; the messages' ids by what happened."""
    held = await stage.agent.call("send", to=["reply@simulator.test"], subject="Monday", markdown="Shall we meet?")
    assert held["status"] == "pending_send_approval"
    await approve(await stage.link(held["message_id"]))
    arrived = await stage.agent.call("wait_for_message", thread_id=held["thread_id"], timeout_seconds=10)
    await stage.until(held["message_id"], "sent")
    await stage.free()
    return {
        "answered": held["message_id"],
        "the answer": arrived["messages"][0]["message_id"],
        "accepted": await stage.sent("bea@example.com", "sent"),
        "refused": await stage.sent("550@simulator.test", "bounced"),
        "put off": await stage.sent("451@simulator.test", "deferred"),
        "timed out": await stage.sent("timeout@simulator.test", "deferred"),
        "bounced": await stage.sent("bounce@simulator.test", "bounced"),
        "complained of": await stage.sent("complaint@simulator.test", "sent"),
    }


async def test_a_whole_life_with_nothing_leaving(tmp_path: Path) -> None:
    async with FakeSMTPServer() as remote:
        relay = {"route": "relay", "relay_host": "127.0.0.1", "relay_port": remote.port, "relay_tls": "never"}
        async with rehearsing(tmp_path, **relay) as stage:
            ids = await live(stage)
            complained = ids["complained of"]
            await eventually(lambda: _reported(stage, complained))
            names = {id_: what for what, id_ in ids.items()}
            for event in await stage.log():
                print(f"{event.seq:3} {event.type:28} {names.get(event.message_id or '', ''):14} {event.data[:90]}")
            assert await stage.events_of(ids["answered"]) == [
                *("message.pending_send_approval", "approval.pending", "approval.approved"),
                *("delivery.sent", "message.sent"),
            ]
            assert await stage.events_of(ids["the answer"]) == ["message.received"]
            bounced = await stage.events_of(ids["bounced"])
            assert bounced[:3] == ["message.queued", "delivery.sent", "message.sent"] and "delivery.bounced" in bounced
            assert (await _delivery(stage, ids["refused"]))["code"] == 550
            assert (await _delivery(stage, ids["put off"]))["code"] == 451
        assert remote.sessions == [], "nothing of a test key's mail may leave, notices about it included"


async def test_the_answer_stands_in_the_thread_and_quotes(tmp_path: Path) -> None:
    async with rehearsing(tmp_path) as stage:
        await stage.free()
        sent = await stage.agent.call("send", to=["reply@simulator.test"], subject="Monday", markdown="Shall we meet?")
        arrived = await stage.agent.call("wait_for_message", thread_id=sent["thread_id"], timeout_seconds=10)
        (answer,) = arrived["messages"]
        mail = message_from_bytes(await wires.raw_of(stage.server.context, answer["message_id"], 1), policy=SMTP)
        assert mail["In-Reply-To"].startswith(f"<{sent['message_id']}@") and mail["Subject"] == "Re: Monday"
        assert isinstance(mail, EmailMessage)
        body = mail.get_body(("plain",))
        assert body is not None and "> Shall we meet?" in body.get_content()


async def test_a_live_key_uses_the_route_where_a_test_key_does_not(tmp_path: Path) -> None:
    """The same server, the same mailbox: what differs is the key alone."""
    async with FakeSMTPServer() as remote:
        relay = {"route": "relay", "relay_host": "127.0.0.1", "relay_port": remote.port, "relay_tls": "never"}
        async with rehearsing(tmp_path, **relay) as stage:
            await stage.free()
            await stage.sent("bea@example.com", "sent")
            assert remote.messages == []
            context = stage.server.context
            key = await create_key(context, stage.account.id, "live", AGENT, stage.mailbox.id)
            async with connected(context.site.base_url, key.text) as agent:
                await agent.call("send", to=["carl@example.com"], subject="Real", markdown="It leaves.")
                await remote.until(lambda: len(remote.messages) == 1)
        (raw,) = remote.messages
        assert b"carl@example.com" in raw and b"Gatepost-Identity: v=1;" in raw


async def _reported(stage: Rehearsal, message_id: str) -> bool:
    return len(await stage.events_of(message_id)) > len(("message.queued", "delivery.sent", "message.sent"))


async def _delivery(stage: Rehearsal, message_id: str) -> dict[str, Any]:
    (delivery,) = await stage.server.context.db.rows("deliveries", message_id=message_id)
    return dict(delivery)
