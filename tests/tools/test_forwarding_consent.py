"""Who gets another mailbox's mail has agreed: links that are wrong, old, used, replaced or another's open nothing."""

import asyncio
import json
from dataclasses import replace

import pytest

from storage.database import many
from storage.records import Event, Forwarding, Notice
from tests.conftest import Clock, World, make_world, overseer
from tools import deliver, notices
from tools.accounts import create_mailbox
from tools.context import DAY, Context, Secret
from tools.errors import Refusal
from tools.forwarding_consent import ACCOUNT_A_DAY, ASKED_A_DAY, LIFE, agree, asked, confirmation_url, decline, vouch
from tools.forwarding_target import (
    ForwardingRequest,
    WhichForwarding,
    forwarding_of,
    get_forwarding,
    set_forwarding,
    set_target,
)
from tools.mail.parse import parse
from tools.receive import Arrival, receive

MAIL = b"From: ann@example.com\r\nTo: ada@agents.example\r\nSubject: Hi\r\n\r\nHello\r\n"
READER = "reader@example.net"


async def arrive(world: World, raw: bytes = MAIL) -> None:
    await receive(world.system, Arrival("ann@example.com", (world.mailbox.address,), raw))


async def recipients(world: World) -> list[str]:
    """To whom something leaves now."""
    return sorted(each.recipient for each in await deliver.claim(world.system, "worker", 20))


async def mailed(context: Context) -> list[str]:
    """The tokens of the links that are mailed now, and of each the reader it is for."""
    tokens = []
    for notice in await notices.claim(context, 50):
        letter = await notices.write(context, notice)
        await notices.settle(context, notice, sent=letter is not None, reply="", final=True)
        if letter is not None:
            tokens.append(letter.link.removeprefix(f"{context.site.base_url}/forwarding/"))
    return tokens


async def statuses(world: World) -> list[tuple[str, str, str]]:
    """What the log says of the forwarding: status, target, and who."""
    found = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=1000)
    data = [json.loads(event.data) for event in found if event.type == "mailbox.forwarding_changed"]
    return [(each["status"], each["target"], each["by"]) for each in data]


def code(refused: pytest.ExceptionInfo[Refusal]) -> str:
    return refused.value.code


async def opens_nothing(world: World, token: str, why: str) -> None:
    """The link is refused to whoever looks, agrees or declines."""
    for used in (asked, agree, decline):
        with pytest.raises(Refusal) as refused:
            await used(world.system, token)
        assert code(refused) == why


async def test_nothing_is_passed_on_before_the_reader_agrees(world: World) -> None:
    view = await set_target(world.system, world.mailbox, READER, world.overseer)
    assert (view.status, view.target) == ("unconfirmed", READER) and view.expires_at is not None
    await arrive(world)
    assert await recipients(world) == []
    (token,) = await mailed(world.system)
    assert (await asked(world.system, token)).status == "unconfirmed", "looking is no answer"
    for _ in range(2):
        assert (await agree(world.system, token)).status == "active"
    await arrive(world)
    assert await recipients(world) == [READER], "and not what came before"
    view = await forwarding_of(world.system, world.mailbox)
    assert (view.status, view.expires_at) == ("active", None)
    assert await statuses(world) == [("unconfirmed", READER, world.overseer), ("active", READER, READER)]


async def test_the_mail_says_what_is_asked_and_goes_to_the_target_alone(world: World) -> None:
    await set_target(world.system, world.mailbox, "Reader@Example.net", world.overseer)
    (notice,) = await notices.claim(world.system, 10)
    letter = await notices.write(world.system, notice)
    assert letter is not None and letter.recipient == READER
    read = parse(letter.raw)
    assert world.mailbox.address in read.text and letter.link in read.text.split() and letter.link in read.html
    assert b"Auto-Submitted: auto-generated" in letter.raw
    assert world.overseer not in letter.raw.decode() + read.text, "nor who asked"


