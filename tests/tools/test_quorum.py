"""Two overseers: both must approve what is risky, in the same revision; one rejects; the agent is told of it."""

import asyncio
import json
from collections.abc import Awaitable

import pytest

from policies.modes import Mode
from storage.database import many, one
from storage.records import Approval, ApprovalVote, Delivery, Event
from tests.conftest import World
from tools import notices
from tools.accounts import create_mailbox, list_accounts
from tools.approvals import link_token
from tools.context import HOUR
from tools.decide import approval_by_token, approve, edit, expire_due, reject
from tools.errors import Refusal
from tools.housekeeping import tidy
from tools.message_status import MessageStatus, StatusRequest, message_status
from tools.overseers import name_risky_rules, name_second_overseer
from tools.receive import Arrival, receive
from tools.revision import Edit
from tools.send import SendRequest, send

VICE = "vice@example.org"
SECRET = "The password: hunter2+hunter3"
HARMLESS = Edit(to=("bea@example.com",), cc=(), bcc=(), subject="Access", markdown="I'll call you.")
RISKY = Edit(to=("bea@example.com",), cc=(), bcc=(), subject="Access", markdown=SECRET)
MAIL = b"From: eve@example.net\r\nTo: ada@agents.example\r\nSubject: Hi\r\n\r\nHello\r\n"


@pytest.fixture
async def pair(world: World) -> World:
    """A world with a second overseer."""
    await name_second_overseer(world.system, world.account, "Vice@Example.org", "the operator")
    return world


async def held(world: World, text: str = SECRET) -> Approval:
    """A mail that waits; with a secret in it unless told otherwise."""
    sent = await send(world.context, SendRequest(to=["bea@example.com"], subject="Access", markdown=text))
    assert sent.status == "pending_send_approval"
    return await now(world, sent.message_id)


async def now(world: World, message_id: str) -> Approval:
    approval = await one(world.system.db, Approval, "approval_of_message", message_id=message_id)
    assert approval is not None
    return approval


async def status(world: World, approval: Approval) -> MessageStatus:
    return await message_status(world.context, StatusRequest(message_id=approval.message_id))


async def told(world: World, approval: Approval) -> tuple[str, str]:
    """What the agent is told: the message's status and the approvals."""
    found = await status(world, approval)
    assert found.approval is not None
    return found.status, found.approval.approvals


async def queued(world: World, approval: Approval) -> int:
    return len(await many(world.system.db, Delivery, "deliveries", message_id=approval.message_id))


async def log(world: World, approval: Approval) -> list[tuple[str, object, object]]:
    """The message's events: type, who, and how many have approved."""
    rows = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=999)
    about = [(row.type, json.loads(row.data)) for row in rows if row.message_id == approval.message_id]
    return [(type_, data.get("by"), data.get("approvals")) for type_, data in about]


async def code_of(work: Awaitable[object]) -> str:
    """The code of the refusal that the work ends with."""
    with pytest.raises(Refusal) as refused:
        await work
    return refused.value.code


async def notified(world: World) -> list[str]:
    """Who gets a notice about an approval now, and can open its link."""
    found = []
    for notice in await notices.claim(world.system, 99):
        letter = await notices.write(world.system, notice)
        assert letter is not None
        _, link = await approval_by_token(world.system, letter.link.rpartition("/")[2])
        assert link.reviewer == letter.recipient
        found.append(letter.recipient)
    return sorted(found)


async def test_a_risky_mail_leaves_when_both_have_approved(pair: World) -> None:
    approval = await held(pair)
    assert approval.needed == 2 and await told(pair, approval) == ("pending_send_approval", "0 of 2")
    assert await notified(pair) == [pair.overseer, VICE]
    assert await approve(pair.system, approval, 1, pair.overseer) == 1
    assert await told(pair, approval) == ("pending_send_approval", "1 of 2") and await queued(pair, approval) == 0
    assert await approve(pair.system, approval, 1, VICE) == 0
    assert await told(pair, approval) == ("queued", "2 of 2") and await queued(pair, approval) == 1
    both = f"{pair.overseer} and {VICE}"
    assert (await now(pair, approval.message_id)).decided_by == both
    assert await log(pair, approval) == [
        ("message.pending_send_approval", pair.context.principal.name, None),
        ("approval.pending", None, None),
        ("approval.voted", pair.overseer, "1 of 2"),
        ("approval.voted", VICE, "2 of 2"),
        ("approval.approved", both, None),
    ]
    votes = await many(pair.system.db, ApprovalVote, "votes", approval_id=approval.id, revision=1)
    wire = (await pair.system.db.rows("wire", message_id=approval.message_id, revision=1))[0]
    assert [vote.digest for vote in votes] == [wire["digest"]] * 2


