"""The courier against a scripted server: every step, every way to fail at it."""

import asyncio
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP as Peer

from server.delivery.courier import Courier, Timeouts
from server.delivery.outcome import Bounced, Deferred, Sent, Uncertain
from server.delivery.routes import Host, RelayRoute
from tests.fakes.couriers import (
    HASTY,
    LARGE,
    PATIENT,
    RAW,
    RECIPIENT,
    SENDER,
    SOON,
    Clock,
    FixedRoute,
    courier,
    deliver,
)
from tests.fakes.smtp_server import Act, Answer, FakeSMTPServer, Script, Session, named
from tools.mail.classify import Category


async def test_a_mail_is_handed_over() -> None:
    async with FakeSMTPServer() as server:
        outcome = await deliver(server)
        await server.until(lambda: server.sessions[0].over)
    assert outcome == Sent(250, "2.0.0", "taken", "localhost", tls="none")
    assert server.sessions[0].commands == [
        "EHLO gatepost.test",
        f"MAIL FROM:<{SENDER}> SIZE={len(RAW)}",
        f"RCPT TO:<{RECIPIENT}>",
        "DATA",
        "QUIT",
    ]


@pytest.mark.parametrize(
    "raw",
    [
        RAW,
        b"\r\n",
        b".\r\n",
        b".\r\n.\r\n",
        b"Subject: x\r\n\r\n.one\r\n..two\r\n...\r\n.",
        b"Subject: no line end",
        "Subject: grüße\r\n\r\n".encode() + bytes(byte for byte in range(256) if byte not in (10, 13)) + b"\r\n",
        b"Subject: long line\r\n\r\n" + b"x" * 100_000 + b"\r\n",
        LARGE,
        b"Subject: dots\r\n\r\n" + b".\r\n" * 100_000,
    ],
    ids=lambda raw: f"{len(raw)}-bytes",
)
async def test_the_server_gets_the_very_bytes(raw: bytes) -> None:
    async with FakeSMTPServer() as server:
        assert isinstance(await deliver(server, raw=raw), Sent)
    assert server.messages == [raw if raw.endswith(b"\r\n") else raw + b"\r\n"]
    assert b"\r\n.\r\n" not in b"\r\n" + server.sessions[0].contents[0]


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT", "BODY"])
async def test_4xx_is_tried_again_and_5xx_never(step: str) -> None:
    raw = LARGE if step == "BODY" else RAW
    line = "" if step in ("GREETING", "EHLO") else "none"
    async with FakeSMTPServer({step: "451-4.3.0 not\n451 4.3.0 now"}) as server:
        outcome = await deliver(server, raw=raw)
        assert outcome == Deferred(451, "4.3.0", "not now", "localhost", "Unknown", tls=line)
    async with FakeSMTPServer({step: "554 5.7.1 looks like spam"}) as server:
        outcome = await deliver(server, raw=raw)
        assert outcome == Bounced(554, "5.7.1", "looks like spam", "localhost", "Spam", tls=line)
    assert server.messages == ([RAW] if step == "CONTENT" else [])


@pytest.mark.parametrize(
    ("step", "category"),
    [
        ("GREETING", "ConnectionProblem"),
        ("EHLO", "ConnectionProblem"),
        ("MAIL", "ConnectionProblem"),
        ("RCPT", "ConnectionProblem"),
        ("DATA", "ConnectionTerminated"),
        ("BODY", "ConnectionTerminated"),
    ],
)
async def test_a_line_lost_before_the_dot_is_tried_again(step: str, category: Category) -> None:
    async with FakeSMTPServer({step: Act.DROP}) as server:
        outcome = await deliver(server, raw=LARGE)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.category) == (0, category)


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
async def test_a_silence_before_the_dot_ends_with_the_attempt(step: str) -> None:
    async with FakeSMTPServer({step: Act.STALL}) as server:
        outcome = await deliver(server, timeouts=HASTY, raw=LARGE)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.category, outcome.text) == (0, "Timeout", "timed out")


@pytest.mark.parametrize(
    "answer", [Act.DROP, Act.STALL, "nonsense", "354 go on", "999 what", "250-" + "x" * 40_000], ids=named
)
async def test_no_clear_reply_after_the_dot_is_uncertain(answer: Answer) -> None:
    async with FakeSMTPServer({"CONTENT": answer}) as server:
        outcome = await deliver(server, timeouts=SOON)
    assert isinstance(outcome, Uncertain)
    assert (outcome.code, outcome.host) == (0, "localhost")
    assert server.messages == [RAW]


