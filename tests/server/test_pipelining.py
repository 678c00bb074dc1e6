"""A server that offers PIPELINING (RFC 2920): what is on the wire, whose each reply is, and what a refusal leaves."""

import asyncio
import ssl
from collections.abc import Callable

import pytest
import trustme
import uvloop

from server.delivery import connection as connection_module
from server.delivery import session
from server.delivery.courier import Timeouts
from server.delivery.outcome import Bounced, Deferred, Sent, Uncertain
from tests.fakes.certificates import issue, serving_context
from tests.fakes.couriers import HASTY, LARGE, PATIENT, RAW, RECIPIENT, SENDER, courier, deliver
from tests.fakes.smtp_server import Act, Answer, FakeSMTPServer, Script, Session, named

OFFERS = ("PIPELINING", "8BITMIME")
MAIL, RCPT = f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>"


def serving(script: Script | None = None, **options: ssl.SSLContext) -> FakeSMTPServer:
    return FakeSMTPServer(script, extensions=OFFERS, **options)


async def twice(server: FakeSMTPServer) -> tuple[object, object]:
    """Two mails, one after the other."""
    deliverer = courier(server)
    outcomes = [await deliverer.deliver(SENDER, RECIPIENT, RAW) for _ in range(2)]
    await deliverer.close()
    return outcomes[0], outcomes[1]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_mail_is_two_writes(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    heard: list[bytes] = []
    over = asyncio.Event()
    answers = [b"250-hi\r\n250 PIPELINING\r\n", *[b"250 ok\r\n250 ok\r\n354 go on\r\n", b"250 taken\r\n"] * 2]

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        for answer in answers:
            heard.append(await reader.read(1 << 20))
            writer.write(answer)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        over.set()

    async def two_mails() -> None:
        listening = FakeSMTPServer()
        server = await asyncio.start_server(converse, "127.0.0.1", 0)
        listening.port = server.sockets[0].getsockname()[1]
        assert [type(outcome) for outcome in await twice(listening)] == [Sent, Sent]
        server.close()
        async with asyncio.timeout(PATIENT.total):
            await over.wait()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(two_mails())
    envelope = f"{MAIL}\r\n{RCPT}\r\nDATA\r\n".encode()
    content = b"From: ada@example.com\r\nTo: bob@example.org\r\n\r\nHello\r\n..\r\n...dots\r\n.\r\n"
    assert heard == [b"EHLO gatepost.test\r\n", envelope, content, envelope, content]


@pytest.mark.parametrize("size", [0, 1, 65_530, 65_533, 65_534, 65_535, 65_536, 65_537, 131_072, 300_000])
async def test_content_of_any_size_is_whole(size: int) -> None:
    raw = (b".\r\n" * size)[:size].removesuffix(b"\r") + b"\r\n"
    async with serving() as server:
        assert isinstance(await deliver(server, raw=raw), Sent)
    assert server.messages == [raw]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ({"MAIL": "550 5.7.1 no", "RCPT": "503 5.5.1 MAIL first", "DATA": "503 5.5.1 RCPT first"}, 550),
        ({"MAIL": "451 4.3.0 later", "RCPT": "503 5.5.1 MAIL first", "DATA": "554 5.5.1 no recipients"}, 451),
        ({"RCPT": "550 5.7.1 no", "DATA": "554 5.5.1 no valid recipients"}, 550),
        ({"RCPT": "450 4.2.0 later", "DATA": "503 5.5.1 RCPT first"}, 450),
        ({"DATA": "452 4.3.1 full"}, 452),
    ],
)
async def test_the_first_refusal_is_the_answer(script: dict[str, str], code: int) -> None:
    first_time_only: Script = {
        step: [answer, "354 go on" if step == "DATA" else "250 ok"] for step, answer in script.items()
    }
    async with serving(first_time_only) as server:
        first, second = await twice(server)
    assert isinstance(first, Deferred | Bounced)
    assert first.code == code
    assert isinstance(second, Sent)
    assert len(server.sessions) == 1
    assert server.messages == [RAW]


