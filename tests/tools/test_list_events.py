"""The event log as an agent reads it: of mail that was deleted, of mail that is gone, and beside busy neighbours."""

from policies.modes import Mode
from tests.conftest import World
from tools.accounts import create_mailbox
from tools.check_inbox import InboxRequest, check_inbox
from tools.context import DAY
from tools.list_events import EventsRequest, list_events
from tools.move_message import MoveRequest, move_message
from tools.receive import Arrival, receive
from tools.retention import purge, set_retention


async def arrive(world: World, address: str = "") -> None:
    raw = b"From: ann@example.com\r\nSubject: One\r\n\r\nHello\r\n"
    await receive(world.system, Arrival("ann@example.com", (address or world.mailbox.address,), raw))


async def types(world: World) -> list[str]:
    return [event.type for event in (await list_events(world.context, EventsRequest())).events]


async def test_whoever_follows_the_log_is_told_that_mail_was_deleted_and_came_back(world: World) -> None:
    """A list that a client keeps would show the mail for ever."""
    await arrive(world)
    (shown,) = (await check_inbox(world.context, InboxRequest())).messages
    await move_message(world.context, MoveRequest(message_id=shown.message_id, to="trash"))
    assert await types(world) == ["message.received", "message.moved"]
    await move_message(world.context, MoveRequest(message_id=shown.message_id, to="inbox"))
    assert await types(world) == ["message.received", "message.moved", "message.moved"]


async def test_mail_that_nobody_let_in_stays_hidden_when_it_is_gone(world: World) -> None:
    await world.in_mode(Mode.GATED_ALL)
    await arrive(world)
    assert await types(world) == []
    await world.system.db.script("UPDATE message SET status = 'rejected';")
    await set_retention(world.system, world.mailbox, 1, "test")
    world.clock.at += 2 * DAY
    assert await purge(world.system) == 1
    assert await types(world) == []


async def test_a_cursor_is_behind_what_another_mailbox_got(world: World) -> None:
    """Each call walked again through all that the account had got since the reader's own last event."""
    other = await create_mailbox(world.system, world.account.id, "eve", "agents.example")
    await arrive(world)
    before = await list_events(world.context, EventsRequest())
    for _ in range(3):
        await arrive(world, other.address)
    after = await list_events(world.context, EventsRequest(after=before.cursor))
    assert not after.events and not after.more and after.cursor >= before.cursor + 3
    await arrive(world)
    assert len((await list_events(world.context, EventsRequest(after=after.cursor))).events) == 1
