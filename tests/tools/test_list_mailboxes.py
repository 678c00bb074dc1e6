"""An agent learns its address and what becomes of its mail, and nothing of other mailboxes."""

import pytest

from policies.modes import Mode
from tests.conftest import World, make_world
from tools.accounts import create_mailbox
from tools.context import Principal
from tools.errors import Refusal
from tools.list_mailboxes import MailboxesRequest, list_mailboxes


async def test_an_agent_is_told_its_own_mailbox_alone(world: World) -> None:
    await create_mailbox(world.system, world.account.id, "other", "agents.example")
    page = await list_mailboxes(world.context, MailboxesRequest())
    [own] = page.mailboxes
    assert (own.mailbox_id, own.address, own.name) == (world.mailbox.id, "ada@agents.example", "Ada")
    assert own.mode == "gated_send" and page.next_cursor is None


@pytest.mark.parametrize("mode", Mode)
async def test_it_is_told_what_becomes_of_its_mail(world: World, mode: Mode) -> None:
    await world.in_mode(mode)
    [own] = (await list_mailboxes(world.context, MailboxesRequest())).mailboxes
    assert own.mode == mode.value and own.next.endswith(".")


async def test_a_key_of_the_account_sees_all_of_it_by_pages_and_no_other(world: World) -> None:
    await make_world(world.system, world.clock, "elsewhere.example")
    for number in range(4):
        await create_mailbox(world.system, world.account.id, f"box{number}", "agents.example")
    acting = world.system.acting_as(Principal(world.account.id, frozenset({"read"}), "key key_x"))
    found: list[str] = []
    cursor = None
    while not found or cursor:
        page = await list_mailboxes(acting, MailboxesRequest(limit=2, cursor=cursor))
        assert len(page.mailboxes) <= 2
        found += [mailbox.address.partition("@")[0] for mailbox in page.mailboxes]
        cursor = page.next_cursor
    assert found == ["box3", "box2", "box1", "box0", "ada"]
    with pytest.raises(Refusal) as refused:
        await list_mailboxes(acting, MailboxesRequest(cursor="none"))
    assert refused.value.code == "invalid_cursor"
