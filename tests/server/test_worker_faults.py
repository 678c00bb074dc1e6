"""The worker when storage lets it down: nothing is forgotten, and nothing damaged leaves."""

import asyncio
import base64
import json
import sqlite3
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from server.delivery import worker
from server.delivery.outcome import Outcome, Sent
from server.delivery.worker import Capture, Carrier, Worker
from storage.blobs import INLINE
from storage.database import many, one
from storage.records import Delivery, Message
from tests.conftest import Clock, World, eventually
from tests.fakes.signing import at_work, signers_of, signing_world
from tools.context import Context
from tools.deliver import LEASE
from tools.send import SendRequest, send

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)

SENT = Sent(250, "2.0.0", "taken", "mx.example.net")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made before the database is opened."""
    monkeypatch.setattr("storage.sqlite.BUSY_SECONDS", 0.1)
    monkeypatch.setattr(worker, "RENEW_SECONDS", 0.02)
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.02)


@pytest.fixture
async def world(context: Context, clock: Clock) -> World:
    """A world whose domain can sign."""
    return await signing_world(context, clock)


def working(world: World, carrier: Carrier) -> AbstractAsyncContextManager[None]:
    return at_work(Worker(world.system, carrier, signers_of(world.system)).run())


async def handed_in(world: World, to: str, **fields: object) -> str:
    request = {"to": [to], "subject": "Offer", "markdown": "Here it is."} | fields
    result = await send(world.context, SendRequest.model_validate(request))
    assert result.status == "queued"
    return result.message_id


async def delivery_of(world: World, message_id: str) -> Delivery:
    (delivery,) = await many(world.system.db, Delivery, "deliveries", message_id=message_id)
    return delivery


class LockedOut:
    """A carrier during whose first delivery the database gets locked; one to `slow` lasts until `over`."""

    def __init__(self, other: sqlite3.Connection) -> None:
        self.carried: list[str] = []
        self.over = asyncio.Event()
        self._other = other

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        self.carried.append(recipient)
        if recipient == "slow@example.com":
            await self.over.wait()
        elif self.carried.count(recipient) == 1:
            self._other.execute("BEGIN IMMEDIATE")
        return SENT

    async def close(self) -> None:
        """Nothing is open."""


async def test_what_could_not_be_settled_is_due_again_though_others_are_renewed(world: World, tmp_path: Path) -> None:
    slow = await handed_in(world, "slow@example.com")
    with closing(sqlite3.connect(tmp_path / "gatepost.db", isolation_level=None)) as other, capture_logs() as logged:
        carrier = LockedOut(other)
        async with working(world, carrier):
            await eventually(lambda: carrier.carried == ["slow@example.com"])
            quick = await handed_in(world, "quick@example.com")
            await eventually(lambda: any(entry["event"] == "cannot settle" for entry in logged))
            other.execute("ROLLBACK")
            for _ in range(4):
                world.clock.at += LEASE // 3
                await eventually(lambda: _renewed(world, slow))
            await eventually(lambda: carrier.carried.count("quick@example.com") == 2)
            await eventually(lambda: _is(world, quick, "sent"))
            assert carrier.carried.count("slow@example.com") == 1
            carrier.over.set()
            await eventually(lambda: _is(world, slow, "sent"))


async def test_a_large_mail_damaged_on_disk_is_never_sent(world: World, tmp_path: Path) -> None:
    message_id, blob = await handed_in_large(world, tmp_path)
    blob.write_bytes(blob.read_bytes().replace(b"Here it is", b"Not it was"))
    async with working(world, Capture()):
        await eventually(lambda: _is(world, message_id, "cancelled"))
    assert (await delivery_of(world, message_id)).reply == "the stored mail is damaged"
    message = await one(world.system.db, Message, "message_of_account", id=message_id, account_id=world.account.id)
    assert message is not None and message.status == "send_failed"


async def test_a_large_mail_gone_from_the_disk_ends_and_the_operator_learns_what_to_do(
    world: World, tmp_path: Path
) -> None:
    message_id, blob = await handed_in_large(world, tmp_path)
    blob.unlink()
    async with working(world, Capture()):
        await eventually(lambda: _is(world, message_id, "cancelled"))
    assert (await delivery_of(world, message_id)).reply == "the stored mail is missing"
    events = await world.system.db.rows("events", account_id=world.account.id, after=0, limit=100)
    (failed,) = [each for each in events if each["type"] == "message.send_failed"]
    told = json.loads(failed["data"])
    assert told["reason"] == "lost" and "backup" in told["fix"]


async def test_a_large_mail_waits_for_its_volume(world: World, tmp_path: Path) -> None:
    message_id, _ = await handed_in_large(world, tmp_path)
    (tmp_path / "blobs").rename(tmp_path / "unmounted")
    with capture_logs() as logged:
        async with working(world, Capture()):
            await eventually(lambda: any(entry["event"] == "cannot settle" for entry in logged))
            (tmp_path / "unmounted").rename(tmp_path / "blobs")
            world.clock.at += LEASE
            await eventually(lambda: _is(world, message_id, "sent"))


async def handed_in_large(world: World, folder: Path) -> tuple[str, Path]:
    """A mail too large for a row, and its file."""
    content = base64.b64encode(b"x" * 2 * INLINE).decode()
    file = {"name": "a.bin", "content_type": "application/octet-stream", "content_base64": content}
    message_id = await handed_in(world, "bea@example.com", attachments=[file])
    (blob,) = (path for path in (folder / "blobs").rglob("*") if path.is_file())
    return message_id, blob


async def _renewed(world: World, message_id: str) -> bool:
    return (await delivery_of(world, message_id)).lease_until > world.clock.at + LEASE // 2


async def _is(world: World, message_id: str, state: str) -> bool:
    return (await delivery_of(world, message_id)).state == state
