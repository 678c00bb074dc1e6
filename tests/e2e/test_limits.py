"""Real sockets against the listener: a mail is stored whole or refused, whatever the client does to it."""

import asyncio
import contextlib
import socket
import struct

import pytest

from server.smtp import conversation
from tests.conftest import World, eventually
from tests.e2e.listener import greeted, listening, stored
from tests.e2e.smtp_talk import talking
from tools.check_inbox import InboxRequest, check_inbox
from tools.fields import ListedMessage

# what comes over the wire is the same whatever stores it
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)

MIB = 1024 * 1024
HEAD = b"From: bea@example.net\r\nTo: ada@agents.example\r\nSubject: limits\r\n\r\n"
SMALL = HEAD + b"Good morning\r\n"


@pytest.mark.parametrize("length", [998, 1_100, 5_000, 65_536, 200_000])
async def test_long_lines_are_kept_as_they_are(world: World, length: int) -> None:
    raw = HEAD + b"x" * length + b"\r\nend\r\n"
    async with greeted(world) as talk:
        assert (await talk.mail(raw, world.mailbox.address)).startswith("250 ")
    assert await stored(world) == [raw]


@pytest.mark.parametrize("size", [1, 200_000])
async def test_a_client_that_hangs_up_after_the_final_dot_has_handed_its_mail_over(world: World, size: int) -> None:
    raw = HEAD + b"y" * size + b"\r\n"
    async with listening(world) as port:
        for _ in range(20):
            async with talking(port) as talk:
                await talk.greet()
                await talk.begin(world.mailbox.address)
                await talk.send(raw + b".\r\n")

        async def all_there() -> bool:
            return len(await stored(world)) == 20

        await eventually(all_there)
    assert set(await stored(world)) == {raw}


@pytest.mark.parametrize("cut", range(1, 6))
async def test_a_mail_cut_before_its_end_is_not_stored(world: World, cut: int) -> None:
    wire = SMALL + b".\r\n"
    async with listening(world) as port:
        async with talking(port) as talk:
            await talk.greet()
            await talk.begin(world.mailbox.address)
            await talk.send(wire[:-cut])
        async with talking(port) as talk:
            await talk.greet()
            assert (await talk.mail(SMALL + b"whole\r\n", world.mailbox.address)).startswith("250 ")
    assert await stored(world) == [SMALL + b"whole\r\n"]


WAYS = ("FIN", "RST", "half-open")


@pytest.mark.parametrize("way", WAYS)
async def test_a4_a_cut_mail_is_stored_whole_or_not_at_all_and_once_more_at_most(world: World, way: str) -> None:
    """A4: at every byte around the final dot, and right behind it; the sender brings it again, having read no 250."""
    subjects = [f"Subject: {number}\r\nMessage-ID: <{number}@example.net>\r\n".encode() for number in range(20)]
    mails = [subject + HEAD.replace(b"Subject: limits\r\n", b"") + b"Good morning\r\n" for subject in subjects]
    async with listening(world) as port, contextlib.AsyncExitStack() as stack:
        for cut, raw in enumerate(mails):
            talk = await stack.enter_async_context(talking(port))
            await talk.greet()
            await talk.begin(world.mailbox.address)
            await talk.send((raw + b".\r\n")[: -cut or None])
            if way == "RST":
                linger = struct.pack("ii", 1, 0)
                talk.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            if way != "half-open":
                talk.writer.close()
            async with talking(port) as again:
                await again.greet()
                assert (await again.mail(raw, world.mailbox.address)).startswith("250 ")
        found = await stored(world)
    assert set(found) == set(mails)
    assert len(found) - len(mails) <= 1, "only what was cut behind its dot may be there twice"
    warned = [message.warnings for message in await inbox(world)]
    assert sum("probable_duplicate" in each for each in warned) == len(found) - len(mails)


async def test_a4_what_is_brought_again_is_marked_as_a_probable_duplicate(world: World) -> None:
    """A4: the later one, and only where the same sender used its Message-ID before."""
    raw = b"Message-ID: <1@example.net>\r\n" + SMALL
    async with greeted(world) as talk:
        for each in (raw, raw, raw.replace(b"From: bea", b"From: bob"), SMALL, SMALL):
            assert (await talk.mail(each, world.mailbox.address)).startswith("250 ")
    warned = ["probable_duplicate" in message.warnings for message in reversed(await inbox(world))]
    assert warned == [False, True, False, False, False]


async def inbox(world: World) -> list[ListedMessage]:
    """What the agent is told of each mail, newest first."""
    return (await check_inbox(world.context, InboxRequest(limit=100))).messages


TRICKY = {
    "empty": b"",
    "only a dot": b".\r\n",
    "leading dot": b".first\r\n\r\nbody\r\n",
    "dots": HEAD + b".\r\n..\r\n...\r\n.x\r\nx.\r\n.\r\n",
    "bare line ends": HEAD + b"a\nb\rc\r\r\n.\n\n.\r\r\n",
    "no empty line": b"Subject: x\r\n",
    "last line blank": HEAD + b"\r\n\r\n",
}


@pytest.mark.parametrize("raw", TRICKY.values(), ids=TRICKY)
async def test_dots_are_taken_out_wherever_the_stream_is_cut(world: World, raw: bytes) -> None:
    """In two pieces, cut at every byte, and once byte by byte."""
    wire = raw if not raw else (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:]
    wire += b".\r\n"
    cuts = [[wire[:at], wire[at:]] for at in range(len(wire))] + [[bytes([each]) for each in wire]]
    async with greeted(world) as talk:
        for pieces in cuts:
            await talk.begin(world.mailbox.address)
            for piece in pieces:
                await talk.send(piece)
                # the listener lives on this loop: two rounds of it and the piece has been read
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            assert (await talk.reply()).startswith("250 ")
    assert await stored(world) == [raw] * len(cuts)