@pytest.mark.parametrize("yes", ["250 taken already", "354 go on and on"])
async def test_a_yes_before_the_dot_is_none(yes: str) -> None:
    async with FakeSMTPServer({"BODY": yes}) as server:
        assert isinstance(await deliver(server, raw=LARGE), Deferred)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
async def test_an_answer_that_fits_no_step_is_not_a_yes(step: str) -> None:
    async with FakeSMTPServer({step: "250 ok" if step == "DATA" else "354 go on"}) as server:
        assert isinstance(await deliver(server), Deferred)
    assert server.messages == []


async def test_an_old_server_is_greeted_with_helo() -> None:
    async with FakeSMTPServer({"EHLO": "502 5.5.1 what"}) as server:
        assert isinstance(await deliver(server), Sent)
    assert server.sessions[0].commands[:3] == ["EHLO gatepost.test", "HELO gatepost.test", f"MAIL FROM:<{SENDER}>"]


# ---- long replies


async def test_a_long_reply_in_many_pieces_is_understood() -> None:
    async def in_pieces(session: Session) -> None:
        for piece in (*[b"250-X\r\n"] * 3000, b"2", b"50", b"-SMTPUTF8\r", b"\n250", b" SIZE 1", b"0000\r\n"):
            session.writer.write(piece)
            await asyncio.sleep(0)

    async with FakeSMTPServer({"EHLO": in_pieces}) as server:
        assert isinstance(await deliver(server, recipient="böb@example.org"), Sent)
    assert server.sessions[0].commands[1] == f"MAIL FROM:<{SENDER}> SIZE={len(RAW)} SMTPUTF8"


async def test_words_beyond_the_limit_are_cut() -> None:
    async with FakeSMTPServer({"RCPT": "\n".join(["550-5.1.1 no \x1b[31m one"] * 100 + ["550 5.1.1 end"])}) as server:
        outcome = await deliver(server)
    assert isinstance(outcome, Bounced)
    assert len(outcome.text) == 500
    assert outcome.text.startswith("no [31m one no [31m one")


# ---- several hosts and addresses


@pytest.mark.parametrize("step", ["GREETING", "EHLO"])
@pytest.mark.parametrize("answer", ["421 4.3.2 busy", "554 5.3.2 no service here", Act.DROP, "nonsense"])
async def test_a_host_without_a_session_is_passed_over(step: str, answer: Answer) -> None:
    async with FakeSMTPServer({step: answer}) as first, FakeSMTPServer() as second:
        assert isinstance(await deliver(first, second), Sent)
    assert (first.messages, second.messages) == ([], [RAW])


async def test_a_stalling_host_leaves_time_for_the_next() -> None:
    async with FakeSMTPServer({"GREETING": Act.STALL}) as first, FakeSMTPServer() as second:
        assert isinstance(await deliver(first, second, timeouts=Timeouts(connect=0.2, total=5)), Sent)


async def test_a_closed_port_is_passed_over() -> None:
    async with FakeSMTPServer() as gone:
        pass
    async with FakeSMTPServer() as second:
        assert isinstance(await deliver(gone, second), Sent)
    outcome = await deliver(gone)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.enhanced, outcome.category) == (0, "4.4.1", "ConnectionProblem")


async def test_a_host_that_is_out_is_left_alone_for_a_while() -> None:
    clock = Clock()
    async with FakeSMTPServer({"GREETING": [Act.DROP, "421 4.3.2 busy", "220 welcome"]}) as server:
        deliverer = courier(server, clock=clock)
        outcomes = [await deliverer.deliver(SENDER, RECIPIENT, RAW) for _ in range(3)]
        assert (len(server.sessions), {outcome.code for outcome in outcomes}) == (1, {0})
        clock.now += 30_000_000
        outcomes = [await deliverer.deliver(SENDER, RECIPIENT, RAW) for _ in range(2)]
        await deliverer.close()
    # the second time the host spoke, so that it was asked again
    assert [outcome.code for outcome in outcomes] == [421, 250]


async def test_a_hope_outweighs_a_refusal() -> None:
    refusal: Script = {"GREETING": "554 5.3.2 no service here"}
    busy: Script = {"GREETING": "421 4.3.2 busy"}
    async with FakeSMTPServer(busy) as first, FakeSMTPServer(refusal) as second:
        outcome = await deliver(first, second)
        assert isinstance(outcome, Deferred)
        assert outcome.code == 421
        assert isinstance(await deliver(second), Bounced)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "CONTENT"])
@pytest.mark.parametrize("answer", ["451 4.3.0 later", "550 5.7.1 no", Act.DROP])
async def test_the_answer_to_a_mail_is_final_for_the_attempt(step: str, answer: Answer) -> None:
    async with FakeSMTPServer({step: answer}) as first, FakeSMTPServer() as second:
        assert not isinstance(await deliver(first, second), Sent)
    assert second.sessions == []


