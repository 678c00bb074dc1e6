"""SMTP submission: sign-in only under TLS, only one's own address, and the same gate as for any other mail."""

import base64
import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest
import trustme

from policies.modes import Mode
from policies.suppression import Reason
from server.smtp import conversation, submission
from server.smtp.replies import reply_to
from server.smtp.submission import SubmissionListener, Terms
from storage.database import Database, Transaction, one
from storage.records import Mailbox, Message
from tests.conftest import World, messages_of
from tests.e2e.smtp_talk import Talk, stuffed, talking
from tools.accounts import trust_categories
from tools.errors import Refusal
from tools.identity import revoke_key
from tools.stops import start, stop

ADA = "ada@agents.example"
MAIL = (
    b"From: Ada <ada@agents.example>\r\nTo: Bob <bob@example.org>\r\nBcc: eve@example.org\r\n"
    b"Subject: Hello\r\n\r\n.one\r\nline\r\n"
)
LIMIT = 100_000


@asynccontextmanager
async def listening(world: World, *, tls: ssl.SSLContext | None = None, plain: bool = True) -> AsyncIterator[Talk]:
    """A connection to a submission port, greeting unread."""
    listener = SubmissionListener(Terms(world.system, "mx.test", LIMIT, (lambda: tls) if tls else None, plain))
    port = await listener.start("127.0.0.1", 0)
    try:
        async with talking(port) as talk:
            yield talk
    finally:
        await listener.stop()


def plain(user: str, key: str) -> str:
    return base64.b64encode(f"\0{user}\0{key}".encode()).decode()


async def sign_in(talk: Talk, world: World) -> None:
    await talk.greet()
    assert await talk.command(f"AUTH PLAIN {plain(ADA, world.key)}") == "235 2.7.0 Welcome"


async def hand_in(talk: Talk, raw: bytes, *recipients: str) -> str:
    await talk.begin(*recipients, sender=ADA)
    await talk.send(stuffed(raw))
    return await talk.reply()


async def test_000_1_nothing_before_starttls_and_both_mechanisms_after_it(world: World) -> None:
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority = trustme.CA()
    authority.issue_cert("mx.test").configure_cert(server)
    authority.configure_trust(client)
    for mechanism in ("PLAIN", "LOGIN"):
        async with listening(world, tls=server, plain=False) as talk:
            hello = await talk.greet()
            assert "STARTTLS" in hello and "AUTH" not in hello
            assert await talk.command(f"MAIL FROM:<{ADA}>") == "530 5.7.0 Use STARTTLS first"
            assert (await talk.command(f"AUTH {mechanism}")).startswith("538 5.7.11 ")
            assert (await talk.command("STARTTLS")).startswith("220 2.0.0 ")
            await talk.writer.start_tls(client, server_hostname="mx.test")
            assert await talk.command(f"MAIL FROM:<{ADA}>") == "503 5.5.1 Say EHLO first"
            hello = await talk.command("EHLO client.example.net")
            assert "STARTTLS" not in hello and "AUTH PLAIN LOGIN" in hello
            assert await talk.command(f"MAIL FROM:<{ADA}>") == "530 5.7.0 Sign in first"
            if mechanism == "PLAIN":
                assert await talk.command("AUTH PLAIN") == "334 "
                reply = await talk.command(plain(ADA, world.key))
            else:
                assert await talk.command("AUTH LOGIN") == "334 VXNlcm5hbWU6"
                assert await talk.command(base64.b64encode(ADA.encode()).decode()) == "334 UGFzc3dvcmQ6"
                reply = await talk.command(base64.b64encode(world.key.encode()).decode())
            assert reply == "235 2.7.0 Welcome"
            await world.in_mode(Mode.AUTONOMOUS)
            assert (await hand_in(talk, MAIL, "bob@example.org")).startswith("250 2.0.0 Queued as msg_")


async def test_what_came_in_the_clear_behind_starttls_is_forgotten(world: World) -> None:
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority = trustme.CA()
    authority.issue_cert("mx.test").configure_cert(server)
    authority.configure_trust(client)
    async with listening(world, tls=server, plain=False) as talk:
        await talk.greet()
        await talk.send(b"STARTTLS\r\nEHLO injected.example\r\n")
        assert (await talk.reply()).startswith("220 ")
        await talk.writer.start_tls(client, server_hostname="mx.test")
        assert await talk.command("NOOP") == "250 2.0.0 OK"
        assert await talk.command(f"MAIL FROM:<{ADA}>") == "503 5.5.1 Say EHLO first"


