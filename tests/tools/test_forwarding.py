"""Mail that is passed on: SRS, bounces that find back once, and circles that end."""

from dataclasses import replace

import pytest

from policies.modes import Mode
from server.delivery.site_key import SiteKey
from server.delivery.stamp import stamp_mail
from storage.database import many
from storage.records import Delivery, Event
from tests.conftest import World, make_world, overseer
from tools import deliver
from tools.accounts import create_mailbox
from tools.check_inbox import InboxRequest, check_inbox
from tools.context import DAY
from tools.conversation import conversation
from tools.errors import Refusal
from tools.forwarding_consent import vouch
from tools.forwarding_target import ForwardingRequest, set_forwarding, set_target
from tools.list_thread import ThreadRequest, list_thread
from tools.mail import srs
from tools.outgoing import Outgoing, open_delivery
from tools.receive import Arrival, expects, receive
from tools.stops import stop

HEAD = b"From: Ann <ann@example.com>\r\nTo: ada@agents.example\r\nSubject: Hi\r\n"
MAIL = HEAD + b"Message-ID: <1@example.com>\r\n\r\nHello\r\n"


async def arrive(world: World, raw: bytes = MAIL, sender: str = "ann@example.com") -> None:
    await receive(world.system, Arrival(sender, (world.mailbox.address,), raw))


async def pass_on_to(world: World, target: str) -> None:
    """Set a target whose reader agrees."""
    await set_target(world.system, world.mailbox, target, world.overseer)
    await vouch(world.system, world.mailbox, "the operator")


async def leaving(world: World) -> list[tuple[Delivery, Outgoing]]:
    """What a worker would carry out now."""
    claimed = await deliver.claim(world.system, "worker", 20)
    return [(each, await open_delivery(world.system, each)) for each in claimed]


async def happened(world: World, type_: str) -> int:
    found = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=1000)
    return sum(event.type == type_ for event in found)


async def test_000_15_what_arrives_is_passed_on_with_a_rewritten_sender(world: World) -> None:
    for mode in (Mode.GATED_SEND, Mode.READ_ONLY):
        await world.in_mode(mode)
        await pass_on_to(world, "boss@example.org")
        await arrive(world)
        ((delivery, outgoing),) = await leaving(world)
        assert delivery.recipient == "boss@example.org"
        assert outgoing.sender.startswith("SRS0=") and outgoing.sender.endswith("=example.com=ann@agents.example")
        assert await expects(world.system, outgoing.sender)
        stamped = stamp_mail(outgoing, SiteKey(world.system.secret), "http://127.0.0.1:8025")
        trace, _, rest = stamped.partition(b"Delivered-To: ada@agents.example\r\n")
        assert trace.startswith(b"Received: by agents.example") and trace.count(b"\r\n") == 1
        assert rest.endswith(MAIL), "the author's own signature must hold"
        assert b"Gatepost-Identity" not in stamped and b"Feedback-ID" not in stamped


async def test_000_15_without_a_target_nothing_is_passed_on_and_nobody_is_550(world: World) -> None:
    await arrive(world)
    assert await leaving(world) == []
    assert not await expects(world.system, "nobody@agents.example"), "RCPT answers 550 5.1.1"
    await pass_on_to(world, "boss@example.org")
    await set_target(world.system, world.mailbox, None, world.overseer)
    await arrive(world)
    assert await leaving(world) == []


async def test_000_15_a_bounce_goes_back_to_the_sender_once(world: World) -> None:
    await pass_on_to(world, "boss@example.org")
    await arrive(world)
    ((_, outgoing),) = await leaving(world)
    bounce = b"From: MAILER-DAEMON@example.org\r\nSubject: Undelivered\r\n\r\nNo such user\r\n"
    for _ in range(3):
        await receive(world.system, Arrival("", (outgoing.sender,), bounce))
    ((delivery, back),) = await leaving(world)
    assert (delivery.recipient, back.sender) == ("ann@example.com", "") and back.raw.endswith(bounce)
    assert await happened(world, "forward.returned") == 1 and await happened(world, "forward.bounce_dropped") == 2
    messages = await world.messages()
    assert sum(message.direction == "inbound" for message in messages) == 1, "the bounce is nobody's mail here"