async def test_whoever_declines_gets_nothing_and_may_do_so_at_any_time(world: World) -> None:
    await set_target(world.system, world.mailbox, READER, world.overseer)
    (token,) = await mailed(world.system)
    await agree(world.system, token)
    world.clock.at += 10 * LIFE
    assert (await decline(world.system, token)).status == "off"
    await arrive(world)
    assert await recipients(world) == [] and (await statuses(world))[-1] == ("off", "", READER)
    await opens_nothing(world, token, "confirmation_invalid")


async def test_a_link_expires_and_a_new_mail_makes_it_good_again(world: World) -> None:
    await set_target(world.system, world.mailbox, READER, world.overseer)
    (token,) = await mailed(world.system)
    world.clock.at += LIFE
    await opens_nothing(world, token, "confirmation_expired")
    assert (await forwarding_of(world.system, world.mailbox)).status == "expired"
    assert (await set_target(world.system, world.mailbox, READER, world.overseer)).status == "unconfirmed"
    assert await mailed(world.system) == [token]
    assert (await agree(world.system, token)).status == "active"


async def test_another_target_and_the_same_one_anew_are_asked_again(world: World) -> None:
    await set_target(world.system, world.mailbox, READER, world.overseer)
    (first,) = await mailed(world.system)
    await agree(world.system, first)
    await set_target(world.system, world.mailbox, "second@example.net", world.overseer)
    (second,) = await mailed(world.system)
    await arrive(world)
    assert await recipients(world) == [], "neither the old target nor the new one"
    await set_target(world.system, world.mailbox, None, world.overseer)
    await set_target(world.system, world.mailbox, READER, world.overseer)
    (third,) = await mailed(world.system)
    assert len({first, second, third}) == 3
    for replaced in (first, second):
        await opens_nothing(world, replaced, "confirmation_invalid")
    assert (await forwarding_of(world.system, world.mailbox)).status == "unconfirmed"


async def test_a_target_that_agreed_is_not_asked_again(world: World) -> None:
    await set_target(world.system, world.mailbox, READER, world.overseer)
    (token,) = await mailed(world.system)
    await agree(world.system, token)
    said = await statuses(world)
    assert (await set_target(world.system, world.mailbox, READER.upper(), world.overseer)).status == "active"
    assert await mailed(world.system) == [] and await statuses(world) == said


async def test_a_target_that_changed_on_the_way_is_told_nothing(world: World) -> None:
    """The mail is written when it leaves: then there is nothing to ask the first one any more."""
    await set_target(world.system, world.mailbox, READER, world.overseer)
    await set_target(world.system, world.mailbox, "second@example.net", world.overseer)
    (token,) = await mailed(world.system)
    assert (await asked(world.system, token)).forwarding.target == "second@example.net"
    await set_target(world.system, world.mailbox, "third@example.net", world.overseer)
    await vouch(world.system, world.mailbox, "the operator")
    assert await mailed(world.system) == [], "nor one for whom the operator spoke"


@pytest.mark.parametrize("token", ["", "x" * 43, "mbx_1", "\x00", "%00", "ä" * 43, "x" * 100_000])
async def test_a_link_that_was_never_made_opens_nothing(world: World, token: str) -> None:
    await set_target(world.system, world.mailbox, READER, world.overseer)
    await opens_nothing(world, token, "confirmation_invalid")
    assert (await forwarding_of(world.system, world.mailbox)).status == "unconfirmed"


async def test_a_link_is_good_for_its_own_mailbox_and_needs_the_secret(world: World) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    for each in (world, other):
        await set_target(each.system, each.mailbox, READER, each.overseer)
    (row,) = await many(world.system.db, Forwarding, "forwarding", mailbox_id=world.mailbox.id)
    stranger = replace(world.system, secret=Secret(b"another server's"))
    forged = confirmation_url(stranger, row).rpartition("/")[2]
    await opens_nothing(world, forged, "confirmation_invalid")
    await agree(world.system, confirmation_url(world.system, row).rpartition("/")[2])
    assert (await forwarding_of(world.system, world.mailbox)).status == "active"
    assert (await forwarding_of(other.system, other.mailbox)).status == "unconfirmed"


