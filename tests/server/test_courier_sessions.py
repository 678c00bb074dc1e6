"""The sessions of a courier: kept, replaced, bounded, and every wait with its end."""

import asyncio
from dataclasses import dataclass

import pytest

from server.delivery.courier import Courier, Timeouts
from server.delivery.outcome import Bounced, Deferred, Sent, Uncertain
from server.delivery.routes import Host
from tests.fakes.couriers import HASTY, RAW, RECIPIENT, SENDER, Clock, FixedRoute, courier
from tests.fakes.smtp_server import Act, Answer, FakeSMTPServer, Session


async def test_a_session_is_used_again() -> None:
    async with FakeSMTPServer() as server:
        deliverer = courier(server)
        for _ in range(3):
            assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await deliverer.close()
        await server.until(lambda: server.sessions[0].verbs[-1] == "QUIT")
    assert len(server.sessions) == 1
    assert server.messages == [RAW] * 3


async def test_a_session_ends_after_a_hundred_mails() -> None:
    async with FakeSMTPServer() as server:
        deliverer = courier(server)
        for _ in range(101):
            assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await deliverer.close()
    assert [len(session.contents) for session in server.sessions] == [100, 1]


async def test_a_session_ends_after_five_refusals() -> None:
    async with FakeSMTPServer({"RCPT": ["250 ok", *["550 5.1.1 no such user"] * 5, "250 ok"]}) as server:
        deliverer = courier(server)
        outcomes = [await deliverer.deliver(SENDER, RECIPIENT, RAW) for _ in range(7)]
        await deliverer.close()
    assert [type(outcome) for outcome in outcomes] == [Sent, *[Bounced] * 5, Sent]
    assert [session.verbs.count("MAIL") for session in server.sessions] == [6, 1]


async def test_a_session_idles_for_a_while_only() -> None:
    clock = Clock()
    async with FakeSMTPServer() as server:
        deliverer = courier(server, clock=clock)
        for seconds in (9, 9, 10):
            await deliverer.deliver(SENDER, RECIPIENT, RAW)
            clock.now += seconds * 1_000_000
        await deliverer.deliver(SENDER, RECIPIENT, RAW)
        await deliverer.close()
    assert [len(session.contents) for session in server.sessions] == [3, 1]


async def test_an_idle_session_ends_by_itself() -> None:
    clock = Clock()
    async with FakeSMTPServer() as server:
        deliverer = courier(server, clock=clock, timeouts=Timeouts(connect=5, total=5, idle=0.05))
        await deliverer.deliver(SENDER, RECIPIENT, RAW)
        clock.now += 50_000
        await server.until(lambda: server.sessions[0].verbs[-1] == "QUIT")
        await deliverer.close()


async def test_a_refused_recipient_is_forgotten_before_the_next() -> None:
    async with FakeSMTPServer({"RCPT": ["550 5.1.1 no such user", "250 ok"]}) as server:
        deliverer = courier(server)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Bounced)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await deliverer.close()
    assert server.sessions[0].verbs[:7] == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]


async def test_a_mail_refused_at_the_final_dot_is_forgotten_before_the_next() -> None:
    """Postfix keeps the transaction open where smtpd_end_of_data_restrictions refuse it, and the next MAIL is 503."""
    async with FakeSMTPServer({"CONTENT": ["452 4.2.2 mailbox full", "250 ok"]}) as server:
        deliverer = courier(server)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Deferred)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await deliverer.close()
    assert server.sessions[0].verbs[:8] == ["EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"]


async def test_a_session_that_cannot_forget_is_replaced() -> None:
    async with FakeSMTPServer({"RCPT": ["550 5.1.1 no such user", "250 ok"], "RSET": "502 what"}) as server:
        deliverer = courier(server)
        await deliverer.deliver(SENDER, RECIPIENT, RAW)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await deliverer.close()
    assert len(server.sessions) == 2


@pytest.mark.parametrize("answer", [Act.DROP, "421 4.4.2 idle too long"])
async def test_a_kept_session_that_died_is_replaced_once(answer: Answer) -> None:
    async with FakeSMTPServer({"MAIL": ["250 ok", answer, "250 ok", answer, answer]}) as server:
        deliverer = courier(server)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        assert len(server.sessions) == 2
        outcome = await deliverer.deliver(SENDER, RECIPIENT, RAW)
        await deliverer.close()
    assert isinstance(outcome, Deferred)
    assert len(server.sessions) == 3


async def test_a_session_closed_while_idle_is_replaced() -> None:
    async def last(session: Session) -> None:
        await session.say("250 2.0.0 taken")
        session.writer.close()

    async with FakeSMTPServer({"CONTENT": [last, "250 ok"]}) as server:
        deliverer = courier(server)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await server.until(lambda: server.sessions[0].over)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await deliverer.close()