async def test_000_15_only_a_bounce_comes_back_and_only_in_time(world: World) -> None:
    await pass_on_to(world, "boss@example.org")
    await arrive(world)
    ((_, outgoing),) = await leaving(world)
    with pytest.raises(Refusal) as refused:
        await receive(world.system, Arrival("spam@example.net", (outgoing.sender,), MAIL))
    assert refused.value.code == "mailbox_not_found", "it is no relay"
    await set_target(world.system, world.mailbox, None, world.overseer)
    await receive(world.system, Arrival("spam@example.net", (outgoing.sender, world.mailbox.address), MAIL))
    assert await leaving(world) == [] and await happened(world, "forward.bounce_dropped") == 1
    forged = outgoing.sender.replace("=ann@", "=bob@")
    assert not await expects(world.system, forged)
    world.clock.at += (srs.LIFE_DAYS + 1) * DAY
    assert not await expects(world.system, outgoing.sender)
    await receive(world.system, Arrival("", (outgoing.sender,), MAIL))
    assert await happened(world, "forward.returned") == 0


async def test_000_15_a_bounce_that_is_passed_on_keeps_the_null_sender(world: World) -> None:
    await pass_on_to(world, "boss@example.org")
    await arrive(world, sender="")
    ((_, outgoing),) = await leaving(world)
    assert outgoing.sender == "", "nothing comes back of what came back"


@pytest.mark.parametrize("size", [2, 3, 4, 5])
async def test_c1_a_circle_of_mailboxes_ends(world: World, size: int) -> None:
    """Promise C1: forward cycles of 2 to 5 mailboxes stop, whether the mail has an id or not."""
    boxes = [world.mailbox]
    boxes += [await create_mailbox(world.system, world.account.id, f"m{n}", "agents.example") for n in range(1, size)]
    for box, following in zip(boxes, [*boxes[1:], boxes[0]], strict=True):
        await set_target(world.system, box, following.address, world.overseer)
    await arrive(world, MAIL.replace(b"Message-ID: <1@example.com>\r\n", b""))
    hops = 0
    while carried := await leaving(world):
        ((delivery, outgoing),) = carried
        raw = stamp_mail(outgoing, SiteKey(world.system.secret), "http://127.0.0.1:8025")
        await receive(world.system, Arrival(outgoing.sender, (delivery.recipient,), raw))
        hops += 1
        assert hops <= 50
    assert hops == size and await happened(world, "forward.stopped") == 1


async def test_mail_that_nobody_has_let_in_is_not_passed_on(world: World) -> None:
    await world.in_mode(Mode.GATED_ALL)
    await pass_on_to(world, "boss@example.org")
    await arrive(world)
    assert await leaving(world) == []


async def test_the_kill_switch_stops_it_and_the_mail_is_kept(world: World) -> None:
    await pass_on_to(world, "boss@example.org")
    await stop(world.system, world.account.id, "boss@example.org")
    await arrive(world)
    assert await leaving(world) == [] and await happened(world, "forward.stopped") == 1
    assert await happened(world, "message.received") == 1


async def test_an_overseer_sets_it_to_an_overseer_alone(world: World) -> None:
    person = world.system.acting_as(overseer(world))
    view = await set_forwarding(person, ForwardingRequest(target="Boss@Example.org", mailbox_id=world.mailbox.id))
    assert (view.target, view.status) == ("Boss@example.org", "unconfirmed")
    await vouch(world.system, world.mailbox, "the operator")
    await arrive(world)
    assert [each.recipient for each, _ in await leaving(world)] == ["Boss@example.org"]
    with pytest.raises(Refusal) as refused:
        await set_forwarding(person, ForwardingRequest(target="eve@example.net", mailbox_id=world.mailbox.id))
    assert refused.value.code == "not_overseer"
    other = await make_world(world.system, world.clock, "other.example")
    with pytest.raises(Refusal) as foreign:
        await set_forwarding(
            world.system.acting_as(overseer(other)), ForwardingRequest(target=None, mailbox_id=world.mailbox.id)
        )
    assert foreign.value.code == "mailbox_not_found"


async def test_what_is_passed_on_is_no_turn_of_the_agent(world: World) -> None:
    await pass_on_to(world, "boss@example.org")
    await arrive(world)
    (message,) = [each for each in await world.messages() if each.direction == "inbound"]
    found = await conversation(world.system.db, replace(message, id="msg_new", in_reply_to=""), world.system.now())
    assert (found.arrived, found.sent) == (1, 0)


async def test_the_agent_s_lists_show_what_arrived_alone(world: World) -> None:
    await pass_on_to(world, "boss@example.org")
    await arrive(world)
    (shown,) = (await check_inbox(world.context, InboxRequest(direction="any"))).messages
    thread = await list_thread(world.context, ThreadRequest(thread_id=shown.thread_id))
    assert len(thread.messages) == 1 and thread.waiting_for == "you"