async def test_000_2_wrong_credentials_are_535_and_the_third_ends_the_line(world: World) -> None:
    async with listening(world) as talk:
        await talk.greet()
        assert (
            await talk.command(f"AUTH PLAIN {plain(ADA, 'gp_wrong')}") == "535 5.7.8 Wrong mailbox address or API key"
        )
        assert (await talk.command(f"AUTH PLAIN {plain('bob@example.org', world.key)}")).startswith("535 5.7.8 ")
        assert (await talk.command(f"AUTH PLAIN {plain(ADA, '')}")).startswith("421 4.7.0 ")
        assert await talk.closed()


async def test_signing_in_is_called_off_with_an_asterisk(world: World) -> None:
    """RFC 4954 section 4: 501, also for what is no base64; neither is a guess."""
    user = base64.b64encode(ADA.encode()).decode()
    async with listening(world) as talk:
        await talk.greet()
        for last in ("*", "no base64"):
            for lines in (("AUTH PLAIN",), ("AUTH LOGIN",), ("AUTH LOGIN", user)):
                for line in lines:
                    assert (await talk.command(line)).startswith("334 ")
                assert (await talk.command(last)).startswith("501 5.5.2 ")
        assert await talk.command(f"AUTH PLAIN {plain(ADA, world.key)}") == "235 2.7.0 Welcome"


