"""What a reply takes over from a stranger's mail, and what it must not."""

from storage.database import one
from storage.records import Message
from tests.conftest import World
from tools.check_inbox import InboxRequest, check_inbox
from tools.receive import Arrival, receive
from tools.reply import ReplyRequest, reply


async def test_an_8bit_message_id_does_not_stand_in_the_way_of_a_reply(world: World) -> None:
    raw = (
        b"From: friend@example.com\r\nTo: ada@agents.example\r\nSubject: Hi\r\n"
        b"Message-ID: <\xe9@example.com>\r\nReferences: <m1@example.com> <\xe8@example.com>\r\n\r\nHello\r\n"
    )
    await receive(world.system, Arrival("friend@example.com", (world.mailbox.address,), raw))
    inbox = await check_inbox(world.context, InboxRequest(direction="any", limit=1))
    result = await reply(world.context, ReplyRequest(message_id=inbox.messages[0].message_id, markdown="Yes"))
    message = await one(world.system.db, Message, "message", id=result.message_id, mailbox_id=world.mailbox.id)
    assert message is not None
    assert (message.in_reply_to, message.reference_ids) == ("", "m1@example.com")