async def test_without_a_second_overseer_one_is_enough(world: World) -> None:
    approval = await held(world)
    assert approval.needed == 1 and await notified(world) == [world.overseer]
    assert await told(world, approval) == ("pending_send_approval", "0 of 1")
    assert await approve(world.system, approval, 1, world.overseer) == 0
    assert await told(world, approval) == ("queued", "1 of 1")
    assert [type_ for type_, _, _ in await log(world, approval)][2:] == ["approval.approved"]


@pytest.mark.parametrize("by", ["boss@example.org", VICE])
async def test_an_ordinary_mail_needs_one_of_the_two(pair: World, by: str) -> None:
    approval = await held(pair, "Good morning")
    assert approval.needed == 1 and await notified(pair) == [pair.overseer]
    assert await approve(pair.system, approval, 1, by) == 0 and await queued(pair, approval) == 1


async def test_the_same_person_twice_counts_once(pair: World) -> None:
    approval = await held(pair)
    for _ in range(3):
        assert await approve(pair.system, approval, 1, VICE) == 1
    assert await told(pair, approval) == ("pending_send_approval", "1 of 2")
    assert [event for event in await log(pair, approval) if event[0] == "approval.voted"] == [
        ("approval.voted", VICE, "1 of 2")
    ]


async def test_one_rejection_is_enough_whoever_approved_before(pair: World) -> None:
    approval = await held(pair)
    await approve(pair.system, approval, 1, pair.overseer)
    await reject(pair.system, approval, 1, VICE, "Not in a mail.")
    found = await status(pair, approval)
    assert found.approval is not None and (found.status, found.approval.reason) == ("rejected", "Not in a mail.")
    assert await code_of(approve(pair.system, approval, 1, VICE)) == "already_decided"
    assert await queued(pair, approval) == 0


async def test_an_approval_of_an_older_revision_does_not_count(pair: World) -> None:
    approval = await held(pair)
    await notified(pair)
    await approve(pair.system, approval, 1, VICE)
    edited = await edit(pair.system, approval, 1, pair.overseer, HARMLESS)
    assert await told(pair, approval) == ("pending_send_approval", "0 of 2"), "what was risky stays so"
    assert await notified(pair) == [VICE], "whoever edited has the page before them, the other gets a new link"
    assert await approve(pair.system, edited, 2, pair.overseer) == 1
    assert await code_of(approve(pair.system, approval, 1, VICE)) == "already_decided"
    assert await approve(pair.system, edited, 2, VICE) == 0
    assert await queued(pair, approval) == 1


async def test_an_edit_that_makes_a_mail_risky_needs_both(pair: World) -> None:
    approval = await held(pair, "Good morning")
    await notified(pair)
    edited = await edit(pair.system, approval, 1, pair.overseer, RISKY)
    risky = await now(pair, approval.message_id)
    assert risky.needed == 2 and "secret" in risky.reasons and "hunter2+hunter3" not in risky.reasons
    assert await notified(pair) == [VICE]
    assert await approve(pair.system, edited, 2, pair.overseer) == 1
    assert await approve(pair.system, edited, 2, VICE) == 0


async def test_an_approval_of_other_bytes_does_not_count(pair: World) -> None:
    approval = await held(pair)
    await approve(pair.system, approval, 1, VICE)
    await pair.system.db.script("UPDATE wire SET digest = replace(digest, substr(digest, 1, 1), 'g');")
    for by in (pair.overseer, VICE):
        assert await approve(pair.system, approval, 1, by) == 1
    assert await queued(pair, approval) == 0


async def test_links_are_of_one_person_each(pair: World) -> None:
    approval = await held(pair)
    tokens = {link_token(pair.system, approval.id, 1, each) for each in (pair.overseer, VICE)}
    assert len(tokens) == 2
    rows = await pair.system.db.rows("approval_link", hash=pair.system.secret.hash(tokens.pop()))
    assert rows and not any(token in str(dict(rows[0])) for token in tokens)
    assert await code_of(approval_by_token(pair.system, link_token(pair.system, approval.id, 1, "x@example.org")))


async def test_who_is_an_overseer_no_longer_neither_decides_nor_counts(pair: World) -> None:
    approval = await held(pair)
    await approve(pair.system, approval, 1, VICE)
    (account,) = await list_accounts(pair.system)
    await name_second_overseer(pair.system, account, "new@example.org", "the operator")
    old = link_token(pair.system, approval.id, 1, VICE)
    assert await code_of(approval_by_token(pair.system, old)) == "link_invalid"
    for work in (
        approve(pair.system, approval, 1, VICE),
        reject(pair.system, approval, 1, VICE, ""),
        edit(pair.system, approval, 1, VICE, HARMLESS),
    ):
        assert await code_of(work) == "not_overseer"
    assert await approve(pair.system, approval, 1, pair.overseer) == 1, "the vote of the other counts no longer"
    assert await approve(pair.system, approval, 1, "new@example.org") == 0


