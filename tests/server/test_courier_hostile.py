"""Remotes that mean harm: memory stays flat, the attempt ends, what they say is classified, others are untouched."""

import asyncio
import ssl
import tracemalloc
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trustme

from server.delivery.courier import Courier, Timeouts
from server.delivery.outcome import Bounced, Deferred, Sent, Uncertain
from server.delivery.routes import Host
from tests.conftest import eventually
from tests.fakes.certificates import issue, serving_context
from tests.fakes.couriers import HASTY, PATIENT, RAW, SENDER, Clock, courier, deliver
from tests.fakes.ladder import MX, Site, laid
from tests.fakes.policy_server import policy
from tests.fakes.smtp_server import Act, Answer, FakeSMTPServer, Script, Session

STEPS = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT")
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    return serving_context(issue(trustme.CA(), "localhost"))


async def flood(session: Session) -> None:
    while True:
        session.writer.write(b"250-and more\r\n" * 1000)
        await session.writer.drain()


async def one_endless_line(session: Session) -> None:
    while True:
        session.writer.write(b"2" * 10_000)
        await session.writer.drain()


async def drip(session: Session) -> None:
    while True:
        for byte in b"250-and more\r\n":
            session.writer.write(bytes([byte]))
            await session.writer.drain()
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("act", [flood, one_endless_line, drip])
@pytest.mark.parametrize("offers", [("8BITMIME",), ("8BITMIME", "PIPELINING")], ids=["one by one", "pipelined"])
async def test_memory_stays_flat(step: str, act: Answer, offers: tuple[str, ...]) -> None:
    async with FakeSMTPServer({step: act}, extensions=offers) as server:
        tracemalloc.start()
        try:
            outcome = await deliver(server, timeouts=HASTY)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert isinstance(outcome, Uncertain if step == "CONTENT" else Deferred)
    assert peak < 2 * MEGABYTE


@pytest.mark.parametrize("step", ["STARTTLS", "TLS"])
@pytest.mark.parametrize("act", [flood, one_endless_line, drip, Act.STALL, Act.DROP], ids=str)
async def test_a_hostile_handshake_under_an_enforced_policy_defers(step: str, act: Answer, tmp_path: Path) -> None:
    authority = trustme.CA()
    published = Site(serving_context(issue(authority, MX)), {step: act}, policy=policy("enforce", MX))
    async with laid(published, authority, tmp_path) as site:
        hasty = Courier(
            site.route, "gatepost.test", timeouts=HASTY, tls="opportunistic", credentials=None, clock=Clock()
        )
        started = asyncio.get_running_loop().time()
        outcome = await hasty.deliver(SENDER, "bob@example.org", RAW)
        assert asyncio.get_running_loop().time() - started < 3
        assert isinstance(outcome, Deferred)
        assert site.smtp.messages == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "garbage", ["999 what", "000 what", "25 ok", "abc", "", "-", "\udcff\udcfe", "1e3 ok", "600 no"]
)
async def test_a_garbage_code_is_neither_yes_nor_no(step: str, garbage: str) -> None:
    async with FakeSMTPServer({step: garbage}) as server:
        outcome = await deliver(server, timeouts=HASTY)
    assert isinstance(outcome, Uncertain if step == "CONTENT" else Deferred)
    assert outcome.code == 0
    assert outcome.text.isprintable()
    if isinstance(outcome, Deferred):
        assert outcome.category in ("ConnectionProblem", "ConnectionTerminated", "Timeout")


class ByDomain:
    """A route to a server for each domain."""

    def __init__(self, servers: dict[str, FakeSMTPServer]) -> None:
        self._servers = servers

    async def hosts(self, domain: str) -> tuple[Host, ...]:
        return (Host(domain, self._servers[domain].port, ("127.0.0.1",)),)


async def test_others_are_untouched() -> None:
    """Hosts stall, one at each step, with all the sessions they may have; mail to another passes them by."""
    scripts: dict[str, Script] = {f"{step.lower()}.test": {step: Act.STALL} for step in STEPS}
    async with AsyncExitStack() as stack:
        servers = {
            domain: await stack.enter_async_context(FakeSMTPServer(script))
            for domain, script in (*scripts.items(), ("good.test", {}))
        }
        slow = Timeouts(connect=30, total=30, idle=10)
        deliverer = Courier(
            ByDomain(servers), "gatepost.test", timeouts=slow, tls="never", credentials=None, clock=Clock()
        )
        stuck = [asyncio.create_task(deliverer.deliver(SENDER, f"bob@{d}", RAW)) for d in scripts for _ in range(10)]
        await eventually(lambda: all(len(servers[domain].sessions) == 5 for domain in scripts))
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*(deliverer.deliver(SENDER, "bob@good.test", RAW) for _ in range(50)))
        assert {type(outcome) for outcome in outcomes} == {Sent}
        assert not any(task.done() for task in stuck)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        await deliverer.close()


async def test_a_reply_of_many_lines_is_classified_by_its_words(tls: ssl.SSLContext) -> None:
    words = "\n".join(["550-5.7.1 please see our page"] * 200 + ["550 5.7.1 blocked, listed at Spamhaus"])
    async with FakeSMTPServer({"RCPT": "550-5.7.1 listed by Spamhaus\n" + words}, tls=tls) as server:
        deliverer = courier(server, timeouts=PATIENT)
        outcome = await deliverer.deliver(SENDER, "bob@example.org", RAW)
        await deliverer.close()
    assert isinstance(outcome, Bounced)
    assert (outcome.category, len(outcome.text)) == ("BlackListed", 500)
