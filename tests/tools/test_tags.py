"""Tags: set, changed, taken off; bounded, and the server's own left alone."""

import pytest
from pydantic import ValidationError

from tests.conftest import World, make_world
from tests.tools.test_move_message import arrived
from tools.check_inbox import InboxRequest, check_inbox
from tools.errors import Refusal
from tools.tags import MOST, TagRequest, TagsRequest, UntagRequest, get_tags, tag, untag
from tools.wait_for_message import WaitRequest, wait_for_message


async def test_tags_are_set_changed_and_taken_off(world: World) -> None:
    message_id = await arrived(world)
    made = await tag(world.context, TagRequest(message_id=message_id, tags={"customer": "acme", "todo.later": ""}))
    assert made.tags == {"customer": "acme", "todo.later": ""}
    changed = await tag(world.context, TagRequest(message_id=message_id, tags={"customer": "x"}, remove=["todo.later"]))
    assert changed.tags == {"customer": "x"} == (await tag(world.context, TagRequest(message_id=message_id))).tags
    for _ in range(2):
        assert (await untag(world.context, UntagRequest(message_id=message_id, name="customer"))).tags == {}
    assert (await get_tags(world.context, TagsRequest(message_id=message_id))).tags == {}


async def test_a_message_has_so_many_tags_and_the_servers_are_left_alone(world: World) -> None:
    message_id = await arrived(world)
    await tag(world.context, TagRequest(message_id=message_id, tags={f"t{number}": "" for number in range(MOST)}))
    for request, code in (
        (TagRequest(message_id=message_id, tags={"one.more": ""}), "too_many_tags"),
        (TagRequest(message_id=message_id, tags={"gatepost.seen": ""}), "tag_reserved"),
        (TagRequest(message_id=message_id, remove=["gatepost.seen"]), "tag_reserved"),
        (TagRequest(message_id="msg_none"), "message_not_found"),
    ):
        with pytest.raises(Refusal) as refused:
            await tag(world.context, request)
        assert refused.value.code == code
    assert len((await get_tags(world.context, TagsRequest(message_id=message_id))).tags) == MOST


@pytest.mark.parametrize("name", ["", "Big", "a b", "a=b", "-a", "x" * 65, "é"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TagRequest(message_id="msg_1", tags={name: ""})


@pytest.mark.parametrize("wanted", ["customer", "Customer", "CUSTOMER=Acme"])
async def test_a_tag_is_found_whatever_the_case_of_its_name(world: World, wanted: str) -> None:
    message_id = await arrived(world)
    await tag(world.context, TagRequest(message_id=message_id, tags={"customer": "Acme"}))
    listed = await check_inbox(world.context, InboxRequest(tag=wanted))
    waited = await wait_for_message(world.context, WaitRequest(tag=wanted, timeout_seconds=1))
    assert [each.message_id for each in (*listed.messages, *waited.messages)] == [message_id] * 2


async def test_another_account_neither_sees_nor_sets_our_tags(world: World) -> None:
    message_id = await arrived(world)
    other = await make_world(world.system, world.clock, "others.example")
    with pytest.raises(Refusal, match="no such message"):
        await tag(other.context, TagRequest(message_id=message_id, tags={"a": ""}))
    with pytest.raises(Refusal, match="no such message"):
        await get_tags(other.context, TagsRequest(message_id=message_id))
