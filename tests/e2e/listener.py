"""The SMTP listener in this process, before a world, and what it has stored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from server.smtp.inbound import InboundListener, Terms
from tests.conftest import World
from tests.e2e.smtp_talk import Talk, talking
from tools import wires

LIMIT = 1024 * 1024


@asynccontextmanager
async def listening(world: World, limit: int = LIMIT, **terms: Any) -> AsyncIterator[int]:
    """A listener on a free port, with those terms that are not as usual."""
    listener = InboundListener(Terms(world.system, "mx.agents.example", limit, **terms))
    port = await listener.start("127.0.0.1", 0)
    try:
        yield port
    finally:
        await listener.stop()


@asynccontextmanager
async def greeted(world: World, limit: int = LIMIT, **terms: Any) -> AsyncIterator[Talk]:
    """A client that has said EHLO to a listener of its own."""
    async with listening(world, limit, **terms) as port, talking(port) as talk:
        await talk.greet()
        yield talk


async def stored(world: World) -> list[bytes]:
    """The raw bytes of what has arrived in the mailbox and is not kept apart, oldest first."""
    rows = await world.system.db.rows(
        "mail_of_account", account_id=world.account.id, before_at=2**62, before_id="", limit=1000
    )
    here = [row for row in reversed(rows) if row["mailbox_id"] == world.mailbox.id]
    shown = [row["id"] for row in here if row["status"] not in ("spam_quarantined", "pending_inbound_approval")]
    return [await wires.raw_of(world.system, message_id, 1) for message_id in shown]