async def test_a_transaction_that_a_refusal_left_open_ends_along_with_the_next() -> None:
    async with serving({"RCPT": ["550 5.1.1 no", "250 ok"], "DATA": ["503 5.5.1 no", "354 go on"]}) as server:
        await twice(server)
        await server.until(lambda: server.sessions[0].over)
    assert server.sessions[0].verbs[1:] == ["MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


async def test_content_that_is_asked_for_with_no_recipient_is_a_lone_dot() -> None:
    none: list[Answer] = ["554 5.5.1 no valid recipients", "250 2.0.0 taken"]
    async with serving({"RCPT": ["550 5.1.1 no such user", "250 ok"], "CONTENT": none}) as server:
        first, second = await twice(server)
        await server.until(lambda: server.sessions[0].over)
    assert first == Bounced(550, "5.1.1", "no such user", "localhost", "NoMailbox", tls="none")
    assert isinstance(second, Sent)
    assert server.messages == [b"", RAW]
    assert server.sessions[0].verbs[1:] == ["MAIL", "RCPT", "DATA", "MAIL", "RCPT", "DATA", "QUIT"]


async def test_no_empty_mail_goes_to_a_recipient_that_was_taken_after_all() -> None:
    async with serving({"MAIL": ["451 4.3.0 later", "250 ok"]}) as server:
        first, second = await twice(server)
    assert isinstance(first, Deferred)
    assert isinstance(second, Sent)
    assert len(server.sessions) == 2
    assert server.messages == [RAW]


async def test_a_yes_to_no_recipient_is_none() -> None:
    async with serving({"RCPT": "550 5.1.1 no such user", "CONTENT": "250 2.0.0 taken"}) as server:
        assert isinstance(await deliver(server), Bounced)


@pytest.mark.parametrize("step", ["DATA", "CONTENT"])
@pytest.mark.parametrize("rest", [Act.DROP, Act.STALL, "nonsense", "250-" + "x" * 40_000], ids=named)
async def test_a_refusal_stands_whatever_becomes_of_the_rest(
    step: str, rest: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "REST_SECONDS", 0.1)
    async with serving({"RCPT": ["550 5.1.1 no such user", "250 ok"], step: [rest, "354 go on"]}) as server:
        first, _ = await twice(server)
    assert first == Bounced(550, "5.1.1", "no such user", "localhost", "NoMailbox", tls="none")
    assert len(server.sessions) == 2


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "CONTENT"])
async def test_421_ends_a_session_at_any_step(step: str) -> None:
    async def closing(session: Session) -> None:
        await session.say("421 4.3.2 closing")
        await session.reader.read()

    async with serving({step: [closing, "354 go on" if step == "DATA" else "250 ok"]}) as server:
        first, second = await twice(server)
    assert first == Deferred(421, "4.3.2", "closing", "localhost", "ConnectionProblem", tls="none")
    assert isinstance(second, Sent)
    assert len(server.sessions) == 2


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", [Act.DROP, "421 4.4.2 idle too long"])
async def test_a_kept_session_that_died_is_replaced_if_nothing_was_tried(step: str, answer: Answer) -> None:
    good = "354 go on" if step == "DATA" else "250 ok"
    async with serving({step: [good, answer, good]}) as server:
        first, second = await twice(server)
    assert isinstance(first, Sent)
    assert isinstance(second, Sent if step == "MAIL" else Deferred)
    assert len(server.sessions) == (2 if step == "MAIL" else 1)


async def test_a_session_that_cannot_forget_is_replaced() -> None:
    refusals: Script = {"RCPT": ["550 5.1.1 no", "250 ok"], "DATA": ["503 5.5.1 no", "354 go on"], "RSET": "502 what"}
    async with serving(refusals) as server:
        _, second = await twice(server)
    assert isinstance(second, Sent)
    assert len(server.sessions) == 2


