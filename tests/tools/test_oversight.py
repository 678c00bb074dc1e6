"""Less autonomy at once, more with a mailed code."""

import pytest

from policies.modes import Mode
from storage.database import one
from storage.records import Mailbox, Upgrade
from tests.conftest import World
from tools import notices
from tools.context import DAY, HOUR
from tools.errors import Refusal
from tools.oversight import ModeRequest, UpgradeCode, apply_upgrade, lower_mode, request_upgrade


async def mode(world: World) -> str:
    mailbox = await one(world.system.db, Mailbox, "mailbox", id=world.mailbox.id, account_id=world.account.id)
    assert mailbox is not None
    return mailbox.mode


async def code_mailed(world: World) -> str:
    """The code, as the overseer reads it in the notice."""
    upgrade = await one(world.system.db, Upgrade, "open_upgrade", mailbox_id=world.mailbox.id, now=world.clock())
    assert upgrade is not None
    return world.system.secret.code("upgrade code", upgrade.id)


async def test_less_autonomy_is_in_force_at_once(world: World) -> None:
    await lower_mode(world.context, ModeRequest(mode="read_only"))
    assert await mode(world) == "read_only"
    with pytest.raises(Refusal) as refused:
        await lower_mode(world.context, ModeRequest(mode="autonomous"))
    assert refused.value.code == "needs_overseer" and await mode(world) == "read_only"


async def test_more_autonomy_needs_the_code_once(world: World) -> None:
    result = await request_upgrade(world.context, ModeRequest(mode="monitored"))
    assert result.mode == "gated_send" == await mode(world)
    code = await code_mailed(world)
    with pytest.raises(Refusal) as refused:
        await apply_upgrade(world.context, UpgradeCode(code="aaaa-aaaa"))
    assert refused.value.code == "invalid_code"
    applied = await apply_upgrade(world.context, UpgradeCode(code=f" {code.upper()} "))
    assert applied.mode == "monitored" == await mode(world)
    await lower_mode(world.context, ModeRequest(mode="gated_all"))
    with pytest.raises(Refusal):
        await apply_upgrade(world.context, UpgradeCode(code=code))
    assert await mode(world) == "gated_all"


async def test_the_code_is_mailed_to_the_overseer_and_nowhere_else(world: World) -> None:
    await request_upgrade(world.context, ModeRequest(mode="monitored"))
    (notice,) = await notices.claim(world.system, 10)
    letter = await notices.write(world.system, notice)
    assert letter is not None and letter.recipient == world.overseer
    assert (await code_mailed(world)).encode() in letter.raw


async def test_guessing_ends_after_five_tries(world: World) -> None:
    await request_upgrade(world.context, ModeRequest(mode="monitored"))
    for _ in range(5):
        with pytest.raises(Refusal):
            await apply_upgrade(world.context, UpgradeCode(code="aaaa-aaaa"))
    with pytest.raises(Refusal) as refused:
        await apply_upgrade(world.context, UpgradeCode(code=await code_mailed(world)))
    assert refused.value.code == "invalid_code" and await mode(world) == "gated_send"


async def test_a_code_lives_a_day_and_requests_are_three_an_hour(world: World) -> None:
    for _ in range(3):
        await request_upgrade(world.context, ModeRequest(mode="monitored"))
    with pytest.raises(Refusal) as refused:
        await request_upgrade(world.context, ModeRequest(mode="monitored"))
    assert refused.value.code == "rate_limited" and refused.value.retry_after == 3600
    code = await code_mailed(world)
    world.clock.at += DAY + HOUR
    with pytest.raises(Refusal):
        await apply_upgrade(world.context, UpgradeCode(code=code))
    await request_upgrade(world.context, ModeRequest(mode="monitored"))


@pytest.mark.parametrize(("wanted", "code"), [("gated_send", "not_an_upgrade"), ("godlike", "invalid_mode")])
async def test_what_is_no_upgrade_is_refused(world: World, wanted: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await request_upgrade(world.context, ModeRequest(mode=wanted))
    assert refused.value.code == code and await mode(world) == Mode.GATED_SEND
