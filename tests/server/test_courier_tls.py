"""The courier's TLS ladder and its credentials."""

import ssl
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import trustme

from server.delivery import session as session_module
from server.delivery.courier import Courier, Timeouts
from server.delivery.outcome import Deferred, Sent, Uncertain
from server.delivery.routes import Host
from tests.fakes.couriers import LARGE, PATIENT, RAW, RECIPIENT, SENDER, Clock, FixedRoute, courier, deliver
from tests.fakes.smtp_server import Act, Answer, FakeSMTPServer, Script, Session


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server's context with a certificate for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes the test's authority one of the system's."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(authority.cert_pem.bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    yield


async def test_tls_is_used_when_offered_whatever_the_certificate(tls: ssl.SSLContext) -> None:
    async with FakeSMTPServer(tls=tls) as server:
        assert isinstance(await deliver(server, raw=LARGE), Sent)
        await server.until(lambda: server.sessions[0].over)
    assert server.sessions[0].encrypted
    assert server.sessions[0].verbs == ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
    assert server.messages == [LARGE]


async def test_tls_sessions_are_used_again_and_lost_like_others(tls: ssl.SSLContext) -> None:
    async with FakeSMTPServer({"CONTENT": ["250 ok", "250 ok", Act.DROP]}, tls=tls) as server:
        deliverer = courier(server)
        outcomes = [await deliverer.deliver(SENDER, RECIPIENT, RAW) for _ in range(3)]
        await deliverer.close()
    assert [type(outcome) for outcome in outcomes] == [Sent, Sent, Uncertain]
    assert len(server.sessions) == 1


async def test_a_silence_amid_the_content_is_certain_under_tls_too(tls: ssl.SSLContext) -> None:
    async with FakeSMTPServer({"BODY": Act.STALL}, tls=tls) as server:
        outcome = await deliver(server, raw=LARGE, timeouts=Timeouts(connect=5, total=1))
    assert isinstance(outcome, Deferred)
    assert outcome.category == "Timeout"


async def test_never_means_never(tls: ssl.SSLContext) -> None:
    async with FakeSMTPServer(tls=tls) as server:
        assert isinstance(await deliver(server, tls="never"), Sent)
    assert not server.sessions[0].encrypted


async def garbage(session: Session) -> None:
    await session.reader.read(1)
    await session.say("this is not TLS")


BROKEN: list[Script] = [
    {"STARTTLS": "454 4.7.0 not now"},
    {"STARTTLS": Act.DROP},
    {"STARTTLS": "nonsense"},
    {"TLS": Act.DROP},
    {"TLS": garbage},
]


@pytest.mark.parametrize("script", BROKEN)
async def test_broken_tls_falls_back_to_clear_text(script: Script, tls: ssl.SSLContext) -> None:
    async with FakeSMTPServer(script, tls=tls) as server:
        assert isinstance(await deliver(server), Sent)
    assert [session.verbs[1] for session in server.sessions] == ["STARTTLS", "MAIL"]


async def test_stalled_tls_falls_back_to_clear_text(tls: ssl.SSLContext) -> None:
    async with FakeSMTPServer({"TLS": Act.STALL}, tls=tls) as server:
        assert isinstance(await deliver(server, timeouts=Timeouts(connect=0.3, total=5)), Sent)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("script", BROKEN)
async def test_required_tls_does_not_fall_back(script: Script, tls: ssl.SSLContext) -> None:
    async with FakeSMTPServer(script, tls=tls) as server:
        outcome = await deliver(server, tls="require")
    assert isinstance(outcome, Deferred)
    assert outcome.category == "ConnectionProblem"
    assert [session.verbs for session in server.sessions] == [["EHLO", "STARTTLS"]]


@pytest.mark.usefixtures("trusted")
async def test_required_tls_wants_the_right_name(tls: ssl.SSLContext) -> None:
    async with FakeSMTPServer(tls=tls) as server:
        assert isinstance(await deliver(server, tls="require"), Sent)
        deliverer = Courier(
            FixedRoute((Host("mx.example.org", server.port, ("127.0.0.1",)),)),
            "gatepost.test",
            timeouts=PATIENT,
            tls="require",
            credentials=None,
            clock=Clock(),
        )
        outcome = await deliverer.deliver(SENDER, RECIPIENT, RAW)
    assert isinstance(outcome, Deferred)
    assert (outcome.enhanced, outcome.category) == ("4.7.5", "ConnectionProblem")
    assert len(server.messages) == 1