async def test_replies_may_come_one_by_one_or_all_at_once() -> None:
    async def all_at_once(session: Session) -> None:
        for _ in ("RCPT", "DATA"):
            await session.reader.readuntil(b"\r\n")
        await session.say("250 ok\n250 ok\n354 go on")
        session.contents.append((await session.reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n"))
        await session.say("250 2.0.0 taken")

    async def drop_by_drop(session: Session) -> None:
        for byte in b"250-2.1.5 o\r\n250 k\r\n":
            session.writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with serving({"MAIL": [all_at_once, "250 ok"], "RCPT": drop_by_drop}) as server:
        assert [type(outcome) for outcome in await twice(server)] == [Sent, Sent]
    assert server.messages == [RAW, RAW]


async def test_a_reply_to_the_content_before_there_was_any_is_none() -> None:
    async with serving({"DATA": "354 go on\n250 2.0.0 taken already", "CONTENT": Act.DROP}) as server:
        assert isinstance(await deliver(server), Uncertain)


# ---- the end of the content: with it in our hands the mail was not handed over


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("act", [Act.DROP, Act.STALL, "250 taken", "554 5.7.1 no"])
def test_a_dot_that_waits_in_this_process_was_not_sent(
    act: Answer, loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "_PIECE", 1 << 30)

    async def attempt() -> object:
        async with serving({"BODY": act}) as server:
            return await deliver(server, raw=LARGE, timeouts=Timeouts(connect=5, total=1))

    with asyncio.Runner(loop_factory=loop) as runner:
        assert isinstance(runner.run(attempt()), Bounced if act == "554 5.7.1 no" else Deferred)


async def test_nothing_follows_half_a_content() -> None:
    async def refuse_midway(session: Session) -> None:
        await session.say("354 go on")
        await session.reader.read(1)
        await session.say("552 5.3.4 too large")
        await session.reader.readuntil(b"\r\n.\r\n")

    async with serving({"DATA": [refuse_midway, "354 go on"]}) as server:
        deliverer = courier(server)
        outcomes = [await deliverer.deliver(SENDER, RECIPIENT, raw) for raw in (LARGE, RAW)]
        await deliverer.close()
    assert [type(outcome) for outcome in outcomes] == [Bounced, Sent]
    assert (len(server.sessions), server.messages) == (2, [RAW])


async def test_a_piece_that_does_not_leave_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "BLOCK_SECONDS", 0.1)
    async with serving({"BODY": Act.STALL}) as server:
        outcome = await deliver(server, raw=LARGE, timeouts=PATIENT)
    assert isinstance(outcome, Deferred)
    assert (outcome.category, outcome.text) == ("Timeout", "timed out")


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "CONTENT"])
async def test_each_reply_has_its_own_patience(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = {each: 0.1 if each == step.lower() else seconds for each, seconds in session.PATIENCE.items()}
    monkeypatch.setattr(connection_module, "PATIENCE", hasty)
    async with serving({step: Act.STALL}) as server:
        started = asyncio.get_running_loop().time()
        outcome = await deliver(server, timeouts=PATIENT)
        assert asyncio.get_running_loop().time() - started < 5
    assert isinstance(outcome, Uncertain if step == "CONTENT" else Deferred)
    assert outcome.text == "timed out"


# ---- under TLS


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_it_is_the_same_under_tls(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    context = serving_context(issue(trustme.CA(), "localhost"))

    async def three_mails() -> list[object]:
        async with serving({"CONTENT": ["250 ok", "250 ok", Act.DROP]}, tls=context) as server:
            deliverer = courier(server)
            outcomes = [await deliverer.deliver(SENDER, RECIPIENT, raw) for raw in (RAW, LARGE, RAW)]
            await deliverer.close()
            assert len(server.sessions) == 1
            assert server.messages == [RAW, LARGE, RAW]
            return [type(outcome) for outcome in outcomes]

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(three_mails()) == [Sent, Sent, Uncertain]


@pytest.mark.parametrize("secure", ["250-mx.test\n250 8BITMIME", "502 5.5.1 what"])
async def test_what_was_offered_in_the_clear_does_not_count_under_tls(secure: str) -> None:
    async def slipped_in(session: Session) -> None:
        session.writer.write(b"220 go ahead\r\n250-evil.test\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n")
        await session.writer.start_tls(context)
        session.encrypted = True

    context = serving_context(issue(trustme.CA(), "localhost"))
    clear = "250-mx.test\n250-STARTTLS\n250-SMTPUTF8\n250 PIPELINING"
    async with FakeSMTPServer({"STARTTLS": slipped_in, "EHLO": [clear, secure]}, tls=context) as server:
        outcome = await deliver(server, recipient="böb@example.org", timeouts=HASTY)
    assert isinstance(outcome, Bounced)
    assert outcome.enhanced == "5.6.7"
    assert server.sessions[0].verbs[:3] == ["EHLO", "STARTTLS", "EHLO"]
