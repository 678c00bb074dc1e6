"""The listener's side of the conversation: what is offered, what is refused, and that nothing is ever relayed."""

import asyncio
import ssl
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import trustme
from structlog.testing import capture_logs

from server.room import Room
from server.smtp import conversation
from server.smtp.certificate import Certificate
from server.smtp.conversation import Patience
from server.smtp.inbound import Inbound, Shared, Terms
from server.smtp.peers import Bounds, Peers
from tests.conftest import World, eventually
from tests.e2e.listener import greeted, listening, stored
from tests.e2e.smtp_talk import talking
from tests.fakes.pipe import Pipe
from tools import wires
from tools.accounts import create_mailbox
from tools.domains import take_in

# what comes over the wire is the same whatever stores it
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)

ADA = "ada@agents.example"
MAIL = b"From: bea@example.net\r\nTo: ada@agents.example\r\nSubject: Hello\r\n\r\nGood morning\r\n"


def connected(world: World, address: str = "192.0.2.1", **terms: Any) -> tuple[Pipe, Inbound]:
    """A connection without a socket."""
    chosen = replace(Terms(world.system, "mx.agents.example", 100_000), **terms)
    shared = Shared(Peers(chosen.bounds, asyncio.get_running_loop().time))
    inbound = Inbound(chosen, shared)
    return Pipe(inbound, address), inbound


async def said(world: World, *commands: str, **terms: Any) -> list[str]:
    """The codes of the replies to commands behind EHLO."""
    pipe, _ = connected(world, **terms)
    pipe.feed([b"EHLO client.example.net\r\n"])
    await pipe.replies(2)
    codes = []
    for command in commands:
        pipe.feed([command.encode() + b"\r\n"])
        codes += [reply[:3].decode() for reply in await pipe.replies(1)]
    return codes