async def test_reading_a_mail_takes_time_by_its_size_alone(world: World) -> None:
    """Lines of one letter and a dot once cost a hundred times as much: the dot was looked at each time."""
    raw = HEAD + b"a.\r\n" * (2 * MIB)
    async with greeted(world, 25 * MIB) as talk, asyncio.timeout(4):
        assert (await talk.mail(raw, world.mailbox.address)).startswith("250 ")
    assert await stored(world) == [raw]


async def test_commands_sent_along_with_the_mail_are_obeyed_in_order(world: World) -> None:
    next_mail = f"MAIL FROM:<bea@example.net>\r\nRCPT TO:<{world.mailbox.address}>\r\nDATA\r\n".encode()
    async with greeted(world) as talk:
        await talk.begin(world.mailbox.address)
        await talk.send(SMALL + b".\r\n" + next_mail + SMALL + b"two\r\n.\r\nNOOP\r\nQUIT\r\n")
        codes = [(await talk.reply())[:3] for _ in range(6)]
        assert codes == ["250", "250", "250", "354", "250", "250"]
        assert (await talk.reply()).startswith("221 ")
    assert await stored(world) == [SMALL, SMALL + b"two\r\n"]


SMUGGLED = [b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n\0.\r\n", b"\r\r\n.\r\r\n"]
"""Ends of data that some servers take for the end (CVE-2023-51764 and its kin)."""


@pytest.mark.parametrize("end", SMUGGLED, ids=repr)
async def test_no_mail_is_smuggled_in(world: World, end: bytes) -> None:
    inner = f"MAIL FROM:<boss@example.net>\r\nRCPT TO:<{world.mailbox.address}>\r\nDATA\r\n".encode()
    raw = HEAD + b"before" + end + inner + b"Subject: smuggled\r\n\r\nafter\r\n"
    async with greeted(world) as talk:
        await talk.begin(world.mailbox.address)
        await talk.send(raw + b".\r\n")
        assert (await talk.reply()).startswith("250 ")
        assert (await talk.command("NOOP")).startswith("250 ")
    # RFC 5321 section 4.5.2: one dot is taken from a line that begins with one
    assert await stored(world) == [raw.replace(b"\r\n.", b"\r\n")]


async def test_unknown_mailboxes_are_refused_at_rcpt(world: World) -> None:
    async with greeted(world) as talk:
        await talk.command("MAIL FROM:<bea@example.net>")
        for address in ("nobody@agents.example", "ada@elsewhere.example", "b+dlv_1+aaaaaaaaaaaaaaaa@agents.example"):
            assert (await talk.command(f"RCPT TO:<{address}>")).startswith("550 5.1.1 ")
        assert (await talk.command("DATA")).startswith("503 ")


async def test_recipients_past_the_hundredth_wait_for_another_mail(world: World) -> None:
    async with greeted(world) as talk:
        await talk.command("MAIL FROM:<bea@example.net>")
        for _ in range(100):
            assert (await talk.command(f"RCPT TO:<{world.mailbox.address}>")).startswith("250 ")
        assert (await talk.command(f"RCPT TO:<{world.mailbox.address}>")).startswith("452 4.5.3 ")
        await talk.command("DATA")
        await talk.send(SMALL + b".\r\n")
        assert (await talk.reply()).startswith("250 ")
    assert await stored(world) == [SMALL]


async def test_a_mail_in_a_circle_is_refused_for_good(world: World) -> None:
    hop = b"Received: from mx.example.net by mx.agents.example; Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    async with greeted(world) as talk:
        assert (await talk.mail(hop * 50 + SMALL, world.mailbox.address)).startswith("250 ")
        assert (await talk.mail(hop * 51 + SMALL, world.mailbox.address)).startswith("554 5.4.6 ")
    assert len(await stored(world)) == 1


async def test_the_size_limit_is_advertised_and_held(world: World) -> None:
    limit = 25 * MIB
    async with listening(world, limit) as port, talking(port) as talk:
        assert f"SIZE {limit}" in await talk.greet()
        assert (await talk.command(f"MAIL FROM:<bea@example.net> SIZE={limit + 1}")).startswith("552 ")
        line = b"z" * 1022 + b"\r\n"
        room = HEAD + line * ((limit - len(HEAD)) // len(line))
        full = room + b"z" * (limit - len(room) - 2) + b"\r\n"
        assert len(full) == limit
        assert (await talk.mail(full, world.mailbox.address)).startswith("250 ")
        assert (await talk.mail(full[:-2] + b"z\r\n", world.mailbox.address)).startswith("552 5.3.4 ")
        assert (await talk.mail(SMALL, world.mailbox.address)).startswith("250 ")
    assert await stored(world) == [full, SMALL]


async def test_a_mail_that_takes_too_long_ends_the_connection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "LOOK_SECONDS", 0.05)
    async with greeted(world, patience=conversation.Patience(mail=0.3)) as talk:
        await talk.begin(world.mailbox.address)
        await talk.send(SMALL)
        assert (await talk.reply()).startswith("421 4.4.2 ")
        assert await talk.closed()
    assert await stored(world) == []
