"""A person's decision: once, on what was shown, and nothing but oversight is overridden."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest

from policies.modes import Mode
from storage.database import many, one
from storage.records import Approval, ApprovalLink, Delivery, Message
from tests.conftest import START, World
from tools.approvals import link_token
from tools.context import HOUR
from tools.decide import approval_by_token, approve, edit, expire_due, reject
from tools.errors import Refusal
from tools.fields import Upload
from tools.message_status import StatusRequest, message_status
from tools.receive import Arrival, receive
from tools.revision import Edit
from tools.send import SendRequest, send

MAIL = (
    b"From: friend@example.com\r\nTo: ada@agents.example\r\nSubject: Hi\r\nMessage-ID: <a@example.com>\r\n\r\nHello\r\n"
)


async def held(world: World, **more: object) -> Approval:
    """A mail that waits for approval."""
    fields = {"to": ["friend@example.com"], "subject": "Hi", "markdown": "Hello", **more}
    result = await send(world.context, SendRequest.model_validate(fields))
    approval = await one(world.system.db, Approval, "approval_of_message", message_id=result.message_id)
    assert approval is not None and approval.state == "pending"
    return approval


async def state_of(world: World, approval: Approval) -> tuple[str, str, list[str]]:
    """The approval's state, the message's status, and the deliveries' states."""
    now = await one(world.system.db, Approval, "approval", id=approval.id, account_id=world.account.id)
    message = await one(world.system.db, Message, "message", id=approval.message_id, mailbox_id=world.mailbox.id)
    deliveries = await many(world.system.db, Delivery, "deliveries", message_id=approval.message_id)
    assert now is not None and message is not None
    return now.state, message.status, [delivery.state for delivery in deliveries]


async def events_of(world: World) -> list[str]:
    return [row["type"] for row in await world.system.db.rows("events", account_id=world.account.id, after=0, limit=99)]


async def test_approved_mail_is_queued_once_for_each_recipient(world: World) -> None:
    approval = await held(world, bcc=["second@example.com"])
    await approve(world.system, approval, 1, world.overseer)
    assert await state_of(world, approval) == ("approved", "queued", ["queued", "queued"])
    with pytest.raises(Refusal) as refused:
        await approve(world.system, approval, 1, world.overseer)
    assert refused.value.code == "already_decided"
    assert await state_of(world, approval) == ("approved", "queued", ["queued", "queued"])