async def test_one_alone_cannot_finish_what_needed_two(pair: World) -> None:
    approval = await held(pair)
    (account,) = await list_accounts(pair.system)
    await name_second_overseer(pair.system, account, None, "the operator")
    assert await approve(pair.system, approval, 1, pair.overseer) == 1
    pair.clock.at += 73 * HOUR
    assert await expire_due(pair.system) == 1
    assert await told(pair, approval) == ("rejected", "1 of 2")


async def test_only_who_has_not_approved_is_reminded(pair: World) -> None:
    approval = await held(pair)
    assert await notified(pair) == [pair.overseer, VICE]
    await approve(pair.system, approval, 1, pair.overseer)
    pair.clock.at += 25 * HOUR
    await tidy(pair.system)
    fresh = [notice.recipient for notice in await notices.claim(pair.system, 9) if notice.attempts == 1]
    assert fresh == [VICE]


async def test_the_account_names_its_risky_rules(pair: World) -> None:
    await name_risky_rules(pair.system, pair.account, ["oversight"], "the operator")
    assert (await held(pair, "Good morning")).needed == 2
    await pair.in_mode(Mode.AUTONOMOUS)
    assert (await held(pair)).needed == 1, "a secret alone is not risky to this account"
    await name_risky_rules(pair.system, pair.account, None, "the operator")
    assert (await held(pair, f"Again. {SECRET}")).needed == 2
    assert await code_of(name_risky_rules(pair.system, pair.account, ["secrets"], "x")) == "unknown_rule"


async def test_mail_that_arrives_is_let_in_by_one(pair: World) -> None:
    await name_risky_rules(pair.system, pair.account, ["oversight"], "the operator")
    await pair.in_mode(Mode.GATED_ALL)
    await receive(pair.system, Arrival("eve@example.net", (pair.mailbox.address,), MAIL))
    (approval,) = await many(pair.system.db, Approval, "pending_approvals", account_id=pair.account.id, limit=9)
    assert approval.needed == 1 and await approve(pair.system, approval, 1, VICE) == 0


async def test_the_second_overseer_is_another_person_and_no_mailbox(world: World) -> None:
    async def name(address: str) -> str:
        return await code_of(name_second_overseer(world.system, world.account, address, "the operator"))

    assert await name("Boss@example.org") == "same_overseer"
    assert await name(world.mailbox.address) == "overseer_address"
    assert await name("nobody") == "invalid_address"
    await name_second_overseer(world.system, world.account, "carl@agents.example", "the operator")
    assert await code_of(create_mailbox(world.system, world.account.id, "carl", "agents.example")) == "overseer_address"


async def outcomes(*works: Awaitable[object]) -> list[object]:
    """What came of works begun at once: a value, or the code of a refusal."""
    found = await asyncio.gather(*works, return_exceptions=True)
    assert all(isinstance(each, Refusal) or not isinstance(each, BaseException) for each in found), found
    return [each.code if isinstance(each, Refusal) else each for each in found]


async def test_of_many_votes_at_once_exactly_one_is_the_last(pair: World) -> None:
    for number in range(5):
        approval = await held(pair, f"{number} {SECRET}")
        voting = [approve(pair.system, approval, 1, by) for by in (pair.overseer, VICE) * 5]
        found = await outcomes(*voting)
        assert found.count(0) == 1 and set(found) <= {0, 1, "already_decided"}
        assert await queued(pair, approval) == 1 and await told(pair, approval) == ("queued", "2 of 2")
        events = [type_ for type_, _, _ in await log(pair, approval)]
        assert events.count("approval.voted") == 2 and events.count("approval.approved") == 1


async def test_a_last_vote_and_an_edit_at_once_never_release_what_was_not_approved(pair: World) -> None:
    for number in range(10):
        approval = await held(pair, f"{number} {SECRET}")
        await approve(pair.system, approval, 1, pair.overseer)
        voted, edited = await outcomes(
            approve(pair.system, approval, 1, VICE), edit(pair.system, approval, 1, pair.overseer, HARMLESS)
        )
        after = await now(pair, approval.message_id)
        if voted == 0:
            assert (edited, after.state, after.revision) == ("already_decided", "approved", 1)
            assert await queued(pair, approval) == 1
        else:
            assert (voted, after.state, after.revision) == ("already_decided", "pending", 2)
            assert await told(pair, approval) == ("pending_send_approval", "0 of 2")
            assert await queued(pair, approval) == 0


async def test_a_last_vote_and_a_rejection_at_once_are_one_decision(pair: World) -> None:
    for number in range(10):
        approval = await held(pair, f"{number} {SECRET}")
        await approve(pair.system, approval, 1, pair.overseer)
        found = await outcomes(
            approve(pair.system, approval, 1, VICE), reject(pair.system, approval, 1, pair.overseer, "")
        )
        assert found.count("already_decided") == 1
        approved = (await now(pair, approval.message_id)).state == "approved"
        assert await queued(pair, approval) == int(approved)
