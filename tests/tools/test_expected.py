"""Timers for answers that do not come: 002-10."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from policies.modes import Mode
from storage.blobs import Blobs
from storage.database import many
from storage.migrate import migrate
from storage.records import Event
from storage.sqlite import open_sqlite
from tests.conftest import Clock, World, make_world
from tools.cancel import CancelRequest, cancel
from tools.context import DAY, HOUR, MINUTE, Context, Secret, Site
from tools.errors import Refusal
from tools.expected import tell_overdue
from tools.receive import Arrival, receive
from tools.reply import ReplyRequest, reply
from tools.send import SendRequest, send
from tools.timing import wait_of


async def ask(world: World, within: str | None = "4h", number: int = 1) -> tuple[str, str]:
    """Message and thread of a mail that wants an answer."""
    request = SendRequest(to=["ann@example.com"], subject="Hi", markdown=f"Mail {number}", expect_reply_within=within)
    sent = await send(world.context, request)
    return sent.message_id, sent.thread_id


async def overdue(world: World) -> list[dict[str, object]]:
    """What was told so far."""
    await tell_overdue(world.system)
    found = await many(world.system.db, Event, "events", account_id=world.account.id, after=0, limit=1000)
    return [{"message_id": each.message_id, **json.loads(each.data)} for each in found if each.type == "reply.overdue"]


async def answer(world: World, message_id: str, field: str = "X-Mailer: x") -> None:
    refers = f"{message_id}@agents.example"
    raw = f"From: ann@example.com\r\nSubject: Re: Hi\r\nIn-Reply-To: <{refers}>\r\n{field}\r\n\r\nYes\r\n"
    await receive(world.system, Arrival("ann@example.com", (world.mailbox.address,), raw.encode()))


async def test_002_10_it_fires_once_when_nobody_answers(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    message_id, thread_id = await ask(world)
    world.clock.at += 4 * HOUR - MINUTE
    assert await overdue(world) == []
    world.clock.at += 2 * MINUTE
    told = [{"message_id": message_id, "thread_id": thread_id, "waited_seconds": 4 * 3600}]
    assert await overdue(world) == told
    world.clock.at += DAY
    assert await overdue(world) == told, "once"


async def test_002_10_an_answer_cancels_it_and_an_automatic_one_does_not(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    answered, _ = await ask(world, number=1)
    unanswered, _ = await ask(world, number=2)
    await answer(world, answered)
    await answer(world, unanswered, "Auto-Submitted: auto-replied")
    world.clock.at += DAY
    assert [each["message_id"] for each in await overdue(world)] == [unanswered]


async def test_002_10_a_further_mail_of_the_thread_starts_it_anew(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    message_id, _ = await ask(world)
    world.clock.at += 3 * HOUR
    further = await reply(world.context, ReplyRequest(message_id=message_id, markdown="Did you get this?"))
    world.clock.at += 3 * HOUR
    assert await overdue(world) == []
    world.clock.at += 2 * HOUR
    assert [each["message_id"] for each in await overdue(world)] == [further.message_id]


async def test_002_10_it_counts_from_when_a_person_lets_the_mail_through(world: World) -> None:
    await world.in_mode(Mode.GATED_SEND)
    message_id, _ = await ask(world)
    world.clock.at += DAY
    assert await overdue(world) == [], "it waits for a person"
    await cancel(world.context, CancelRequest(message_id=message_id))
    world.clock.at += DAY
    assert await overdue(world) == [], "it never left"


async def test_002_10_what_was_withdrawn_is_not_waited_for(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    message_id, _ = await ask(world)
    await cancel(world.context, CancelRequest(message_id=message_id))
    world.clock.at += DAY
    assert await overdue(world) == []


async def test_002_10_it_survives_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    database = await open_sqlite(tmp_path / "gatepost.db")
    await migrate(database)
    secret, site = Secret(b"a secret that only the tests know"), Site(base_url="http://127.0.0.1:8025")
    context = Context(database, Blobs(tmp_path / "blobs"), secret, site, clock)
    world = await make_world(context, clock, "agents.example")
    await world.in_mode(Mode.AUTONOMOUS)
    message_id, _ = await ask(world)
    await database.close()
    clock.at += DAY
    database = await open_sqlite(tmp_path / "gatepost.db")
    try:
        again = replace(world, system=replace(context, db=database))
        assert [each["message_id"] for each in await overdue(again)] == [message_id]
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (None, 0),
        ("4h", 4 * HOUR),
        ("3 days", 3 * DAY),
        ("90 minutes", 90 * MINUTE),
        ("1.5h", 90 * MINUTE),
        ("1 Day", DAY),
        ("2 weeks", 14 * DAY),
        ("5 seconds", MINUTE),
        ("0h", MINUTE),
    ],
)
def test_002_10_times_are_written_as_people_do(text: str | None, wait: int) -> None:
    assert wait_of(text) == wait


@pytest.mark.parametrize("text", ["", "soon", "4", "4 fortnights", "-1h", "1e3h", "h", "366 days", "9999999999h"])
def test_002_10_other_times_are_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        wait_of(text)
    assert refused.value.code == "invalid_duration" and refused.value.details["field"] == "expect_reply_within"