async def test_of_many_decisions_at_once_one_counts(world: World) -> None:
    approval = await held(world)
    deciding: list[Coroutine[Any, Any, object]] = [
        approve(world.system, approval, 1, world.overseer) for _ in range(20)
    ]
    deciding += [reject(world.system, approval, 1, world.overseer, "no") for _ in range(20)]
    outcomes = await asyncio.gather(*deciding, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(refused) == 39 and {refusal.code for refusal in refused} == {"already_decided"}


async def test_the_agent_learns_the_reason_of_a_rejection(world: World) -> None:
    approval = await held(world)
    await reject(world.system, approval, 1, world.overseer, "Wrong price.")
    assert await state_of(world, approval) == ("rejected", "rejected", [])
    status = await message_status(world.context, StatusRequest(message_id=approval.message_id))
    assert status.approval is not None and status.approval.reason == "Wrong price."
    assert "do not resend" in status.next


async def test_an_edit_makes_a_new_revision_that_must_be_approved_itself(world: World) -> None:
    upload = Upload(name="a.txt", content_type="text/plain", content_base64="aGVsbG8=")
    approval = await held(world, attachments=[upload])
    old = link_token(world.system, approval.id, 1, world.overseer)
    changes = Edit(
        to=("friend@example.com",), cc=("boss@example.com",), bcc=(), subject="Hi again", markdown="Dear friend"
    )
    after = await edit(world.system, approval, 1, world.overseer, changes)
    assert after.revision == 2 and "+Dear friend" in after.changes and "-Hello" in after.changes
    with pytest.raises(Refusal) as refused:
        await approve(world.system, approval, 1, world.overseer)
    assert refused.value.code == "already_decided"
    used = await one(world.system.db, ApprovalLink, "approval_link", hash=world.system.secret.hash(old))
    assert used is not None and used.used_at is not None
    fresh, link = await approval_by_token(world.system, link_token(world.system, approval.id, 2, world.overseer))
    assert fresh.revision == link.revision == 2
    await approve(world.system, fresh, 2, world.overseer)
    assert await state_of(world, approval) == ("approved", "queued", ["queued", "queued"])
    status = await message_status(world.context, StatusRequest(message_id=approval.message_id))
    assert status.approval is not None and "+Dear friend" in status.approval.changes
    message = await one(world.system.db, Message, "message", id=approval.message_id, mailbox_id=world.mailbox.id)
    assert message is not None and json.loads(message.attachments)[0]["name"] == "a.txt"
    rows = await world.system.db.rows("wire", message_id=approval.message_id, revision=1)
    assert b"Hello" in rows[0]["data"], "the original stays for the audit"


async def test_nobody_having_decided_means_no(world: World) -> None:
    approval = await held(world)
    assert await expire_due(world.system) == 0
    world.clock.at += 72 * HOUR
    with pytest.raises(Refusal) as refused:
        await approve(world.system, approval, 1, world.overseer)
    assert refused.value.code == "already_decided"
    assert await expire_due(world.system) == 1
    assert await state_of(world, approval) == ("expired", "rejected", [])
    assert await expire_due(world.system) == 0


async def test_a_link_is_stored_as_a_hash_and_bound_to_its_reviewer(world: World) -> None:
    approval = await held(world)
    token = link_token(world.system, approval.id, 1, world.overseer)
    assert len(token) == 43, "256 bits in base64"
    found, link = await approval_by_token(world.system, token)
    assert found == approval and link.reviewer == world.overseer and token not in link.hash
    for other in (
        link_token(world.system, approval.id, 2, world.overseer),
        link_token(world.system, approval.id, 1, "else@example.org"),
        token[:-1],
        "",
    ):
        with pytest.raises(Refusal) as refused:
            await approval_by_token(world.system, other)
        assert refused.value.code == "link_invalid"
    world.clock.at = START + 73 * HOUR
    with pytest.raises(Refusal) as refused:
        await approval_by_token(world.system, token)
    assert refused.value.code == "link_expired"


async def test_mail_held_on_arrival_is_not_there_for_the_agent_until_let_in(world: World) -> None:
    await world.in_mode(Mode.GATED_ALL)
    await receive(world.system, Arrival("friend@example.com", (world.mailbox.address,), MAIL))
    (approval,) = await many(world.system.db, Approval, "pending_approvals", account_id=world.account.id, limit=9)
    with pytest.raises(Refusal) as refused:
        await message_status(world.context, StatusRequest(message_id=approval.message_id))
    assert refused.value.code == "message_not_found"
    await approve(world.system, approval, 1, world.overseer)
    status = await message_status(world.context, StatusRequest(message_id=approval.message_id))
    assert status.status == "unread" and status.approval is None
    assert (await events_of(world))[-2:] == ["approval.approved", "message.received"]


async def test_a_damaged_envelope_is_refused_and_stays_pending(world: World) -> None:
    """A refusal undoes the decision with all that came before it in the transaction."""
    approval = await held(world)

    row = (await world.system.db.rows("wire", message_id=approval.message_id, revision=1))[0]
    envelope = json.loads(row["envelope"])
    assert envelope["recipients"], "the envelope names whom it is for"
    await world.system.db.script(
        f"UPDATE wire SET envelope = '{json.dumps({**envelope, 'recipients': []})}' "
        f"WHERE message_id = '{approval.message_id}';"
    )
    with pytest.raises(Refusal) as refused:
        await approve(world.system, approval, 1, world.overseer)
    assert refused.value.code == "approval_refused"
    assert await state_of(world, approval) == ("pending", "pending_send_approval", [])
