"""The whole line as people run it: init, serve, an agent over MCP, the link on the console, and what is never sent."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from server.demo.agent import Agent, connected
from server.demo.person import approve, link_in
from tests.conftest import eventually
from tests.e2e.gatepost_process import OVERSEER, Gatepost, command, served
from tests.fakes.smtp_server import FakeSMTPServer, Session

MAIL = {"to": ["bea@example.com"], "subject": "An offer", "markdown": "Good morning, here it **is**."}


@asynccontextmanager
async def over_stdio(gatepost: Gatepost) -> AsyncIterator[Agent]:
    """An agent whose runtime starts `gatepost mcp` and talks to it on its standard streams."""
    program, *arguments = command("mcp", "--url", gatepost.url, "--key", gatepost.key)
    parameters = StdioServerParameters(command=program, args=arguments)
    async with Client(stdio_client(parameters)) as client:
        yield Agent(client)


@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_a_held_mail_is_approved_by_the_link_on_the_console(tmp_path: Path, transport: str) -> None:
    async with served(tmp_path / "data") as gatepost:
        agents = connected(gatepost.url, gatepost.key) if transport == "http" else over_stdio(gatepost)
        async with agents as agent:
            sent = await agent.call("send", **MAIL)
            assert sent["status"] == "pending_send_approval"
            assert sent["next"].startswith("Not sent; do not resend.")
            notice = await gatepost.logged("captured a notice", kind="approval", to=OVERSEER)
            assert (await agent.call("message_status", message_id=sent["message_id"]))["deliveries"] == []
            await approve(notice["link"])
            status = await _until_sent(agent, sent["message_id"])
        assert status["approval"]["state"] == "approved"
        (delivery,) = status["deliveries"]
        assert (delivery["recipient"], delivery["state"]) == ("bea@example.com", "sent")
        assert "captured" in delivery["reply_untrusted"]
        assert await gatepost.stop() == 0


EVIL = "eve@evil.example"
DIFFERS = "the stored mail differs from the one that was allowed"
ALTERATIONS = {
    "nothing": ([], None),
    "the bytes": (
        ["UPDATE wire SET data = CAST(replace(data, 'Good', 'Dear') AS BLOB) WHERE message_id = :id"],
        DIFFERS,
    ),
    "the envelope": (
        [
            "UPDATE wire SET envelope = replace(envelope, 'bea@example.com', :evil) WHERE message_id = :id",
            "UPDATE delivery SET recipient = :evil WHERE message_id = :id",
        ],
        DIFFERS,
    ),
    "the envelope's form": (
        ["UPDATE wire SET envelope = replace(envelope, ',', ', ') WHERE message_id = :id"],
        "the stored envelope is damaged",
    ),
    "the decision": (
        ["UPDATE decision SET digest = replace(digest, substr(digest, 1, 1), 'g') WHERE message_id = :id"],
        DIFFERS,
    ),
    "the recipient": (
        ["UPDATE delivery SET recipient = :evil WHERE message_id = :id"],
        "the recipient is not one of those that were allowed",
    ),
}
"""What somebody with the database in hand changes between approval and delivery, and why the mail is not sent then."""


async def test_a_mail_altered_after_its_approval_is_never_sent(tmp_path: Path) -> None:
    async with FakeSMTPServer({"RCPT": _only_notices}) as remote:
        relay = {"route": "relay", "relay_host": "127.0.0.1", "relay_port": remote.port, "relay_tls": "never"}
        async with served(tmp_path / "data", **relay) as gatepost:
            ids = {what: await _approved_and_deferred(gatepost, remote, what) for what in ALTERATIONS}
            assert await gatepost.stop() == 0
            for what, (statements, _) in ALTERATIONS.items():
                for statement in statements:
                    assert gatepost.alter(statement, id=ids[what], evil=EVIL) > 0
            gatepost.alter("UPDATE delivery SET due_at = 0")
            remote.script["RCPT"] = "250 2.1.5 ok"
            await gatepost.start()
            await _all_decided(gatepost)
            for what, (_, why) in ALTERATIONS.items():
                assert _outcome(gatepost, ids[what]) == (("sent", []) if why is None else ("send_failed", [why])), what
        taken = [raw for raw in remote.messages if b"To: boss@example.org" not in raw]
        assert [b"Subject: nothing" in raw for raw in taken] == [True]
        assert not any(EVIL in command for session in remote.sessions for command in session.commands)


async def _only_notices(session: Session) -> None:
    await session.say("250 2.1.5 ok" if OVERSEER in session.commands[-1] else "451 4.7.1 later")


async def _approved_and_deferred(gatepost: Gatepost, remote: FakeSMTPServer, subject: str) -> str:
    """A mail that was approved by the link in its notice and tried once in vain; its id."""
    async with connected(gatepost.url, gatepost.key) as agent:
        sent = await agent.call("send", **(MAIL | {"subject": subject}))
    message_id: str = sent["message_id"]

    def notice() -> str | None:
        letters = [message_from_bytes(raw, policy=SMTP) for raw in remote.messages]
        texts = [str(body.get_content()) for mail in letters if (body := mail.get_body(("plain",)))]
        return next((text for text in texts if f"Subject: {subject}" in map(str.strip, text.splitlines())), None)

    await eventually(notice)
    await approve(link_in(notice() or ""))
    deferred = "SELECT 1 FROM delivery WHERE message_id = ? AND state = 'deferred'"
    await eventually(lambda: gatepost.rows(deferred, message_id))
    return message_id


async def _all_decided(gatepost: Gatepost) -> None:
    waiting = "SELECT 1 FROM delivery WHERE state IN ('queued', 'deferred')"
    await eventually(lambda: not gatepost.rows(waiting))


def _outcome(gatepost: Gatepost, message_id: str) -> tuple[str, list[str]]:
    """The message's status, and why it failed by its events."""
    (message,) = gatepost.rows("SELECT status FROM message WHERE id = ?", message_id)
    failures = "SELECT data FROM event WHERE message_id = ? AND type = 'message.send_failed'"
    return message["status"], [json.loads(row["data"])["why"] for row in gatepost.rows(failures, message_id)]


async def _until_sent(agent: Agent, message_id: str) -> dict[str, Any]:
    status: dict[str, Any] = {}

    async def sent() -> bool:
        nonlocal status
        status = await agent.call("message_status", message_id=message_id)
        return bool(status["status"] == "sent")

    await eventually(sent)
    return status
