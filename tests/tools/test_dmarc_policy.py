"""The policy for mail that fails DMARC is an admin's to set, over every edge, and on the record."""

import json

import pytest

from storage.database import many, one
from storage.records import Event, Mailbox
from tests.conftest import World
from tools.context import Principal
from tools.dmarc_policy import SET_DMARC_POLICY, DmarcPolicyRequest
from tools.errors import Refusal
from tools.operation import perform


async def test_an_admin_sets_it_and_an_event_says_so(world: World) -> None:
    admin = world.system.acting_as(Principal(world.account.id, frozenset({"admin"}), "key key_1"))
    result = await perform(SET_DMARC_POLICY, admin, DmarcPolicyRequest(policy="reject"))
    assert (result.mailbox_id, result.policy) == (world.mailbox.id, "reject")
    mailbox = await one(admin.db, Mailbox, "mailbox_by_address", address=world.mailbox.address)
    assert mailbox is not None
    assert mailbox.dmarc_policy == "reject"
    *_, event = await many(admin.db, Event, "events", account_id=world.account.id, after=0, limit=100)
    assert event.type == "mailbox.dmarc_policy_changed"
    assert json.loads(event.data) == {"was": "accept", "policy": "reject", "by": "key key_1"}


@pytest.mark.parametrize(("scope", "may"), [("admin", True), ("oversight", True), ("send", False), ("read", False)])
async def test_operator_and_overseer_may_and_an_agent_may_not(world: World, scope: str, may: bool) -> None:
    somebody = world.system.acting_as(Principal(world.account.id, frozenset({scope}), "key key_1"))
    request = DmarcPolicyRequest(policy="reject", mailbox_id=world.mailbox.id)
    if may:
        assert (await perform(SET_DMARC_POLICY, somebody, request)).policy == "reject"
        return
    with pytest.raises(Refusal) as refusal:
        await perform(SET_DMARC_POLICY, somebody, request)
    assert refusal.value.code == "missing_scope"


async def test_an_unknown_policy_is_refused(world: World) -> None:
    admin = world.system.acting_as(Principal(world.account.id, frozenset({"admin"}), "key key_1"))
    with pytest.raises(Refusal) as refusal:
        await perform(SET_DMARC_POLICY, admin, DmarcPolicyRequest(policy="drop"))
    assert refusal.value.code == "invalid_dmarc_policy"