async def test_nobody_is_flooded_with_questions(world: World, clock: Clock) -> None:
    other = await make_world(world.system, world.clock, "other.example")
    requests = [set_target(world.system, world.mailbox, READER, world.overseer) for _ in range(ASKED_A_DAY + 3)]
    answers = await asyncio.gather(*requests, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, Refusal)]
    assert len(refused) == 3 and {each.code for each in refused} == {"rate_limited"}
    assert all(0 < (each.retry_after or 0) <= DAY // 1_000_000 for each in refused)
    await set_target(world.system, world.mailbox, None, world.overseer)
    with pytest.raises(Refusal) as again:
        await set_target(world.system, world.mailbox, READER, world.overseer)
    assert code(again) == "rate_limited", "ending and setting it counts too"
    assert (await forwarding_of(world.system, world.mailbox)).status == "off"
    for number in range(ACCOUNT_A_DAY - ASKED_A_DAY):
        await set_target(world.system, world.mailbox, f"r{number}@example.net", world.overseer)
    with pytest.raises(Refusal):
        await set_target(world.system, world.mailbox, "one.more@example.net", world.overseer)
    await set_target(other.system, other.mailbox, READER, other.overseer)
    clock.at += DAY
    assert (await set_target(world.system, world.mailbox, READER, world.overseer)).status == "unconfirmed"


async def test_the_operator_may_speak_for_the_reader(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        await vouch(world.system, world.mailbox, "the operator")
    assert code(refused) == "invalid_request"
    await set_target(world.system, world.mailbox, READER, world.overseer)
    await vouch(world.system, world.mailbox, "the operator")
    await arrive(world)
    assert await recipients(world) == [READER]
    assert (await statuses(world))[-1] == ("active", READER, "the operator")


async def test_a_mailbox_of_the_account_need_not_agree_and_another_account_s_must(world: World) -> None:
    eve = await create_mailbox(world.system, world.account.id, "eve", "agents.example")
    other = await make_world(world.system, world.clock, "other.example")
    assert (await set_target(world.system, world.mailbox, eve.address, world.overseer)).status == "active"
    assert await mailed(world.system) == []
    view = await set_target(world.system, world.mailbox, other.mailbox.address, world.overseer)
    assert view.status == "unconfirmed" and len(await mailed(world.system)) == 1


async def test_a_question_is_not_passed_on_to_whoever_asks(world: World) -> None:
    """In a circle the mail that asks would come back to who sent it, and they would agree in another's place."""
    other = await make_world(world.system, world.clock, "other.example")
    await set_target(other.system, other.mailbox, world.mailbox.address, other.overseer)
    await vouch(other.system, other.mailbox, "the operator")
    assert await mailed(world.system) == []
    await set_target(world.system, world.mailbox, other.mailbox.address, world.overseer)
    (notice,) = await notices.claim(world.system, 10)
    letter = await notices.write(world.system, notice)
    assert letter is not None and letter.recipient == other.mailbox.address
    await receive(world.system, Arrival(letter.sender, (letter.recipient,), letter.raw))
    assert await recipients(world) == []
    await receive(world.system, Arrival("ann@example.com", (other.mailbox.address,), MAIL))
    assert await recipients(world) == [world.mailbox.address], "all else is"


async def test_overseers_see_how_it_stands_and_agents_nothing(world: World) -> None:
    person = world.system.acting_as(overseer(world))
    await set_forwarding(person, ForwardingRequest(target=world.overseer, mailbox_id=world.mailbox.id))
    view = await get_forwarding(person, WhichForwarding(mailbox_id=world.mailbox.id))
    assert (view.target, view.status) == (world.overseer, "unconfirmed"), "overseers agree by their mail as well"
    (notice,) = await notices.claim(world.system, 10)
    assert isinstance(notice, Notice) and notice.recipient == world.overseer
    other = await make_world(world.system, world.clock, "other.example")
    with pytest.raises(Refusal) as foreign:
        stranger = world.system.acting_as(overseer(other))
        await get_forwarding(stranger, WhichForwarding(mailbox_id=world.mailbox.id))
    assert code(foreign) == "mailbox_not_found"
    assert not world.context.principal.may("review") and not world.context.principal.may("oversight")
