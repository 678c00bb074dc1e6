"""The table of oversight modes: what each does with every kind of mail (DESIGN section 7)."""

from collections.abc import Awaitable, Callable

import pytest

from policies.modes import Mode
from storage.database import many, one
from storage.records import Approval, Delivery, Mailbox, Message
from tests.conftest import World
from tools.accounts import allow
from tools.check_inbox import InboxRequest, check_inbox
from tools.errors import Refusal
from tools.fields import SubmissionResult
from tools.receive import Arrival, receive
from tools.reply import ReplyRequest, reply
from tools.request_approval import ApprovalRequest, request_approval
from tools.send import SendRequest, send

FRIEND = "friend@example.com"
STRANGER = "stranger@example.net"

INBOUND = (
    b"From: Friend <friend@example.com>\r\nTo: ada@agents.example\r\nSubject: Hello\r\n"
    b"Message-ID: <one@example.com>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\nHow are you?\r\n"
)

HELD, QUEUED, COPIED, DENIED = "held", "queued", "queued, copy to the overseer", "denied"

TABLE = {
    #                 stranger  allowlisted  reply     request_approval  inbound
    Mode.READ_ONLY: (DENIED, DENIED, DENIED, HELD, "delivered"),
    Mode.GATED_ALL: (HELD, HELD, HELD, HELD, "held"),
    Mode.GATED_SEND: (HELD, QUEUED, QUEUED, HELD, "delivered"),
    Mode.MONITORED: (COPIED, COPIED, COPIED, HELD, "delivered"),
    Mode.AUTONOMOUS: (QUEUED, QUEUED, QUEUED, HELD, "delivered"),
}
CASES = ("send to a stranger", "send to the allowlist", "reply", "request_approval", "inbound")


async def send_to(world: World, to: str) -> SubmissionResult:
    return await send(world.context, SendRequest(to=[to], subject="Hi", markdown="Hello"))


async def answer(world: World) -> SubmissionResult:
    """Reply to a mail that arrived from somebody on the allowlist, before the mode was changed."""
    arrived = (await check_inbox(world.context, InboxRequest())).messages[-1]
    return await reply(world.context, ReplyRequest(message_id=arrived.message_id, markdown="Fine."))


async def ask(world: World) -> SubmissionResult:
    return await request_approval(world.context, ApprovalRequest(to=[FRIEND], subject="May I?", markdown="Hello"))


async def outcome(world: World, act: Callable[[World], Awaitable[SubmissionResult]]) -> str:
    try:
        result = await act(world)
    except Refusal as refusal:
        assert refusal.code == "read_only_mailbox"
        message = await one(
            world.system.db,
            Message,
            "message_of_account",
            id=str(refusal.details["message_id"]),
            account_id=world.account.id,
        )
        assert message is not None and message.status == "rejected"
        assert await many(world.system.db, Delivery, "deliveries", message_id=message.id) == []
        return DENIED
    deliveries = await many(world.system.db, Delivery, "deliveries", message_id=result.message_id)
    approval = await one(world.system.db, Approval, "approval_of_message", message_id=result.message_id)
    if result.status == "pending_send_approval":
        assert deliveries == [] and approval is not None and approval.state == "pending"
        assert "Not sent; do not resend" in result.next
        return HELD
    assert result.status == "queued" and approval is None
    copies = [delivery.recipient for delivery in deliveries if delivery.is_copy]
    assert len(deliveries) - len(copies) == 1 and copies in ([], [world.overseer])
    return COPIED if copies else QUEUED


async def arrival(world: World, mailbox: Mailbox) -> str:
    await receive(world.system, Arrival("friend@example.com", (mailbox.address,), INBOUND))
    rows = await world.system.db.rows("pending_approvals", account_id=world.account.id, limit=10)
    held = [row for row in rows if row["direction"] == "inbound"]
    return "held" if held else "delivered"


@pytest.mark.parametrize("mode", list(Mode))
async def test_each_mode_does_what_the_table_says(world: World, mode: Mode) -> None:
    await receive(world.system, Arrival("friend@example.com", (world.mailbox.address,), INBOUND))
    await allow(world.system, world.mailbox, FRIEND)
    mailbox = await world.in_mode(mode)
    seen = (
        await outcome(world, lambda world: send_to(world, STRANGER)),
        await outcome(world, lambda world: send_to(world, FRIEND)),
        await outcome(world, answer),
        await outcome(world, ask),
        await arrival(world, mailbox),
    )
    for case, what in zip(CASES, seen, strict=True):
        print(f"{mode:<11} | {case:<22} | {what}")
    assert seen == TABLE[mode]


async def test_one_stranger_among_friends_holds_the_mail(world: World) -> None:
    await allow(world.system, world.mailbox, "*@example.com")
    request = SendRequest(to=[FRIEND], bcc=[STRANGER], subject="Hi", markdown="Hello")
    assert (await send(world.context, request)).status == "pending_send_approval"
