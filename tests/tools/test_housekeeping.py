"""Housekeeping, and the overseer's address."""

import pytest

from storage.database import one
from storage.records import Approval
from tests.conftest import World
from tools.accounts import create_mailbox
from tools.context import DAY, HOUR
from tools.errors import Refusal
from tools.housekeeping import tidy
from tools.send import SendRequest, send

REQUEST = SendRequest(to=["a@example.com"], subject="Hi", markdown="x", idempotency_key="k")


async def test_old_approvals_end_and_idempotency_keys_are_forgotten_after_a_day(world: World) -> None:
    sent = await send(world.context, REQUEST)
    await tidy(world.system)
    assert (await send(world.context, REQUEST)).replayed
    world.clock.at += DAY + HOUR
    await tidy(world.system)
    assert not (await send(world.context, REQUEST)).replayed
    world.clock.at += 3 * DAY
    await tidy(world.system)
    approval = await one(world.system.db, Approval, "approval_of_message", message_id=sent.message_id)
    assert approval is not None and approval.state == "expired"


async def test_the_overseers_address_cannot_become_a_mailbox(world: World) -> None:
    await world.system.db.script("UPDATE account SET overseer = 'boss@agents.example';")
    with pytest.raises(Refusal) as refused:
        await create_mailbox(world.system, world.account.id, "Boss", "agents.example")
    assert refused.value.code == "overseer_address"
