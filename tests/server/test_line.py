"""A line to another mail server: what has left this process and what has not."""

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop

from server.delivery.line import Line, LineLost

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
CONTENT = b"x" * 50_000
"""More than the sockets below take, less than a transport buffers before it says so by itself."""


def narrow_pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection that holds little."""
    ours = socket.socket()
    with socket.socket() as listening:
        for each in (ours, listening):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        ours.connect(listening.getsockname())
        theirs, _ = listening.accept()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


@pytest.mark.parametrize("loop", LOOPS)
def test_what_waits_in_this_process_is_known_to_the_byte(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def write_and_read() -> None:
        ours, theirs = narrow_pair()
        running = asyncio.get_running_loop()
        _, line = await running.create_connection(Line, sock=ours)
        line.ask(CONTENT)
        assert not line.all_written
        heard = 0
        while heard < len(CONTENT):
            heard += len(await running.sock_recv(theirs, 1 << 16))
        await line.flushed(5)
        assert line.all_written
        await running.sock_sendall(theirs, b"250 ok\r\n")
        assert (await line.reply(5)).code == 250
        line.abort()
        with pytest.raises(LineLost):
            line.write(b"QUIT\r\n")
        theirs.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(write_and_read())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_line_that_was_closed_amid_the_writing_was_not_all_written(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def write_and_lose(lose: Callable[[socket.socket], None]) -> None:
        ours, theirs = narrow_pair()
        _, line = await asyncio.get_running_loop().create_connection(Line, sock=ours)
        line.ask(CONTENT)
        lose(theirs)
        with pytest.raises(LineLost):
            await line.reply(5)
        assert not line.all_written
        assert not line.alive
        theirs.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(write_and_lose(socket.socket.close))
        # a remote that will say no more, and reads no more either
        runner.run(write_and_lose(lambda theirs: theirs.shutdown(socket.SHUT_WR)))
