"""A destination that is dead, or asks for less, holds up nobody else (004-7, A8)."""

from dataclasses import replace

import pytest

from server.delivery import destinations, flight, worker
from server.delivery.courier import Courier, Timeouts
from server.delivery.destinations import LONGEST_REST, MINUTE, PER_DOMAIN, Destinations
from server.delivery.outcome import Bounced, Deferred, Outcome, Sent
from server.delivery.routes import Host
from server.delivery.worker import Capture, Worker
from tests.conftest import Clock, World, eventually
from tests.fakes.signing import at_work, signers_of, signing_world
from tests.fakes.smtp_server import Act, FakeSMTPServer
from tools import deliver
from tools.context import Context
from tools.send import SendRequest, send

THROTTLED = Deferred(421, "4.7.0", "too much", "mx.slow.example", "Throttled")
REFUSED = Deferred(0, "4.4.1", "connection refused", "mx.dead.example", "ConnectionProblem")
SENT = Sent(250, "2.0.0", "taken", "mx.slow.example")


@pytest.fixture
async def world(context: Context, clock: Clock) -> World:
    """A world whose domain can sign."""
    return await signing_world(context, clock)


class TwoPlaces:
    """A route to one host for dead.example and another for the rest."""

    def __init__(self, dead: FakeSMTPServer, living: FakeSMTPServer) -> None:
        self._dead = Host("dead.test", dead.port, ("127.0.0.1",))
        self._living = Host("living.test", living.port, ("127.0.0.1",))

    async def hosts(self, domain: str) -> tuple[Host, ...]:
        return (self._dead,) if domain == "dead.example" else (self._living,)


async def queue(world: World, domain: str, count: int) -> None:
    """So many deliveries to a domain, in mails with up to 50 recipients."""
    people = [f"bob{number}@{domain}" for number in range(count)]
    for start in range(0, count, 50):
        request = SendRequest(to=people[start : start + 50], subject=f"Report {start}", markdown=f"Part {start}.")
        assert (await send(world.context, request)).status == "queued"


async def test_004_7_five_hundred_for_a_dead_destination_hold_up_none_for_a_living_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flight, "STOP_SECONDS", 0.1)
    await queue(world, "dead.example", 500)
    await queue(world, "living.example", 20)
    async with FakeSMTPServer({"GREETING": Act.STALL}) as dead, FakeSMTPServer() as living:
        # the test ends long before the first of these time-outs
        courier = Courier(
            TwoPlaces(dead, living),
            "gatepost.test",
            timeouts=Timeouts(connect=60, total=120),
            tls="never",
            credentials=None,
            clock=world.clock,
        )
        try:
            async with at_work(Worker(world.system, courier, signers_of(world.system)).run()):
                await eventually(lambda: len(living.messages) == 20)
        finally:
            await courier.close()


class Refusing(Capture):
    """Everything for dead.example is put off at once; `carried` has the domains in turn."""

    def __init__(self) -> None:
        self.carried: list[str] = []

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        self.carried.append(recipient.rpartition("@")[2])
        return SENT if self.carried[-1] == "living.example" else REFUSED


async def test_004_7_a_long_queue_that_is_put_off_in_no_time_has_its_turns_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TURN_SECONDS", 0.0)
    # as on a machine so fast that what was claimed is over before the worker looks again by itself
    monkeypatch.setattr(worker, "SOON_SECONDS", 60.0)
    await queue(world, "dead.example", 1_500)
    await queue(world, "living.example", 5)
    carrier = Refusing()
    async with at_work(Worker(world.system, carrier, signers_of(world.system)).run()):
        await eventually(lambda: carrier.carried.count("living.example") == 5)
    assert carrier.carried.index("living.example") <= 2 * PER_DOMAIN


async def test_a_claim_gives_no_domain_more_than_its_places(world: World) -> None:
    await queue(world, "dead.example", 100)
    await queue(world, "living.example", 5)
    claimed = list(await deliver.claim(world.system, "worker", 50, per_domain=10))
    assert [each.domain for each in claimed].count("dead.example") == 10
    assert [each.domain for each in claimed].count("living.example") == 5
    closed = frozenset({"dead.example", "other.example"})
    assert await deliver.claim(world.system, "worker", 50, per_domain=10, closed=closed) == {}
    # what the first claim leased is due again when the lease ends
    assert await deliver.next_due(world.system, closed) == claimed[0].lease_until
    assert len(await deliver.claim(world.system, "worker", 50, per_domain=10)) == 10


def test_004_7_a_domain_that_throttles_rests_longer_each_time_and_others_do_not() -> None:
    clock = Clock()
    domains = Destinations(clock)
    for wait in (MINUTE, 2 * MINUTE, 4 * MINUTE):
        for outcome in (THROTTLED, replace(THROTTLED, category="BlackListed")):
            domains.begin("slow.example")
            domains.end("slow.example", outcome)
        domains.begin("quick.example")
        domains.end("quick.example", SENT)
        assert domains.closed() == {"slow.example"}
        clock.at += wait
        assert domains.closed() == frozenset()
    for _ in range(10):
        domains.begin("slow.example")
        domains.end("slow.example", THROTTLED)
        clock.at += LONGEST_REST
        assert domains.closed() == frozenset()


@pytest.mark.parametrize("outcome", [SENT, None, Bounced(550, "5.1.1", "no", "mx", "NoMailbox")])
def test_a_domain_is_closed_while_it_has_all_its_places(outcome: Outcome | None) -> None:
    domains = Destinations(Clock())
    for _ in range(PER_DOMAIN):
        assert domains.closed() == frozenset()
        domains.begin("busy.example")
    assert domains.closed() == {"busy.example"}
    domains.end("busy.example", outcome)
    assert domains.closed() == frozenset()


def test_a_mail_taken_ends_the_rest() -> None:
    clock = Clock()
    domains = Destinations(clock)
    for length in (destinations.MINUTE, destinations.MINUTE):
        domains.begin("slow.example")
        domains.end("slow.example", THROTTLED)
        clock.at += length
        assert domains.closed() == frozenset()
        domains.begin("slow.example")
        domains.end("slow.example", SENT)