async def test_the_next_address_is_tried() -> None:
    async with FakeSMTPServer() as server:
        route = FixedRoute((Host("localhost", server.port, ("127.0.0.9", "::1", "127.0.0.1")),))
        deliverer = Courier(
            route, "gatepost.test", timeouts=PATIENT, tls="opportunistic", credentials=None, clock=Clock()
        )
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
        await deliverer.close()
    assert route.asked == ["example.org"]


async def test_a_relay_is_reached_by_its_name() -> None:
    async with FakeSMTPServer() as server:
        route = RelayRoute("localhost", server.port)
        deliverer = Courier(route, "gatepost.test", timeouts=PATIENT, tls="never", credentials=None, clock=Clock())
        assert isinstance(await deliverer.deliver("", RECIPIENT, RAW), Sent)
        await deliverer.close()
    assert server.sessions[0].commands[1] == f"MAIL FROM:<> SIZE={len(RAW)}"


# ---- what cannot be sent


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        (SENDER, "d@example.org>\r\nRCPT TO:<x@example.net"),
        (SENDER, "d@example.org> NOTIFY=NEVER"),
        (SENDER, "d@example.org\x00"),
        (SENDER, "<d@example.org>"),
        (SENDER, "nobody"),
        (SENDER, "@example.org"),
        (SENDER, "d@"),
        (SENDER, ""),
        (SENDER, "d\udc80@example.org"),
        (SENDER, "d" * 330 + "@example.org"),
        ("a@example.com\nb", RECIPIENT),
        ("a@example.com SIZE=1", RECIPIENT),
    ],
)
async def test_an_address_that_would_break_the_line_is_not_sent(sender: str, recipient: str) -> None:
    async with FakeSMTPServer() as server:
        outcome = await deliver(server, sender=sender, recipient=recipient)
    assert isinstance(outcome, Bounced)
    assert (outcome.code, outcome.category) == (0, "CodeError")
    assert server.sessions == []


@pytest.mark.parametrize("end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\r\n.\r\n"])
async def test_bytes_that_could_end_the_mail_early_are_not_sent(end: bytes) -> None:
    async with FakeSMTPServer() as server:
        outcome = await deliver(server, raw=b"Subject: x\r\n\r\none" + end + b"MAIL FROM:<eve@example.net>\r\n")
    assert isinstance(outcome, Bounced)
    assert outcome.enhanced == "5.6.0"
    assert server.sessions == []


async def test_8bit_is_declared_where_it_is_known_and_sent_anyway() -> None:
    raw = "Subject: x\r\n\r\ngrüße\r\n".encode()
    async with FakeSMTPServer() as knows, FakeSMTPServer(extensions=("HELP",)) as ignorant:
        assert isinstance(await deliver(knows, raw=raw), Sent)
        assert isinstance(await deliver(ignorant, raw=raw), Sent)
    assert knows.sessions[0].commands[1] == f"MAIL FROM:<{SENDER}> SIZE={len(raw)} BODY=8BITMIME"
    assert ignorant.sessions[0].commands[1] == f"MAIL FROM:<{SENDER}>"
    assert knows.messages == ignorant.messages == [raw]


async def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    async with FakeSMTPServer(extensions=("SMTPUTF8",)) as knows, FakeSMTPServer() as ignorant:
        assert isinstance(await deliver(knows, recipient="böb@example.org"), Sent)
        outcome = await deliver(ignorant, recipient="böb@example.org")
    assert knows.sessions[0].commands[1:3] == [f"MAIL FROM:<{SENDER}> SMTPUTF8", "RCPT TO:<böb@example.org>"]
    assert isinstance(outcome, Bounced)
    assert outcome.enhanced == "5.6.7"
    assert ignorant.sessions[0].verbs[1:] == []


# ---- a second peer


async def test_another_server_takes_the_same_bytes() -> None:
    taken: list[bytes] = []

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            taken.append(envelope.content)
            return "250 2.0.0 ok"

    loop = asyncio.get_running_loop()
    peer = await loop.create_server(lambda: Peer(Handler(), loop=loop), "127.0.0.1", 0)
    route = RelayRoute("127.0.0.1", peer.sockets[0].getsockname()[1])
    deliverer = Courier(route, "gatepost.test", timeouts=PATIENT, tls="opportunistic", credentials=None, clock=Clock())
    for _ in range(2):
        assert isinstance(await deliverer.deliver(SENDER, RECIPIENT, RAW), Sent)
    await deliverer.close()
    peer.close()
    await peer.wait_closed()
    assert taken == [RAW, RAW]
