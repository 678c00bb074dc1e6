"""Replies, however they are cut into pieces; and what is none."""

import asyncio
from itertools import pairwise

import pytest
from aiosmtplib.protocol import SMTPProtocol
from hypothesis import given, settings
from hypothesis import strategies as st

from server.delivery.replies import MAX_LINE, MAX_LINES, MAX_REPLY, Garbled, Reply, ReplyReader

CODES = st.integers(200, 599)
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=20).map(str.strip)
REPLIES = st.builds(lambda code, lines: Reply(code, "\n".join(lines)), CODES, st.lists(WORDS, min_size=1, max_size=4))


def on_the_wire(reply: Reply, end: str = "\r\n") -> bytes:
    *lines, last = reply.text.split("\n")
    return "".join([*(f"{reply.code}-{line}{end}" for line in lines), f"{reply.code} {last}{end}"]).encode()


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def read(pieces: list[bytes]) -> tuple[list[Reply], str]:
    """The replies, and why there are no more of them."""
    reader, replies = ReplyReader(), list[Reply]()
    try:
        for piece in pieces:
            for reply in reader.feed(piece):
                replies.append(reply)
    except Garbled as error:
        return replies, str(error)
    return replies, ""


@given(st.lists(REPLIES, max_size=4), st.lists(st.integers(0), max_size=8), st.sampled_from(["\r\n", "\n"]))
def test_replies_are_read_in_any_pieces(replies: list[Reply], cuts: list[int], end: str) -> None:
    wire = b"".join(on_the_wire(reply, end) for reply in replies)
    assert read(in_pieces(wire, cuts)) == (replies, "")


def test_replies_are_read_cut_at_every_byte() -> None:
    wire = b"220 hi\r\n250-mx.test\r\n250-SIZE 10\r\n250 AUTH PLAIN\r\n354\r\n550 5.1.1 no\r\n"
    expected = [Reply(220, "hi"), Reply(250, "mx.test\nSIZE 10\nAUTH PLAIN"), Reply(354, ""), Reply(550, "5.1.1 no")]
    for cut in range(len(wire) + 1):
        assert read([wire[:cut], wire[cut:]]) == (expected, "")
    assert read([wire[at : at + 1] for at in range(len(wire))]) == (expected, "")


@settings(max_examples=300)
@given(
    st.binary(max_size=60) | st.lists(st.sampled_from([b"250", b"-", b" ", b"\r\n", b"\n", b"5", b"x"])).map(b"".join)
)
def test_the_pieces_do_not_matter_for_garbage_either(data: bytes) -> None:
    whole = read([data])
    assert read([data[at : at + 1] for at in range(len(data))]) == whole
    assert all(200 <= reply.code < 600 for reply in whole[0])


@pytest.mark.parametrize(
    "line",
    [
        "2500 ok",
        "25 ok",
        "250ok",
        "250\tok",
        "199 ok",
        "600 no",
        "000 no",
        "999",
        "abc",
        "",
        " 250 ok",
        "-250 ok",
        "²50 ok",
        "+50 ok",
    ],
)
def test_a_code_that_is_none_is_garbage(line: str) -> None:
    replies, why = read([b"220 hi\r\n" + line.encode() + b"\r\n250 ok\r\n"])
    assert replies == [Reply(220, "hi")]
    assert why.startswith("malformed reply: ")


def test_the_last_line_has_the_code() -> None:
    assert read([b"250-yes\r\n550 or no\r\n"]) == ([Reply(550, "yes\nor no")], "")


def test_words_that_are_not_utf8_are_kept() -> None:
    (reply,), _ = read([b"550 gr\xfc\xdfe\r\n"])
    assert reply.text.encode("utf-8", "surrogateescape") == b"gr\xfc\xdfe"


@pytest.mark.parametrize(
    "wire",
    [
        b"2" * (MAX_LINE + 1),
        b"250 " + b"x" * MAX_LINE + b"\r\n",
        b"250-\n" * (MAX_LINES + 1),
        (b"250-" + b"x" * 1000 + b"\r\n") * (MAX_REPLY // 1000 + 1),
    ],
    ids=["no end", "a line", "lines", "in all"],
)
def test_what_is_too_long_is_refused_in_any_pieces(wire: bytes) -> None:
    for size in (len(wire), 1000, 7):
        replies, why = read([wire[at : at + size] for at in range(0, len(wire), size)])
        assert (replies, why[-8:]) == ([], "too long")


def test_long_replies_within_the_limits_are_read() -> None:
    wire = b"250-" + b"x" * (MAX_LINE - 6) + b"\r\n" + b"250-\n" * (MAX_LINES - 2) + b"250 ok\r\n"
    assert len(wire) < MAX_REPLY
    (reply,), why = read([wire])
    assert (len(reply.text.split("\n")), why) == (MAX_LINES, "")


@given(st.lists(REPLIES, min_size=1, max_size=1), st.sampled_from(["\r\n", "\n"]))
def test_it_reads_what_aiosmtplib_reads(replies: list[Reply], end: str) -> None:
    wire = b"".join(on_the_wire(reply, end) for reply in replies)

    async def by_aiosmtplib() -> tuple[int, str]:
        protocol = SMTPProtocol()
        protocol.connection_made(asyncio.Transport())
        protocol.data_received(wire)
        return await protocol.read_response()

    code, text = asyncio.run(by_aiosmtplib())
    # it leaves out the empty lines at the start
    assert (code, text) == (replies[0].code, replies[0].text.lstrip("\n"))
