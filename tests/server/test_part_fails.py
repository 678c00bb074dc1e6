"""A part of the server that fails ends the whole, and what delivery had in hand is handed back all the same."""

import asyncio
from pathlib import Path

import pytest

from server import app
from server.delivery import flight
from server.opening import opened
from server.settings import Settings
from storage.database import many
from storage.records import Delivery
from tests.conftest import Clock, eventually
from tests.fakes.signing import signing_world
from tests.fakes.smtp_server import Act, FakeSMTPServer
from tools.context import Context
from tools.send import SendRequest, send

SECONDS = 60


async def test_what_was_in_flight_when_another_part_failed_is_handed_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = asyncio.Event()

    async def fail(_: Context) -> None:
        await failing.wait()
        raise RuntimeError("the house is on fire")

    monkeypatch.setattr(app, "keep_house", fail)
    monkeypatch.setattr(flight, "STOP_SECONDS", 0.1)
    async with FakeSMTPServer({"RCPT": Act.STALL}) as remote:
        settings = Settings.load(
            None,
            data=tmp_path,
            http_port=0,
            smtp_port=0,
            route="relay",
            relay_host="127.0.0.1",
            relay_port=remote.port,
            relay_tls="never",
        )
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.timeout(SECONDS), app.running(settings) as server:
                message_id = await _hand_in(server.context)
                await eventually(lambda: any("RCPT" in session.verbs for session in remote.sessions))
                failing.set()
                await asyncio.Event().wait()
    assert raised.group_contains(RuntimeError, match="on fire")
    async with opened(settings) as context:
        (delivery,) = await many(context.db, Delivery, "deliveries", message_id=message_id)
    assert (delivery.state, delivery.lease, delivery.lease_until) == ("queued", "", 0)


async def _hand_in(context: Context) -> str:
    world = await signing_world(context, Clock())
    result = await send(world.context, SendRequest(to=["bea@example.com"], subject="Offer", markdown="Here it is."))
    assert result.status == "queued"
    return result.message_id