async def test_ehlo_offers_what_there_is(world: World) -> None:
    async with listening(world) as port, talking(port) as talk:
        offered = await talk.greet()
        for word in ("PIPELINING", "SIZE 1048576", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"):
            assert word in offered
        assert "STARTTLS" not in offered and "AUTH" not in offered


TABLE = {
    "MAIL FROM:<bea@example.net> SIZE=1000 BODY=8BITMIME SMTPUTF8": "250",
    "mail from:<bea@example.net> size=1000 body=8bitmime": "250",
    "MAIL FROM: <bea@example.net>": "250",
    "MAIL FROM:bea@example.net": "250",
    "MAIL FROM:<>": "250",
    "MAIL FROM:<root@localhost>": "250",
    'MAIL FROM:<"bea at home"@example.net>': "250",
    "MAIL FROM:<bea@[192.0.2.1]>": "250",
    "MAIL FROM:<bea@[IPv6:2001:db8::1]>": "250",
    "MAIL FROM:<@a.example,@b.example:bea@example.net>": "250",
    "MAIL FROM:<bée@example.net> SMTPUTF8": "250",
    "MAIL FROM:<bée@example.net>": "553",
    "MAIL FROM:<bea@bücher.example> SMTPUTF8": "250",
    "MAIL FROM:<bea@example.net> SIZE=100001": "552",
    "MAIL FROM:<bea@example.net> SIZE=99999999999999999999": "552",
    "MAIL FROM:<bea@example.net> SIZE=x": "501",
    "MAIL FROM:<bea@example.net> SIZE=-1": "501",
    "MAIL FROM:<bea@example.net> SIZE=": "501",
    "MAIL FROM:<bea@example.net> SIZE=1 SIZE=2": "501",
    "MAIL FROM:<bea@example.net> BODY=BINARYMIME": "501",
    "MAIL FROM:<bea@example.net> SMTPUTF8=yes": "501",
    "MAIL FROM:<bea@example.net> RET=FULL": "555",
    "MAIL FROM:<bea@example.net> AUTH=<>": "555",
    "MAIL FROM:<bea>": "501",
    "MAIL FROM:<bea@>": "501",
    "MAIL FROM:<@example.net>": "501",
    "MAIL FROM:<bea@xn--->": "501",
    "MAIL FROM:<bea@exa mple.net>": "501",
    "MAIL FROM:<bea@example.net": "501",
    f"MAIL FROM:<bounces+{'a' * 100}=example.com@example.net>": "250",
    "MAIL FROM:<.bea..b.@mail_out.example.net>": "250",
    f"MAIL FROM:<{'a' * 250}@example.net>": "501",
    f"MAIL FROM:<a@{'b' * 250}.example>": "501",
    "MAIL FROM": "501",
    "MAIL TO:<bea@example.net>": "501",
    "MAIL": "501",
    "RCPT TO:<ada@agents.example>": "503",
    "DATA": "503",
    "STARTTLS": "503",
    "STARTTLS now": "501",
    "AUTH PLAIN": "502",
    "EXPN staff": "502",
    "VRFY ada": "252",
    "HELP": "214",
    "NOOP whatever": "250",
    "RSET": "250",
    "BDAT 10 LAST": "500",
    "GET / HTTP/1.1": "554",
    "CONNECT mail.example:25 HTTP/1.1": "554",
    "": "500",
    "PROXY TCP4 192.0.2.7 192.0.2.8 1 25": "500",
    "EHLO": "501",
    "HELO a": "250",
    "QUIT": "221",
}


async def test_each_command_has_its_reply(world: World) -> None:
    assert {command: (await said(world, command))[0] for command in TABLE} == TABLE


# percent, bang, source route, quoted, literals, other names of ours, other syntaxes
RELAYS = [
    "nobody@elsewhere.example",
    "ada%elsewhere.example@agents.example",
    "ada%elsewhere.example",
    "elsewhere.example!ada@agents.example",
    "elsewhere.example!ada",
    "@agents.example:ada@elsewhere.example",
    "@agents.example,@mx.agents.example:ada@elsewhere.example",
    "ada@elsewhere.example@agents.example",
    '"ada@elsewhere.example"@agents.example',
    '"ada@elsewhere.example"',
    '"ada%elsewhere.example"@agents.example',
    "ada@[127.0.0.1]",
    "ada@[192.0.2.9]",
    "ada@[IPv6:::1]",
    "ada@127.0.0.1",
    "ada@localhost",
    "ada@mx.agents.example",
    "ada@agents.example.elsewhere.example",
    "ada@elsewhere-agents.example",
    "ada@xagents.example",
    "ada@agents.example\0.elsewhere.example",
    "ada@agents.example,b@elsewhere.example",
    "ada@agents.example;b@elsewhere.example",
    "ada",
    "",
    "@",
    "elsewhere.example",
    "root",
    "<ada@elsewhere.example>",
    "ada@agents.example> <b@elsewhere.example",
    "ADA@ELSEWHERE.EXAMPLE",
    "ada(b@elsewhere.example)@agents.example.",
    "smtp:ada@elsewhere.example",
    "|/bin/sh",
    "/etc/passwd",
    ":include:/etc/passwd",
    "b+dlv_1+aaaaaaaaaaaaaaaa@agents.example",
    "ada=elsewhere.example@agents.example",
    "SRS0=aaaa=bb=elsewhere.example=ada@agents.example",
    "ada@ägents.example",
]


@pytest.mark.parametrize("before", [(), ("RSET",), ("HELO agents.example",)], ids=["EHLO", "RSET", "HELO"])
@pytest.mark.parametrize("sender", ["", ADA])
async def test_nothing_is_relayed(world: World, sender: str, before: tuple[str, ...]) -> None:
    for form in RELAYS:
        codes = await said(world, *before, f"MAIL FROM:<{sender}>", f"RCPT TO:<{form}>", "DATA")
        assert codes[-2][:1] == "5", form
        assert codes[-1] == "503", "there is nobody the mail could go to"


async def test_the_line_is_closed_after_a_web_request(world: World) -> None:
    pipe, _ = connected(world)
    pipe.feed([b"POST / HTTP/1.1\r\nHost: mx\r\n\r\nMAIL FROM:<a@b.example>\r\n"])
    assert [reply[:3] for reply in await pipe.replies(9)] == [b"220", b"554"]
    await pipe.closed()


async def test_too_many_errors_end_the_line_and_bar_the_address(world: World) -> None:
    shared = Shared(Peers(Bounds(errors=25), asyncio.get_running_loop().time))
    terms = Terms(world.system, "mx.agents.example", 100_000)
    for _ in range(2):
        pipe = Pipe(Inbound(terms, shared))
        pipe.feed([b"NONSENSE\r\n"] * 30)
        assert [reply[:3] for reply in await pipe.replies(99)].count(b"500") == 20
        await pipe.closed()
    pipe = Pipe(Inbound(terms, shared))
    assert (await pipe.replies(1))[0].startswith(b"421 4.7.0 Too many errors")
    other = Pipe(Inbound(terms, shared), "192.0.2.2")
    assert (await other.replies(1))[0].startswith(b"220 ")


async def test_the_log_tells_who_was_refused_what_and_which_mail(world: World) -> None:
    with capture_logs() as logged:
        async with greeted(world) as talk:
            await talk.command("MAIL FROM:<bea@example.net>")
            await talk.command("RCPT TO:<nobody@agents.example>")
            await talk.command("RSET")
            assert (await talk.mail(b"Received: by a\r\n" * 51 + MAIL, ADA)).startswith("554 ")
            assert (await talk.mail(MAIL, ADA)).startswith("250 ")
    unknown, loop, taken = logged
    who = {"ip": "127.0.0.1", "helo": "client.example.net", "sender": "bea@example.net"}
    assert unknown.items() >= {"event": "refused", **who, "recipients": []}.items()
    assert unknown["reply"] == "550 5.1.1 <nobody@agents.example>: no such mailbox here"
    assert loop.items() >= who.items() and loop["reply"].startswith("554 5.4.6")
    assert taken.items() >= {"event": "mail stored", **who, "recipients": (ADA,), "size": len(MAIL)}.items()
    assert [await wires.raw_of(world.system, id_, 1) for id_ in taken["messages"]] == [MAIL]


async def test_who_is_asked_to_come_again_is_not_blamed_for_it(world: World) -> None:
    """Or a large sender, whose addresses nobody knows yet, would be barred by the first hundred mails it brings."""
    shared = Shared(Peers(Bounds(errors=25), asyncio.get_running_loop().time))
    terms = Terms(world.system, "mx.agents.example", 100_000, greylist_minutes=5)
    pipe = Pipe(Inbound(terms, shared))
    pipe.feed([b"EHLO c.example\r\nMAIL FROM:<bea@example.net>\r\n"] + [f"RCPT TO:<{ADA}>\r\n".encode()] * 30)
    assert [reply[:9] for reply in await pipe.replies(33)].count(b"451 4.7.1") == 30
    assert (await Pipe(Inbound(terms, shared)).replies(1))[0].startswith(b"220 ")


async def test_the_postmaster_needs_no_domain(world: World) -> None:
    """RFC 5321 sections 4.1.1.3 and 4.5.1: it is the one of the host's own domain."""
    async with greeted(world) as talk:
        await talk.command("MAIL FROM:<>")
        assert (await talk.command("RCPT TO:<Postmaster>")).startswith("250 ")
        assert (await talk.command("RCPT TO:<abuse>")).startswith("501 ")
        await talk.command("DATA")
        await talk.send(MAIL + b".\r\n")
        assert (await talk.reply()).startswith("250 ")
    [message] = await world.messages()
    assert '"recipient": "postmaster@agents.example"' in message.findings
    pipe, _ = connected(world, hostname="mx.elsewhere.example")
    pipe.feed([b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\n"])
    assert (await pipe.replies(4))[3].startswith(b"550 5.1.1 ")


async def test_who_names_too_many_recipients_still_brings_the_mail(world: World) -> None:
    """RFC 5321 section 4.5.3.1.10: the first hundred get it, and the client sends the rest in another mail."""
    pipe, inbound = connected(world, bounds=Bounds(errors=10))
    rcpts = b"".join(b"RCPT TO:<ada+%d@agents.example>\r\n" % number for number in range(150))
    pipe.feed([b"EHLO x\r\nMAIL FROM:<bea@example.net>\r\n" + rcpts + b"DATA\r\n"])
    codes = [reply[:3] for reply in await pipe.replies(154)]
    assert (codes.count(b"452"), codes[-1]) == (50, b"354")
    pipe.feed([MAIL + b".\r\n"])
    assert (await pipe.replies(1))[0].startswith(b"250 ")
    assert len(await stored(world)) == 1
    again = Pipe(Inbound(inbound._terms, inbound._shared))
    assert (await again.replies(1))[0].startswith(b"220 "), "nobody is to blame for what RFC 5321 lets them do"


async def test_a_fault_of_ours_bars_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> bool:
        raise OSError

    pipe, inbound = connected(world, bounds=Bounds(errors=10))
    monkeypatch.setattr("server.smtp.inbound.expects", fails)
    pipe.feed([b"EHLO x\r\nMAIL FROM:<bea@example.net>\r\n" + b"RCPT TO:<ada@agents.example>\r\n" * 50])
    assert [reply[:3] for reply in await pipe.replies(53)][3:] == [b"451"] * 50
    again = Pipe(Inbound(inbound._terms, inbound._shared))
    assert (await again.replies(1))[0].startswith(b"220 ")


async def test_commands_without_end_bring_no_mail_and_end_the_line(world: World) -> None:
    pipe, _ = connected(world)
    pipe.feed([b"NOOP\r\n" * 2000])
    codes = [reply[:3] for reply in await pipe.replies(9999)]
    assert codes.count(b"250") == conversation.COMMANDS and codes[-1] == b"421"


async def test_one_address_has_so_many_connections(world: World) -> None:
    shared = Shared(Peers(Bounds(connections=5, per_address=2), asyncio.get_running_loop().time))
    terms = Terms(world.system, "mx.agents.example", 100_000)

    async def greeting(address: str) -> bytes:
        (said,) = await Pipe(Inbound(terms, shared), address).replies(1)
        # the line of who is refused is closed behind that
        await asyncio.sleep(0)
        return said[:9]

    # one IPv6 /64 is one address
    assert await greeting("2001:db8::1") == await greeting("2001:db8::2") == b"220 mx.ag"
    assert await greeting("2001:db8::3") == b"421 4.7.0"
    for number in (1, 2, 3):
        assert await greeting(f"192.0.2.{number}") == b"220 mx.ag"
    assert await greeting("192.0.2.4") == b"421 4.3.2"


async def test_a_slow_command_ends_at_its_total_deadline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "LOOK_SECONDS", 0.02)
    async with listening(world, patience=Patience(command=0.3)) as port, talking(port) as talk:
        await talk.reply()
        trickle = asyncio.create_task(_trickle(talk.send))
        assert (await talk.reply()).startswith("421 4.4.2 ")
        assert await talk.closed()
        trickle.cancel()


async def _trickle(send: Any) -> None:
    while True:
        await send(b"x")
        await asyncio.sleep(0.05)


async def test_a_conversation_ends_between_two_mails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "LOOK_SECONDS", 0.02)
    async with greeted(world, patience=Patience(life=0.2)) as talk:
        assert (await talk.reply()).startswith("421 4.4.2 ")


async def test_large_mail_shares_a_room(world: World) -> None:
    shared = Shared(Peers(Bounds(), asyncio.get_running_loop().time), room=Room(150_000))
    terms = Terms(world.system, "mx.agents.example", 200_000)
    start = f"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<{ADA}>\r\nDATA\r\n".encode()
    first, second = Pipe(Inbound(terms, shared)), Pipe(Inbound(terms, shared))
    for pipe in (first, second):
        pipe.feed([start])
        assert (await pipe.replies(5))[-1].startswith(b"354 ")
        pipe.feed([MAIL, b"x" * 100_000])
    second.feed([b"\r\n.\r\n"])
    assert (await second.replies(1))[0].startswith(b"452 4.3.1 ")
    first.feed([b"\r\n.\r\n"])
    assert (await first.replies(1))[0].startswith(b"250 ")
    # what the first held is free again
    second.feed([start[8:], MAIL, b"x" * 100_000, b"\r\n.\r\n"])
    assert [reply[:3] for reply in await second.replies(4)][-1] == b"250"


async def test_a_stop_tells_idle_peers_to_go_and_finishes_the_mail_in_flight(world: World) -> None:
    shared = Shared(Peers(Bounds(), asyncio.get_running_loop().time))
    terms = Terms(world.system, "mx.agents.example", 200_000)
    idle, busy = Pipe(Inbound(terms, shared)), Pipe(Inbound(terms, shared))
    busy.feed([f"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<{ADA}>\r\nDATA\r\n".encode()])
    await busy.replies(5)
    ending = asyncio.create_task(shared.connections.end(5))
    assert (await idle.replies(2))[-1] == conversation.STOPPING
    busy.feed([MAIL, b".\r\n"])
    assert [reply[:3] for reply in await busy.replies(2)] == [b"250", b"421"]
    await ending
    assert await stored(world) == [MAIL]


async def test_a_stop_does_not_wait_for_ever(world: World) -> None:
    shared = Shared(Peers(Bounds(), asyncio.get_running_loop().time))
    pipe = Pipe(Inbound(Terms(world.system, "mx.agents.example", 200_000), shared))
    pipe.feed([f"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<{ADA}>\r\nDATA\r\n".encode()])
    await pipe.replies(5)
    await shared.connections.end(0.05)
    assert await pipe.replies(1) == [conversation.STOPPING]


V2 = b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11\0\x0c" + bytes([198, 51, 100, 7, 192, 0, 2, 8]) + b"\0\1\0\x19"


@pytest.mark.parametrize("header", [b"PROXY TCP4 198.51.100.7 192.0.2.8 1 25\r\n", V2], ids=["v1", "v2"])
async def test_a_trusted_proxy_says_whom_it_speaks_for(world: World, header: bytes) -> None:
    async def known_as(*pieces: bytes) -> str:
        pipe, inbound = connected(world, "10.0.0.9", proxies=[ip_network("10.0.0.0/8")])
        pipe.feed(pieces)
        assert (await pipe.replies(1))[0].startswith(b"220 ")
        return inbound.ip

    assert await known_as(header) == "198.51.100.7"
    assert await known_as(header + b"EHLO c\r\n") == "198.51.100.7"
    assert await known_as(*(bytes([each]) for each in header)) == "198.51.100.7"


@pytest.mark.parametrize("first", [b"EHLO client.example\r\n", b"PROXY TCP4 nonsense\r\n", b"PROXY " + b"x" * 200])
async def test_a_trusted_proxy_that_does_not_say_so_is_cut_off(world: World, first: bytes) -> None:
    pipe, _ = connected(world, "10.0.0.9", proxies=[ip_network("10.0.0.0/8")])
    pipe.feed([first])
    assert await pipe.replies(1) == []
    await pipe.closed()


async def test_what_came_in_the_clear_counts_for_nothing_behind_starttls(world: World, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = Certificate(*issued(authority, tmp_path))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    async with listening(world, tls=certificate) as port, talking(port) as talk:
        assert "STARTTLS" in await talk.greet()
        await talk.command("MAIL FROM:<bea@example.net>")
        await talk.send(b"STARTTLS\r\nMAIL FROM:<injected@example.net>\r\n")
        assert (await talk.reply()).startswith("220 ")
        await talk.writer.start_tls(client, server_hostname="mx.test")
        assert (await talk.command("MAIL FROM:<bea@example.net>")).startswith("503 "), "EHLO comes first again"
        assert "STARTTLS" not in await talk.command("EHLO client.example.net")
        assert (await talk.mail(MAIL, ADA)).startswith("250 ")
    assert await stored(world) == [MAIL]


async def test_a_certificate_is_read_again_when_it_changes(world: World, tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()
    chain, key = issued(old, tmp_path)
    certificate = Certificate(chain, key)
    assert certificate() is certificate()
    assert certificate().minimum_version == ssl.TLSVersion.TLSv1_2
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    new.configure_trust(client)
    before = certificate()
    chain.write_text("half of a")
    assert certificate() is before, "what cannot be read leaves the old one at work"
    issued(new, tmp_path)
    async with listening(world, tls=certificate) as port, talking(port) as talk:
        await talk.greet()
        await talk.command("STARTTLS")
        await talk.writer.start_tls(client, server_hostname="mx.test")
        assert (await talk.command("EHLO client.example.net")).startswith("250")


def issued(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    """A certificate in files, chain and key."""
    made = authority.issue_cert("mx.test")
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    key.write_bytes(made.private_key_pem.bytes())
    return chain, key


async def test_plus_addresses_and_roles_arrive(world: World) -> None:
    bob = await create_mailbox(world.system, world.account.id, "bob", "agents.example")
    async with greeted(world) as talk:
        for address in ("ada+shop@agents.example", "Postmaster@agents.example", "abuse@agents.example"):
            assert (await talk.mail(MAIL, address)).startswith("250 ")
        assert (await talk.command("MAIL FROM:<>")).startswith("250 ")
        assert (await talk.command("RCPT TO:<nobody@agents.example>")).startswith("550 ")
        await talk.command("RSET")
        await take_in(world.system, world.account.id, "agents.example", "catch_all", bob)
        assert (await talk.mail(MAIL, "nobody@agents.example")).startswith("250 ")

        async def at_bob() -> bool:
            return len(await stored(replace(world, mailbox=bob))) == 1

        await eventually(at_bob)
    assert len(await stored(world)) == 3


async def test_a_mail_for_two_addresses_of_one_mailbox_is_there_once(world: World) -> None:
    async with greeted(world) as talk:
        assert (await talk.mail(MAIL, ADA, "ada+shop@agents.example", "postmaster@agents.example")).startswith("250 ")
    assert await stored(world) == [MAIL]


async def test_the_operator_learns_what_the_storage_has(world: World) -> None:
    with capture_logs() as logged:
        async with greeted(world) as talk:
            await world.system.db.close()
            await talk.command("MAIL FROM:<bea@example.net>")
            assert (await talk.command(f"RCPT TO:<{ADA}>")).startswith("451 4.3.0 ")
    (line,) = [line for line in logged if line["event"] == "storage refused"]
    assert "the database is closed" in line["error"]


async def test_an_unknown_network_is_asked_to_come_again(world: World) -> None:
    async with greeted(world, greylist_minutes=5) as talk:
        await talk.command("MAIL FROM:<bea@example.net>")
        assert (await talk.command(f"RCPT TO:<{ADA}>")).startswith(f"451 4.7.1 <{ADA}>: greylisted")
        world.clock.at += 5 * 60 * 1_000_000
        assert (await talk.command(f"RCPT TO:<{ADA}>")).startswith("250 ")
