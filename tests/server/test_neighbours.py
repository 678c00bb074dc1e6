"""Two tenants of one server: one asks for all it can, and the other does not notice (in time: bench/neighbours.py)."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from policies.modes import Mode
from policies.windows import Limits
from server.calls import call
from server.room import Room
from server.smtp.inbound import Inbound, Shared, Terms
from server.smtp.peers import Bounds, Peers
from tests.conftest import Clock, World, eventually, make_world
from tests.fakes.edges import MAIL, on_sqlite
from tests.fakes.pipe import Pipe
from tests.tools.test_attachment_text import letter
from tests.tools.test_screening import mail
from tools.context import CALLS_OF_ONE, Context
from tools.documents import reference
from tools.errors import CATALOGUE, Refusal
from tools.get_attachment import GET_ATTACHMENT
from tools.mail.extract import Extracted
from tools.operation import AnyOperation
from tools.places import WAITING
from tools.receive import Arrival, receive
from tools.search import SEARCH
from tools.send import SEND
from tools.wait_for_message import WAIT_FOR_MESSAGE
from tools.workers import Workers

pytestmark = on_sqlite
STORM = WAITING + 50
PER_MONTH = 20


@dataclass(frozen=True)
class HeldWorkers(Workers):
    """Workers that read a stormy file only when they may, and note whose files they were given."""

    may_read: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[bytes] = field(default_factory=list)

    async def text_of(self, content: bytes, content_type: str, name: str) -> Extracted:
        self.begun.append(content)
        if content.startswith(b"storm"):
            await self.may_read.wait()
        return Extracted(content.decode())


@dataclass(frozen=True)
class Tenants:
    """The one that storms, and its neighbour: each an account with a domain of its own."""

    stormy: World
    calm: World


@pytest.fixture
async def tenants(context: Context, clock: Clock) -> Tenants:
    limits = Limits(account_per_month=PER_MONTH)
    shared = replace(context, site=replace(context.site, limits=limits), workers=HeldWorkers())
    found = Tenants(
        await make_world(shared, clock, "agents.example"), await make_world(shared, clock, "neighbour.example")
    )
    for each in (found.stormy, found.calm):
        await each.in_mode(Mode.AUTONOMOUS)
    return found


async def asked(world: World, operation: AnyOperation, arguments: Mapping[str, object], done: list[World]) -> str:
    """How a call was answered; one that was done is noted."""
    try:
        await call(operation, world.context, arguments, "req_1")
    except Refusal as refusal:
        return refusal.code
    done.append(world)
    return "done"


async def storm(
    tenants: Tenants, operation: AnyOperation, calls: Sequence[Mapping[str, object]]
) -> tuple[Counter[str], str, int]:
    """How many calls at once are answered, how the neighbour's one behind them, and how many were done before it."""
    done: list[World] = []
    stormy = [asked(tenants.stormy, operation, each, done) for each in calls]
    *answers, calm = await asyncio.gather(*stormy, asked(tenants.calm, operation, calls[0], done))
    return Counter(answers), calm, done.index(tenants.calm)


async def test_b13_a_storm_of_searches_is_refused_and_is_not_in_the_neighbours_way(tenants: Tenants) -> None:
    answers, calm, before = await storm(tenants, SEARCH, [{"query": "words"}] * STORM)
    assert answers == {"done": CALLS_OF_ONE + WAITING, "rate_limited": STORM - CALLS_OF_ONE - WAITING}
    assert calm == "done" and before <= 2 * CALLS_OF_ONE


async def test_b13_a_storm_of_sends_meets_its_own_quota(tenants: Tenants) -> None:
    mails = [MAIL | {"subject": f"Offer {number}"} for number in range(PER_MONTH + 20)]
    answers, calm, before = await storm(tenants, SEND, mails)
    assert answers == {"done": PER_MONTH, "quota_exceeded": 20}
    assert CATALOGUE["quota_exceeded"].status == 429
    assert calm == "done" and before <= 2 * CALLS_OF_ONE


async def test_b13_waiting_takes_no_place(tenants: Tenants) -> None:
    stormy, calm, done = tenants.stormy, tenants.calm, list[World]()
    waiting = [
        asyncio.create_task(asked(world, WAIT_FOR_MESSAGE, {"timeout_seconds": 60}, done))
        for world in (*[stormy] * STORM, calm)
    ]
    assert await asked(stormy, SEARCH, {"query": "words"}, done) == "done"
    await receive(calm.system, Arrival("bea@example.org", (calm.mailbox.address,), letter(b"calm")))
    assert await waiting[-1] == "done" and done == [stormy, calm]
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def files_of(world: World, *files: bytes) -> list[dict[str, object]]:
    """Arguments of get_attachment for files that came with a mail."""
    await receive(world.system, Arrival("bea@example.org", (world.mailbox.address,), letter(*files)))
    [message] = await mail(world)
    return [{"attachment_id": reference(message.id, index)} for index in range(1, len(files) + 1)]


async def test_b13_a_storm_of_files_has_one_worker_and_the_neighbour_the_other(tenants: Tenants) -> None:
    stormy, calm, done = tenants.stormy, tenants.calm, list[World]()
    workers = stormy.context.workers
    assert isinstance(workers, HeldWorkers)
    asking = [
        asyncio.create_task(asked(stormy, GET_ATTACHMENT, each, done))
        for each in await files_of(stormy, *(b"storm %d" % number for number in range(10)))
    ]
    await eventually(lambda: workers.begun)
    [file] = await files_of(calm, b"calm")
    assert await asked(calm, GET_ATTACHMENT, file, done) == "done"
    assert sorted(workers.begun) == [b"calm", workers.begun[0]] and done == [calm]
    workers.may_read.set()
    assert await asyncio.gather(*asking) == ["done"] * 10


async def test_b13_large_mail_for_one_leaves_room_for_the_other(tenants: Tenants) -> None:
    shared = Shared(Peers(Bounds(), asyncio.get_running_loop().time), room=Room(400_000))
    terms = Terms(tenants.calm.system, "mx.agents.example", 200_000)

    async def begun(world: World) -> Pipe:
        pipe = Pipe(Inbound(terms, shared))
        pipe.feed([f"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<{world.mailbox.address}>\r\nDATA\r\n".encode()])
        assert (await pipe.replies(5))[-1].startswith(b"354 ")
        pipe.feed([b"Subject: Large\r\n\r\n", b"x" * 95_000])
        return pipe

    coming = [await begun(tenants.stormy) for _ in range(4)] + [await begun(tenants.calm)]
    said = []
    for pipe in coming:
        pipe.feed([b"\r\n.\r\n"])
        said.append((await pipe.replies(1))[0][:9])
    assert said == [b"250 2.0.0"] * 3 + [b"452 4.3.1"] + [b"250 2.0.0"]
