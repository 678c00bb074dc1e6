"""Our SMTP client beside aiosmtplib: the same server, the same outcome, the same bytes; on both event loops."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from server.delivery.connection import Connection, Letter
from server.delivery.outcome import Outcome
from server.delivery.routes import Host
from server.delivery.session import FAILURES
from tests.fakes.couriers import RAW, RECIPIENT, SENDER
from tests.fakes.oracle import Oracle
from tests.fakes.smtp_server import Act, Answer, FakeSMTPServer, Script

STEPS = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT")
REPLIES = (
    "250 2.1.0 ok",
    "250",
    "251 2.1.5 I will forward",
    "220 hi",
    "354 go on",
    "421 4.3.2 closing",
    "450 4.2.1 busy",
    "451-4.3.0 one\n451-\n451 4.3.0 two",
    "452 4.3.1 insufficient system storage",
    "500 what",
    "502 5.5.1 not here",
    "503 5.5.1 bad sequence",
    "535 5.7.8 no",
    "550 5.1.1 no such user",
    "550-yes\n450 4.2.0 or perhaps",
    "552 5.2.2 mailbox full",
    "554 5.7.1 blocked, listed at Spamhaus",
    "550 \x1b[31m gr\udcfc\udcdfe",
)
NO_REPLIES: tuple[Answer, ...] = (Act.DROP, "nonsense", "999 what", "000 no", "25 ok", "", "250-" + "x" * 40_000)
SECONDS = 30.0
SIZE = ("SIZE 10000000", "8BITMIME")
OFFERS = (SIZE, (*SIZE, "PIPELINING"), ("PIPELINING",), ())
LOOPS: tuple[Callable[[], asyncio.AbstractEventLoop], ...] = (asyncio.new_event_loop, uvloop.new_event_loop)


def comparable(outcome: Outcome) -> Outcome:
    """Where no remote spoke, each client has its own words."""
    return outcome if outcome.code else replace(outcome, text="")


async def attempt(port: int, letter: Letter) -> Outcome:
    """What becomes of a mail by our own client."""
    connection = Connection(Host("localhost", port), "127.0.0.1", "gatepost.test")
    try:
        async with asyncio.timeout(SECONDS):
            await connection.greet()
        return await connection.hand_over(letter, asyncio.get_running_loop().time() + SECONDS)
    except FAILURES as error:
        return connection.failure(error)
    finally:
        connection.abort()


async def compare(script: Script, offers: tuple[str, ...], raw: bytes = RAW) -> Outcome:
    """The outcome, which is the same by both."""
    letter = Letter(SENDER, RECIPIENT, raw)
    async with FakeSMTPServer(script, extensions=offers) as ours, FakeSMTPServer(script, extensions=offers) as theirs:
        own = await attempt(ours.port, letter)
        other = await Oracle(theirs.port).deliver(letter, SECONDS)
        assert comparable(own) == comparable(other)
        # a lone dot is how a pipelining client takes back what it had said too early (RFC 2920 section 3.1)
        assert [each for each in ours.sessions[0].contents if each] == theirs.sessions[0].contents
        if "PIPELINING" not in offers:
            assert ours.sessions[0].commands == theirs.sessions[0].commands
        return own


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("offers", OFFERS[:2])
@pytest.mark.parametrize("step", STEPS)
def test_every_answer_at_every_step_means_the_same(
    step: str, offers: tuple[str, ...], loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def all_of_them() -> set[str]:
        return {type(await compare({step: answer}, offers)).__name__ for answer in (*REPLIES, *NO_REPLIES)}

    with asyncio.Runner(loop_factory=loop) as runner:
        found = runner.run(all_of_them())
    assert {"Deferred", "Bounced"} <= found
    assert ("Uncertain" in found) == (step == "CONTENT")


DIALOGUES = st.fixed_dictionaries(
    {"EHLO": st.just("250-hi\n250 PIPELINING") | st.sampled_from(REPLIES)},
    optional={step: st.sampled_from(REPLIES) for step in (*STEPS[2:], "HELO", "GREETING")},
)


@settings(max_examples=150)
@given(DIALOGUES, st.sampled_from(OFFERS), st.sampled_from(LOOPS))
def test_dialogues_of_many_answers_end_the_same(
    script: dict[str, Answer | list[Answer]], offers: tuple[str, ...], loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    if script["EHLO"] == "250-hi\n250 PIPELINING":
        del script["EHLO"]
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(compare(script, offers))


LINES = st.lists(st.sampled_from([b"", b".", b"..", b".a", b"a.", b"\xff", b"From: x", b"x" * 70_000]), max_size=8)


@settings(max_examples=60)
@given(LINES.map(b"\r\n".join), st.sampled_from(OFFERS[:2]), st.sampled_from(LOOPS))
def test_the_same_bytes_are_on_the_wire(
    raw: bytes, offers: tuple[str, ...], loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(compare({}, offers, raw)).code == 250
