"""Archive, trash and back; and the lists that tell what is where."""

import pytest

from policies.modes import Mode
from tests.conftest import World, make_world
from tools.check_inbox import InboxRequest, check_inbox
from tools.context import DAY
from tools.errors import Refusal
from tools.housekeeping import tidy
from tools.move_message import DeleteRequest, MoveRequest, delete_message, move_message
from tools.read_message import ReadRequest, read_message
from tools.receive import Arrival, receive
from tools.send import SendRequest, send
from tools.tags import TagRequest, tag

MAIL = b"From: a@example.com\r\nTo: ada@agents.example\r\nSubject: One\r\n\r\nText\r\n"


async def arrived(world: World) -> str:
    await receive(world.system, Arrival("a@example.com", (world.mailbox.address,), MAIL))
    return (await listed(world))[0]


async def listed(world: World, **filters: str) -> list[str]:
    request = InboxRequest.model_validate(filters)
    return [message.message_id for message in (await check_inbox(world.context, request)).messages]


async def move(world: World, message_id: str, to: str) -> str:
    request = MoveRequest.model_validate({"message_id": message_id, "to": to})
    return (await move_message(world.context, request)).status


@pytest.mark.parametrize(
    ("places", "statuses"),
    [
        (("archive", "inbox"), ("archived", "read")),
        (("trash", "inbox"), ("deleted", "unread")),
        (("trash", "trash", "inbox", "inbox"), ("deleted", "deleted", "unread", "unread")),
        (("archive", "trash", "inbox"), ("archived", "deleted", "read")),
        (("trash", "archive", "archive"), ("deleted", "archived", "archived")),
    ],
)
async def test_a_message_goes_and_comes_back(world: World, places: tuple[str, ...], statuses: tuple[str, ...]) -> None:
    message_id = await arrived(world)
    assert tuple([await move(world, message_id, to) for to in places]) == statuses


async def test_what_is_deleted_is_gone_but_for_who_asks_for_it(world: World) -> None:
    message_id = await arrived(world)
    assert (await delete_message(world.context, DeleteRequest(message_id=message_id))).status == "deleted"
    assert await listed(world) == [] and await listed(world, status="deleted") == [message_id]
    with pytest.raises(Refusal) as refused:
        await read_message(world.context, ReadRequest(message_id=message_id))
    assert refused.value.code == "message_not_found" and "in the trash" in refused.value.condition.fix
    in_trash = await check_inbox(world.context, InboxRequest(status="deleted"))
    assert in_trash.next.startswith("move_message"), "as read_message does not show it"
    await move(world, message_id, "inbox")
    assert await listed(world) == [message_id]


async def test_the_trash_is_emptied_after_its_days(world: World) -> None:
    message_id = await arrived(world)
    await move(world, message_id, "trash")
    world.clock.at += 29 * DAY
    await tidy(world.system)
    assert await listed(world, status="deleted") == [message_id]
    world.clock.at += 2 * DAY
    await tidy(world.system)
    assert await listed(world, status="deleted") == []
    with pytest.raises(Refusal) as refused:
        await move(world, message_id, "inbox")
    assert refused.value.code == "message_not_found"


async def test_sent_mail_held_mail_and_mail_of_others_is_not_moved(world: World) -> None:
    sent = await send(world.context, SendRequest(to=["a@example.com"], subject="Hi", markdown="x"))
    other = await make_world(world.system, world.clock, "others.example")
    theirs = await arrived(other)
    await world.in_mode(Mode.GATED_ALL)
    await receive(world.system, Arrival("a@example.com", (world.mailbox.address,), MAIL))
    held = (await world.messages())[0]
    assert held.status == "pending_inbound_approval"
    for message_id, code in (
        (sent.message_id, "not_movable"),
        (theirs, "message_not_found"),
        (held.id, "message_not_found"),
        ("msg_none", "message_not_found"),
    ):
        with pytest.raises(Refusal) as refused:
            await move(world, message_id, "trash")
        assert refused.value.code == code


async def test_the_inbox_is_listed_by_tag(world: World) -> None:
    first, second = await arrived(world), await arrived(world)
    await tag(world.context, TagRequest(message_id=first, tags={"customer": "acme"}))
    await tag(world.context, TagRequest(message_id=second, tags={"customer": "other"}))
    assert await listed(world, tag="customer") == [second, first]
    assert await listed(world, tag="customer=acme") == [first]
    assert await listed(world, tag="custom") == [] == await listed(world, tag="customer", status="archived")