async def test_000_2_a_sender_that_is_not_the_mailbox_is_550_5_1_0(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    async with listening(world) as talk:
        await sign_in(talk, world)
        for sender in ("bob@example.org", "other@agents.example", ""):
            assert (await talk.command(f"MAIL FROM:<{sender}>")).startswith("550 5.1.0 ")
        for spoofed in (
            MAIL.replace(b"<ada@", b"<eva@"),
            MAIL.replace(b"From: Ada ", b'From: "ceo@bank.example" '),
            b"From: eva@agents.example\r\n" + MAIL,
        ):
            assert (await hand_in(talk, spoofed, "bob@example.org")).startswith("550 5.1.0 ")
    assert await stored(world.context.db) == []


async def test_000_2_what_a_policy_denies_is_550_5_7_1(world: World) -> None:
    await world.in_mode(Mode.READ_ONLY)
    async with listening(world) as talk:
        await sign_in(talk, world)
        assert (await hand_in(talk, MAIL, "bob@example.org")).startswith("550 5.7.1 The mailbox is read_only")


async def test_000_2_a_suppressed_recipient_is_550_5_7_1_and_stops_no_other(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await world.suppress("gone@example.org", Reason.BOUNCE)
    async with listening(world) as talk:
        await sign_in(talk, world)
        await talk.command(f"MAIL FROM:<{ADA}>")
        assert (await talk.command("RCPT TO:<gone@example.org>")).startswith("550 5.7.1 ")
        assert (await talk.command("RCPT TO:<bob@example.org>")).startswith("250 ")
        assert (await talk.command("DATA")).startswith("354 ")
        await talk.send(stuffed(MAIL))
        assert (await talk.reply()).startswith("250 2.0.0 Queued")


async def test_000_2_who_unsubscribed_is_refused_alone(world: World) -> None:
    """At RCPT nobody knows the category yet: only from a marked mailbox it may be one that passes."""
    await world.in_mode(Mode.AUTONOMOUS)
    await world.suppress("bob@example.org", Reason.UNSUBSCRIBE)
    async with listening(world) as talk:
        await sign_in(talk, world)
        await talk.command(f"MAIL FROM:<{ADA}>")
        assert (await talk.command("RCPT TO:<bob@example.org>")).startswith("550 5.7.1 ")
        await talk.command("RSET")
        assert (await hand_in(talk, MAIL, "eve@example.org")).startswith("250 2.0.0 Queued")
    await trust_categories(world.system, world.mailbox, trusted=True)
    async with listening(world) as talk:
        await sign_in(talk, world)
        login = b"X-Gatepost-Category: login-link\r\n" + MAIL
        assert (await hand_in(talk, login, "bob@example.org")).startswith("250 2.0.0 Queued")
        assert (await hand_in(talk, MAIL, "bob@example.org")).startswith("550 5.7.1 ")


async def test_000_2_who_unsubscribed_has_a_mail_alone_from_a_marked_mailbox(world: World) -> None:
    """The category comes with the content, and a refusal then is for everybody in the mail."""
    await trust_categories(world.system, await world.in_mode(Mode.AUTONOMOUS), trusted=True)
    await world.suppress("bob@example.org", Reason.UNSUBSCRIBE)
    became = {}
    async with listening(world) as talk:
        await sign_in(talk, world)
        for first, other in itertools.permutations(("bob@example.org", "eve@example.org")):
            await talk.command(f"MAIL FROM:<{ADA}>")
            assert (await talk.command(f"RCPT TO:<{first}>")).startswith("250 ")
            assert (await talk.command(f"RCPT TO:<{other}>")).startswith("452 4.5.3 ")
            assert (await talk.command("DATA")).startswith("354 ")
            await talk.send(stuffed(MAIL))
            became[first] = (await talk.reply())[:9]
    assert became == {"bob@example.org": "550 5.7.1", "eve@example.org": "250 2.0.0"}


async def test_000_2_521_at_connect_while_everybody_is_stopped(world: World) -> None:
    await stop(world.system, None, "operator")
    async with listening(world) as talk:
        assert (await talk.reply()).startswith("521 mx.test ")
        for command in ("EHLO client.example.net", f"AUTH PLAIN {plain(ADA, world.key)}", f"MAIL FROM:<{ADA}>"):
            assert (await talk.command(command)).startswith("521 mx.test ")
        assert (await talk.command("QUIT")).startswith("221 ")
    await start(world.system, None, "operator")
    async with listening(world) as talk:
        await sign_in(talk, world)


async def test_000_2_521_at_sign_in_for_a_suspended_account_and_for_the_right_key_alone(world: World) -> None:
    await stop(world.system, world.account.id, "operator", "Odd mail.")
    async with listening(world) as talk:
        await talk.greet()
        assert (await talk.command(f"AUTH PLAIN {plain(ADA, 'gp_wrong')}")).startswith("535 5.7.8 ")
        reply = await talk.command(f"AUTH PLAIN {plain(ADA, world.key)}")
        assert reply.startswith("521 5.7.13 ") and "Odd mail." in reply
        assert (await talk.command(f"MAIL FROM:<{ADA}>")).startswith("530 5.7.0 ")
    await start(world.system, world.account.id, "operator")

    async def pause(transaction: Transaction) -> None:
        await transaction.run("insert_stop", subject=world.account.id, kind="paused", reason="Bounces.", created_at=1)

    await world.system.db.write(pause)
    async with listening(world) as talk:
        await talk.greet()
        assert (await talk.command(f"AUTH PLAIN {plain(ADA, world.key)}")).startswith("521 5.7.13 ")


async def test_000_2_a_suspension_reaches_an_open_session(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    async with listening(world) as talk:
        await sign_in(talk, world)
        await stop(world.system, world.account.id, "operator")
        assert (await hand_in(talk, MAIL, "bob@example.org")).startswith("521 5.7.13 ")


async def test_000_2_over_a_limit_is_451_4_7_1() -> None:
    assert reply_to(Refusal("warmup_limit", retry_after=60)).startswith(b"451 4.7.1 ")
    assert reply_to(Refusal("rate_limited", retry_after=60)).startswith(b"451 4.7.1 ")


async def test_a_gated_mail_is_taken_and_waits_for_a_person(world: World) -> None:
    async with listening(world) as talk:
        await sign_in(talk, world)
        reply = await hand_in(talk, MAIL, "bob@example.org")
    assert reply.startswith("250 2.0.0 Held for approval as msg_")
    assert [message.status for message in await stored(world.context.db)] == ["pending_send_approval"]


async def test_the_envelope_alone_says_who_gets_it_and_blind_copies_stay_blind(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    async with listening(world) as talk:
        await sign_in(talk, world)
        assert (await hand_in(talk, MAIL, "eve@example.org", "zoe@example.org")).startswith("250 2.0.0 Queued")
    [message] = await stored(world.context.db)
    [wire] = await world.context.db.rows("wire", message_id=message.id, revision=1)
    assert wire["envelope"] == (
        '{"recipients":[["eve@example.org",false],["zoe@example.org",false]],"sender":"ada@agents.example"}'
    )
    head, _, body = wire["data"].partition(b"\r\n\r\n")
    assert body == b".one\r\nline\r\n"
    assert head.split(b"\r\n") == [
        b"From: Ada <ada@agents.example>",
        b"To: Bob <bob@example.org>",
        b"Subject: Hello",
        f"Message-ID: <{message.rfc_message_id}>".encode(),
        b"X-AI-Generated: true",
    ]


async def test_what_speaks_for_the_site_is_not_the_programs_to_write(world: World) -> None:
    forged = b"Gatepost-Identity: v=1; b=x\r\nX-AI-Generated: false\r\nFeedback-ID: a:b:c:d\r\n"
    async with listening(world) as talk:
        await sign_in(talk, world)
        assert (await hand_in(talk, forged + MAIL, "bob@example.org")).startswith("250 2.0.0 ")
    [message] = await stored(world.context.db)
    [wire] = await world.context.db.rows("wire", message_id=message.id, revision=1)
    head = wire["data"].partition(b"\r\n\r\n")[0].lower()
    assert head.count(b"x-ai-generated: ") == head.count(b"x-ai-generated: true") == 1
    assert b"gatepost-identity" not in head and b"feedback-id" not in head


async def test_an_answer_joins_the_thread_it_answers(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    async with listening(world) as talk:
        await sign_in(talk, world)
        await hand_in(talk, b"Message-ID: <first@agents.example>\r\n" + MAIL, "bob@example.org")
        await hand_in(talk, b"In-Reply-To: <first@agents.example>\r\n" + MAIL, "bob@example.org")
    second, first = await stored(world.context.db)
    assert first.thread_id == second.thread_id
    assert first.rfc_message_id == "first@agents.example"


@pytest.mark.parametrize("raw", [MAIL.replace(b"one\r\n", b"one\n"), MAIL.replace(b"one", b"o\rne")])
async def test_bare_line_ends_are_refused(world: World, raw: bytes) -> None:
    async with listening(world) as talk:
        await sign_in(talk, world)
        assert (await hand_in(talk, raw, "bob@example.org")).startswith("554 5.6.0 ")


async def test_a_mail_over_the_limit_is_refused_and_the_next_is_heard(world: World) -> None:
    async with listening(world) as talk:
        await sign_in(talk, world)
        large = MAIL + b"x" * (LIMIT * 2) + b"\r\n"
        assert (await hand_in(talk, large, "bob@example.org")).startswith("552 5.3.4 ")
        assert (await talk.command(f"MAIL FROM:<{ADA}> SIZE={LIMIT + 1}")).startswith("552 5.3.4 ")
        assert (await hand_in(talk, MAIL, "bob@example.org")).startswith("250 2.0.0 ")


async def test_commands_in_one_packet_are_answered_in_order(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    async with listening(world) as talk:
        await sign_in(talk, world)
        envelope = f"MAIL FROM:<{ADA}>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n".encode()
        await talk.send((envelope + stuffed(MAIL)) * 2 + b"QUIT\r\n")
        codes = [(await talk.reply())[:3] for _ in range(9)]
        assert codes == ["250", "250", "354", "250"] * 2 + ["221"]
        assert await talk.closed()


async def test_commands_out_of_order_and_nonsense_are_refused(world: World) -> None:
    async with listening(world) as talk:
        await sign_in(talk, world)
        expected = {
            "RCPT TO:<bob@example.org>": "503",
            "DATA": "503",
            "NONSENSE": "500",
            "AUTH PLAIN": "503",
            "MAIL FROM:<ada@agents.example> X=1": "501",
            f"MAIL FROM:<{ADA}>": "250",
            "MAIL FROM:<again@agents.example>": "503",
            "RCPT TO:<no address>": "501",
            "RCPT TO:<a..b@example.org>": "501",
            "RSET": "250",
            "STARTTLS": "503",
            "VRFY bob": "252",
        }
        assert {command: (await talk.command(command))[:3] for command in expected} == expected


async def test_recipients_beyond_the_limit_are_for_another_mail(world: World) -> None:
    async with listening(world) as talk:
        await sign_in(talk, world)
        await talk.command(f"MAIL FROM:<{ADA}>")
        replies = [await talk.command(f"RCPT TO:<bob{n}@example.org>") for n in range(51)]
    assert {reply[:3] for reply in replies[:50]} == {"250"}
    assert replies[50].startswith("452 4.5.3 ")


async def test_an_endless_line_ends_the_connection(world: World) -> None:
    async with listening(world) as talk:
        await talk.greet()
        await talk.send(b"x" * (conversation.LINE + 1))
        assert (await talk.reply()).startswith("421 4.5.2 ")
        assert await talk.closed()


async def test_a_revoked_key_ends_an_open_session(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "RECHECK_SECONDS", 0.0)
    async with listening(world) as talk:
        await sign_in(talk, world)
        assert (await talk.command(f"MAIL FROM:<{ADA}>")).startswith("250 ")
        await talk.command("RSET")
        key_id = world.context.principal.name.removeprefix("key ")
        await revoke_key(world.system, world.account.id, key_id)
        assert (await talk.command(f"MAIL FROM:<{ADA}>")).startswith("421 4.7.0 ")
        assert await talk.closed()


async def test_000_2_a_local_fault_is_451_and_nothing_is_said_of_it(world: World) -> None:
    class Broken:
        async def write(self, _work: object) -> None:
            raise OSError("/var/lib/secret/path is full")

        def __getattr__(self, name: str) -> object:
            return getattr(world.system.db, name)

    broken = replace(world, system=replace(world.system, db=cast(Database, Broken())))
    async with listening(broken) as talk:
        await sign_in(talk, world)
        assert await hand_in(talk, MAIL, "bob@example.org") == submission.LOCAL_FAULT.decode()


async def stored(db: Database) -> list[Message]:
    """Every message of the mailbox, the newest first."""
    mailbox = await one(db, Mailbox, "mailbox_by_address", address=ADA)
    assert mailbox is not None
    return await messages_of(db, mailbox.account_id)
