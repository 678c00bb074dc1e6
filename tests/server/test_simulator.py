"""The sandbox's recipients, each by its name, and that what comes back is read as real mail is."""

import pytest

from server.delivery.outcome import Bounced, Deferred, Outcome, Sent
from server.delivery.simulator import Simulator
from tests.conftest import World
from tools.mail.reports import read_report
from tools.mail.simulated import Carried, bounce, complaint

MAIL = Carried("b+dlv_1+tag@agents.example", "bounce@simulator.test", b"Subject: Hi\r\n\r\nHello\r\n", "sim_1")


on_sqlite = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


async def outcome(world: World, recipient: str) -> Outcome:
    simulator = Simulator(world.system)
    try:
        return await simulator.deliver("ada@agents.example", recipient, MAIL.raw)
    finally:
        await simulator.close()


@on_sqlite
@pytest.mark.parametrize("code", [500, 550, 552, 554, 559])
async def test_a_5xx_is_refused_for_good(world: World, code: int) -> None:
    found = await outcome(world, f"{code}@simulator.test")
    assert isinstance(found, Bounced) and found.code == code


@on_sqlite
@pytest.mark.parametrize("code", [421, 450, 451, 452])
async def test_a_4xx_is_for_later(world: World, code: int) -> None:
    found = await outcome(world, f"{code}+second@Simulator.Test")
    assert isinstance(found, Deferred) and found.code == code


@on_sqlite
async def test_a_timeout_is_for_later_and_nobody_spoke(world: World) -> None:
    found = await outcome(world, "timeout@simulator.test")
    assert isinstance(found, Deferred) and (found.code, found.category) == (0, "Timeout")


@on_sqlite
@pytest.mark.parametrize("local", ["bounce", "complaint", "reply", "anna", "250", "999", "5xx", "0550", "460"])
async def test_everybody_else_accepts(world: World, local: str) -> None:
    assert isinstance(await outcome(world, f"{local}@simulator.test"), Sent)


@on_sqlite
@pytest.mark.parametrize("recipient", ["550@example.com", "bounce@simulator.test.example.com"])
async def test_the_names_mean_nothing_elsewhere(world: World, recipient: str) -> None:
    found = await outcome(world, recipient)
    assert isinstance(found, Sent) and found.host == "capture"


def test_what_comes_back_reads_as_what_it_is() -> None:
    report = read_report(bounce(MAIL))
    (failure,) = report.recipients
    assert (report.kind, failure.action) == ("bounce", "failed")
    assert (failure.address, failure.status, failure.hard) == (MAIL.recipient, "5.1.1", True)
    feedback = read_report(complaint(MAIL))
    assert (feedback.kind, feedback.feedback_type) == ("complaint", "abuse") and MAIL.sender in feedback.senders
