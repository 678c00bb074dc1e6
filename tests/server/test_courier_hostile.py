"""Remotes that mean harm: memory stays flat, the attempt ends, what they say is classified, others are untouched."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from server.delivery.courier import Courier, Timeouts
from server.delivery.outcome import Bounced, Deferred, Sent, Uncertain
from tests.conftest import eventually
from tests.fakes.certificates import issue, serving_context
from tests.fakes.couriers import HASTY, PATIENT, RAW, SENDER, Clock, courier, deliver
from tests.fakes.hostile import MEGABYTE, STEPS, drip, flood, measured, one_endless_line, standing
from tests.fakes.ladder import MX, Site, laid
from tests.fakes.policy_server import policy
from tests.fakes.smtp_server import Act, Answer, FakeSMTPServer, Script, named


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    return serving_context(issue(trustme.CA(), "localhost"))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("act", [flood, one_endless_line, drip])
@pytest.mark.parametrize("offers", [("8BITMIME",), ("8BITMIME", "PIPELINING")], ids=["one by one", "pipelined"])
async def test_memory_stays_flat(step: str, act: Answer, offers: tuple[str, ...]) -> None:
    async with FakeSMTPServer({step: act}, extensions=offers) as server:
        started = asyncio.get_running_loop().time()
        with measured() as memory:
            outcome = await deliver(server, timeouts=HASTY)
        assert asyncio.get_running_loop().time() - started < 3
    assert isinstance(outcome, Uncertain if step == "CONTENT" else Deferred)
    assert len(outcome.text) <= 500
    assert memory.peak < 2 * MEGABYTE


@pytest.mark.parametrize("step", ["STARTTLS", "TLS"])
@pytest.mark.parametrize("act", [flood, one_endless_line, drip, Act.STALL, Act.DROP], ids=named)
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


async def test_others_are_untouched() -> None:
    """Hosts stall, one at each step, with all the sessions they may have; mail to another passes them by."""
    scripts: dict[str, Script] = {f"{step.lower()}.test": {step: Act.STALL} for step in STEPS}
    async with standing({**scripts, "good.test": {}}, Timeouts(connect=30, total=30, idle=10)) as crowd:
        hand_over = crowd.courier.deliver
        stuck = [asyncio.create_task(hand_over(SENDER, f"bob@{domain}", RAW)) for domain in scripts for _ in range(10)]
        await eventually(lambda: all(len(crowd.servers[domain].sessions) == 5 for domain in scripts))
        async with asyncio.timeout(20):
            outcomes = await asyncio.gather(*(hand_over(SENDER, "bob@good.test", RAW) for _ in range(50)))
        assert {type(outcome) for outcome in outcomes} == {Sent}
        assert not any(task.done() for task in stuck)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


async def test_a_reply_of_many_lines_is_classified_by_its_words(tls: ssl.SSLContext) -> None:
    words = "\n".join(["550-5.7.1 please see our page"] * 200 + ["550 5.7.1 blocked, listed at Spamhaus"])
    async with FakeSMTPServer({"RCPT": "550-5.7.1 listed by Spamhaus\n" + words}, tls=tls) as server:
        deliverer = courier(server, timeouts=PATIENT)
        outcome = await deliverer.deliver(SENDER, "bob@example.org", RAW)
        await deliverer.close()
    assert isinstance(outcome, Bounced)
    assert (outcome.category, len(outcome.text)) == ("BlackListed", 500)
