"""Scores from rspamd and spamd, of servers that answer well, badly, late and never."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import ValidationError

from server.screening.rspamd import Rspamd
from server.screening.scanners import scanner_of
from server.screening.spamd import Spamd
from server.screening.table import SpamSettings
from tools.scanner import Envelope, Scanner, ScannerFailed

RAW = b"From: carol@example.com\r\n\r\nHello\r\n"
ENVELOPE = Envelope("carol@example.com", ("ada@agents.example", "ben@agents.example"), "192.0.2.1", "m\r\nEvil: x")
SECONDS = 0.5

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes | None]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[int]:
    """A server on this machine that takes a request and says what `answer` gives; its port."""
    finished = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await answer(reader, writer)
        if said is None:
            await finished.wait()
        else:
            writer.write(said)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            finished.set()


def saying(said: bytes | None, heard: list[bytes] | None = None) -> Answer:
    async def answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> bytes | None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(len(RAW))
        if heard is not None:
            heard.extend((head, body))
        return said

    return answer


def http(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status.encode(), len(body), body)


async def asked(scanner: Scanner) -> float:
    return await scanner.score(RAW, ENVELOPE)


async def test_rspamd_is_told_of_the_envelope_and_gives_its_score() -> None:
    heard: list[bytes] = []
    body = json.dumps({"score": 7.5, "action": "add header", "symbols": {}}).encode()
    async with (
        answering(saying(http(body), heard)) as port,
        scanner_of(SpamSettings(rspamd_url=f"http://127.0.0.1:{port}")) as scanner,
    ):
        assert scanner is not None and await asked(scanner) == 7.5
    head, raw = heard
    assert head.startswith(b"POST /checkv2 HTTP/1.1\r\n") and raw == RAW
    lines = head.lower().split(b"\r\n")
    assert b"from: carol@example.com" in lines and b"ip: 192.0.2.1" in lines
    assert [line for line in lines if line.startswith(b"rcpt")] == [
        b"rcpt: ada@agents.example",
        b"rcpt: ben@agents.example",
    ]
    assert not any(line.startswith(b"evil") for line in lines)


@pytest.mark.parametrize(
    "said",
    [
        http(b"{}"),
        http(b"[]"),
        http(b"no JSON"),
        http(b'{"score": "much"}'),
        http(b'{"score": 1}', "503 Busy"),
        http(b" " * 2_000_000),
        b"nonsense\r\n\r\n",
        b"",
        None,
    ],
)
async def test_an_rspamd_that_gives_no_score_has_failed(said: bytes | None) -> None:
    async with answering(saying(said)) as port:
        scanner = Rspamd(f"http://127.0.0.1:{port}", SECONDS)
        with pytest.raises(ScannerFailed):
            await asked(scanner)
        await scanner.close()


async def test_spamd_is_sent_the_mail_and_gives_its_score() -> None:
    heard: list[bytes] = []
    said = b"SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: True ; 12.3 / 5.0\r\n\r\n"
    async with (
        answering(saying(said, heard)) as port,
        scanner_of(SpamSettings(spamd=f"127.0.0.1:{port}")) as scanner,
    ):
        assert scanner is not None and await asked(scanner) == 12.3
    assert heard == [b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(RAW), RAW]


@pytest.mark.parametrize(
    "said",
    [
        b"SPAMD/1.1 74 EX_TEMPFAIL\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; lots / 5.0\r\n\r\n",
        b"x" * 100_000,
        b"",
        None,
    ],
)
async def test_a_spamd_that_gives_no_score_has_failed(said: bytes | None) -> None:
    async with answering(saying(said)) as port:
        with pytest.raises(ScannerFailed):
            await asked(Spamd(f"127.0.0.1:{port}", SECONDS))


async def test_nobody_at_the_address_is_a_failure_too() -> None:
    async with answering(saying(b"")) as port:
        pass
    rspamd = Rspamd(f"http://127.0.0.1:{port}", SECONDS)
    for scanner in (rspamd, Spamd(f"127.0.0.1:{port}", SECONDS)):
        with pytest.raises(ScannerFailed):
            await asked(scanner)
    await rspamd.close()


async def test_no_scanner_is_named_by_default() -> None:
    async with scanner_of(SpamSettings()) as scanner:
        assert scanner is None


@pytest.mark.parametrize(
    "values",
    [
        {"flag": 9, "quarantine": 5},
        {"rspamd_url": "http://127.0.0.1:11333", "spamd": "127.0.0.1:783"},
        {"rspamd_url": "127.0.0.1:11333"},
        {"spamd": "127.0.0.1"},
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SpamSettings.model_validate(values)