async def test_what_comes_behind_a_reply_answers_nothing() -> None:
    async with FakeSMTPServer({"CONTENT": "250 2.0.0 taken\n550 unasked\n250-unasked"}) as server:
        deliverer = courier(server)
        for _ in range(3):
            outcome = await deliverer.deliver(SENDER, RECIPIENT, RAW)
            assert outcome == Sent(250, "2.0.0", "taken", "localhost", tls="none")
        await deliverer.close()
    assert [len(session.contents) for session in server.sessions] == [3]


async def test_what_comes_between_two_mails_answers_nothing() -> None:
    async with FakeSMTPServer() as server:
        deliverer = courier(server)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        server.sessions[0].writer.write(b"55")
        for _ in range(3):
            await asyncio.sleep(0)  # the loop reads what lies in the sockets
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await deliverer.close()
    assert len(server.sessions) == 1


async def test_a_broken_off_attempt_leaves_no_session_behind() -> None:
    async with FakeSMTPServer({"DATA": [Act.STALL, "354 go on"]}) as server:
        deliverer = courier(server)
        attempt = asyncio.create_task(deliverer.deliver(SENDER, RECIPIENT, RAW))
        await server.until(lambda: bool(server.sessions) and server.sessions[0].verbs[-1] == "DATA")
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await deliverer.close()
    assert len(server.sessions) == 2


async def test_an_attempt_broken_off_after_the_dot_is_uncertain() -> None:
    async with FakeSMTPServer({"CONTENT": [Act.STALL, "250 ok"]}) as server:
        deliverer = courier(server)
        attempt = asyncio.create_task(deliverer.deliver(SENDER, RECIPIENT, RAW))
        await server.until(lambda: len(server.messages) == 1)
        attempt.cancel()
        assert isinstance(await attempt, Uncertain)
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await deliverer.close()
    assert len(server.sessions) == 2


@dataclass
class Crowd:
    """Counts who is in the middle of a mail."""

    now: int = 0
    most: int = 0

    async def __call__(self, session: Session) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(20):
            await asyncio.sleep(0)
        self.now -= 1
        await session.say("250 ok")


async def test_sessions_at_once_are_bounded_for_a_host_and_in_all() -> None:
    crowd, other = Crowd(), Crowd()
    async with FakeSMTPServer({"CONTENT": crowd}) as server, FakeSMTPServer({"CONTENT": other}) as second:
        deliverer = courier(server)
        outcomes = await asyncio.gather(*(deliverer.deliver(SENDER, RECIPIENT, RAW) for _ in range(30)))
        assert all(isinstance(outcome, Sent) for outcome in outcomes)
        assert (crowd.most, len(server.sessions)) == (5, 5)
        await deliverer.close()

        deliverer = courier(second, per_host=10, total=3)
        await asyncio.gather(*(deliverer.deliver(SENDER, RECIPIENT, RAW) for _ in range(20)))
        assert (other.most, len(second.sessions)) == (3, 3)
        await deliverer.close()


async def test_a_wait_for_a_free_session_has_an_end() -> None:
    async with FakeSMTPServer({"MAIL": Act.STALL}) as server:
        deliverer = courier(server, per_host=1, timeouts=HASTY)
        outcomes = await asyncio.gather(*(deliverer.deliver(SENDER, RECIPIENT, RAW) for _ in range(3)))
        await deliverer.close()
    assert {type(outcome) for outcome in outcomes} == {Deferred}
    assert {outcome.enhanced for outcome in outcomes} == {"4.4.2", "4.4.5"}
    # the first one's place may become free in the very moment that ends the second one's wait
    assert len(server.sessions) <= 2


async def test_a_route_without_end_has_one() -> None:
    class NoRoute:
        async def hosts(self, domain: str) -> tuple[Host, ...]:
            await asyncio.Event().wait()
            return ()

    deliverer = Courier(NoRoute(), "gatepost.test", timeouts=HASTY, tls="never", credentials=None, clock=Clock())
    outcome = await deliverer.deliver(SENDER, RECIPIENT, RAW)
    assert isinstance(outcome, Deferred)
    assert outcome.category == "DNSProblem"


async def test_a_route_that_fails_is_the_outcome() -> None:
    for failure in (Deferred(0, "4.4.3", "x", "y", "DNSProblem"), Bounced(0, "5.1.2", "x", "y", "DNSProblem")):
        deliverer = Courier(
            FixedRoute(failure), "gatepost.test", timeouts=HASTY, tls="never", credentials=None, clock=Clock()
        )
        assert await deliverer.deliver(SENDER, RECIPIENT, RAW) == failure


async def test_a_fault_of_ours_defers(capsys: pytest.CaptureFixture[str]) -> None:
    deliverer = Courier(FixedRoute(()), "gatepost.test", timeouts=HASTY, tls="never", credentials=None, clock=Clock())
    outcome = await deliverer.deliver(SENDER, RECIPIENT, RAW)
    assert outcome == Deferred(0, "4.3.0", "internal error", "", "CodeError")
    assert "delivery attempt failed" in capsys.readouterr().out
