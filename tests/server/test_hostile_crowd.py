"""Remotes that mean harm, many at once and where nothing was asked: bounds in time and memory, and who is beside them.

What a single one can do at each step is in test_courier_hostile.py.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import cast

import pytest
import trustme

from server.delivery.courier import Courier, Timeouts
from server.delivery.outcome import Deferred, Outcome, Sent, Uncertain
from server.delivery.routes import Host
from server.delivery.security import Security
from tests.fakes.certificates import issue, serving_context
from tests.fakes.couriers import HASTY, LARGE, RAW, RECIPIENT, SENDER, SOON, Clock, FixedRoute, courier, deliver
from tests.fakes.hostile import MEGABYTE, OFFERS, STEPS, drip, flood, measured, standing
from tests.fakes.smtp_server import Act, Answer, FakeSMTPServer, Script, Session, named


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    return serving_context(issue(trustme.CA(), "localhost"))


async def read_slowly(session: Session) -> None:
    """A piece of the content now and then, and half a reply."""
    transport = cast(asyncio.Transport, session.writer.transport)
    transport.write(b"250-so far")
    while not transport.is_closing():
        transport.pause_reading()
        await asyncio.sleep(0.05)
        transport.resume_reading()
        await asyncio.sleep(0)


async def silent(_session: Session) -> None:
    """No answer."""


async def garbage(session: Session) -> None:
    """Each kind of line that is no reply."""
    session.writer.write(b"\x00\xff\xfe250 ok\r\n99\r\n2500 ok\r\n-\r\n" * 100)
    await session.writer.drain()


CROWD: Mapping[str, Script] = {
    f"{step.lower()}.{act.__name__}.test": {step: act} for step in STEPS for act in (flood, drip, garbage)
}
"""A host for each step and each way to harm."""


async def set_upon(courier: Courier) -> list[Outcome]:
    """What becomes of mail to the whole crowd, over all the sessions that each may have."""
    outcomes = await asyncio.gather(*(courier.deliver(SENDER, f"bob@{host}", RAW) for host in CROWD for _ in "12345"))
    assert not any(isinstance(outcome, Sent) for outcome in outcomes)
    assert all(outcome.code == 0 and outcome.text.isprintable() for outcome in outcomes)
    return outcomes


async def test_a_crowd_of_hostile_hosts_holds_up_nobody_beside_it() -> None:
    async with standing({**CROWD, "good.test": {}}, Timeouts(connect=3, total=3, idle=10)) as crowd:
        loop = asyncio.get_running_loop()
        started = loop.time()
        hostile = asyncio.create_task(set_upon(crowd.courier))
        for _ in range(20):
            assert isinstance(await crowd.courier.deliver(SENDER, "bob@good.test", RAW), Sent)
        good = loop.time() - started
        assert not hostile.done()
        count = len(await hostile)
        took = loop.time() - started
    print(f"{count} hostile attempts: {took:.2f} s; 20 good ones beside them: {good:.2f} s")
    assert good < 3
    assert took < 5


async def test_a_crowd_of_hostile_hosts_takes_little_memory() -> None:
    async with standing(CROWD, Timeouts(connect=1, total=1, idle=10)) as crowd:
        with measured() as memory:
            count = len(await set_upon(crowd.courier))
    print(f"{count} hostile attempts: {memory.peak >> 10} KiB")
    assert memory.peak < 20 * MEGABYTE


@pytest.mark.parametrize("step", STEPS[1:])
@pytest.mark.parametrize("act", [flood, drip, garbage, Act.STALL, Act.DROP], ids=named)
async def test_under_tls_too_an_attempt_ends_within_its_bound(step: str, act: Answer, tls: ssl.SSLContext) -> None:
    script: Script = {"EHLO": ["250-mx.test\n250 STARTTLS", act]} if step == "EHLO" else {step: act}
    timeouts = SOON if step == "CONTENT" else HASTY
    async with FakeSMTPServer(script, tls=tls, extensions=OFFERS) as server:
        deliverer = Courier(
            FixedRoute((Host("localhost", server.port, ("127.0.0.1",), Security("encrypted")),)),
            "gatepost.test",
            timeouts=timeouts,
            tls="opportunistic",
            credentials=None,
            clock=Clock(),
        )
        started = asyncio.get_running_loop().time()
        with measured() as memory:
            outcome = await deliverer.deliver(SENDER, RECIPIENT, RAW)
        assert asyncio.get_running_loop().time() - started < timeouts.total + 0.7
        await deliverer.close()
    assert isinstance(outcome, Uncertain if step == "CONTENT" else Deferred)
    assert memory.peak < 2 * MEGABYTE


async def test_who_reads_slowly_gets_no_more_than_the_attempts_time() -> None:
    async with FakeSMTPServer({"BODY": read_slowly}, extensions=OFFERS) as server:
        started = asyncio.get_running_loop().time()
        with measured() as memory:
            outcome = await deliver(server, raw=LARGE, timeouts=HASTY)
        assert asyncio.get_running_loop().time() - started < HASTY.total + 0.7
    assert isinstance(outcome, Deferred)
    assert outcome.category == "Timeout"
    assert memory.peak < 4 * len(LARGE)


@pytest.mark.parametrize("offers", [OFFERS[:1], OFFERS], ids=["one by one", "pipelined"])
async def test_answers_that_come_before_the_questions_are_none(offers: tuple[str, ...]) -> None:
    """A whole conversation at once, up to the 250 for a mail that was not yet sent: it is not taken for a yes."""
    script = "\n".join(
        ["220 hi", *(f"250-{offer}" for offer in offers), "250 ok", "250 ok", "250 ok", "354 go", "250 taken"]
    )
    async with FakeSMTPServer({"GREETING": script, "EHLO": Act.STALL}) as server:
        outcome = await deliver(server, timeouts=HASTY)
    assert isinstance(outcome, Deferred)
    assert server.messages == []


async def test_more_answers_than_questions_are_no_yes_to_a_mail() -> None:
    surplus = "\n".join(["250 ok", "250 ok", "354 go", *["250 taken"] * 1000])
    async with FakeSMTPServer({"MAIL": surplus, "RCPT": silent, "DATA": silent}, extensions=OFFERS) as server:
        outcome = await deliver(server, timeouts=HASTY)
    assert not isinstance(outcome, Sent)
    assert server.messages == []


async def test_a_host_that_floods_a_session_at_rest_loses_it() -> None:
    """Nothing was asked: what comes is dropped, and a remote that goes on and on is not read for ever."""

    async def then_flood(session: Session) -> None:
        await session.say("250 2.0.0 taken")
        await flood(session)

    async with FakeSMTPServer({"CONTENT": [then_flood, "250 2.0.0 taken"]}) as server:
        deliverer = courier(server)
        with measured() as memory:
            assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
            await server.until(lambda: server.sessions[0].over)
        assert memory.peak < 2 * MEGABYTE
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        assert len(server.sessions) == 2
        await deliverer.close()