async def test_required_tls_wants_a_known_authority(tls: ssl.SSLContext) -> None:
    async with FakeSMTPServer(tls=tls) as server:
        assert isinstance(await deliver(server, tls="require"), Deferred)
    assert server.messages == []


async def test_required_tls_wants_tls() -> None:
    async with FakeSMTPServer() as server:
        outcome = await deliver(server, tls="require")
    assert isinstance(outcome, Deferred)
    assert outcome.enhanced == "4.7.5"
    assert server.sessions[0].verbs == ["EHLO"]


async def test_what_is_slipped_in_before_the_handshake_is_dropped(tls: ssl.SSLContext) -> None:
    async def injected(session: Session) -> None:
        session.writer.write(b"220 go ahead\r\n250-evil.test\r\n250 SMTPUTF8\r\n550 5.1.1 no such user\r\n")
        await session.writer.start_tls(tls)
        session.encrypted = True

    async with FakeSMTPServer({"STARTTLS": injected}, tls=tls) as server:
        assert isinstance(await deliver(server), Sent)
    assert len(server.sessions) == 1
    assert server.sessions[0].encrypted


# ---- credentials


async def test_credentials_are_given_on_loopback() -> None:
    async with FakeSMTPServer(extensions=("AUTH PLAIN", "8BITMIME")) as server:
        assert isinstance(await deliver(server, credentials=("user", "secret")), Sent)
    assert server.sessions[0].commands[1] == "AUTH PLAIN AHVzZXIAc2VjcmV0"


@pytest.mark.parametrize("offer", ["AUTH LOGIN", "AUTH=LOGIN", "auth xoauth2 login"])
async def test_credentials_are_given_in_two_parts_where_the_server_likes_it_so(offer: str) -> None:
    async def ask(session: Session) -> None:
        await session.say("334 UGFzc3dvcmQ6")
        session.commands.append((await session.reader.readuntil(b"\r\n")).decode().strip())
        await session.say("235 2.7.0 welcome")

    async with FakeSMTPServer({"AUTH": ask}, extensions=(offer, "8BITMIME")) as server:
        assert isinstance(await deliver(server, credentials=("user", "secret")), Sent)
    assert server.sessions[0].commands[1:3] == ["AUTH LOGIN dXNlcg==", "c2VjcmV0"]


@pytest.mark.usefixtures("trusted")
async def test_credentials_go_elsewhere_only_under_tls(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "ip_address", lambda text: IPv4Address("192.0.2.1"))
    extensions = ("AUTH PLAIN",)
    async with FakeSMTPServer(extensions=extensions) as plain, FakeSMTPServer(tls=tls, extensions=extensions) as secure:
        for mode in ("opportunistic", "never", "require"):
            assert isinstance(await deliver(plain, credentials=("user", "secret"), tls=mode), Deferred)
        assert isinstance(await deliver(secure, credentials=("user", "secret")), Sent)
    assert {verb for session in plain.sessions for verb in session.verbs} == {"EHLO"}
    assert secure.sessions[0].verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


@pytest.mark.parametrize("answer", ["535 5.7.8 no", "454 4.7.0 later", Act.DROP, "nonsense"])
async def test_refused_credentials_bounce_no_mail(answer: Answer) -> None:
    async with FakeSMTPServer({"AUTH": answer}, extensions=("AUTH PLAIN LOGIN",)) as server:
        outcome = await deliver(server, credentials=("user", "secret"))
    assert isinstance(outcome, Deferred)
    assert outcome.category == "ConnectionProblem"
    assert "secret" not in outcome.text


async def test_a_server_without_auth_bounces_no_mail() -> None:
    async with FakeSMTPServer() as server:
        assert isinstance(await deliver(server, credentials=("user", "secret")), Deferred)
