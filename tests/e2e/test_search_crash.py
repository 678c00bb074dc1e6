"""`kill -9` while mail is being indexed: what was acknowledged is found, each mail once."""

import asyncio
import smtplib
from functools import partial
from pathlib import Path

from tests.conftest import eventually
from tests.e2e.gatepost_process import MAILBOX, Gatepost, installed

KILLS = 2
MAILS = 400
BEHIND = "SELECT 1 FROM account a LEFT JOIN search_mark k ON k.account_id = a.id WHERE a.last_seq > coalesce(k.seq, 0)"
"""A row for each account whose events have not all been looked at."""


def deliver(port: int, acknowledged: list[int], begin: int) -> None:
    """Bring mails on one connection until the server is gone."""
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            for number in range(begin, begin + MAILS):
                text = f"From: x@example.com\r\nTo: {MAILBOX}\r\nSubject: Mail {number}\r\n\r\nneedle n{number}\r\n"
                client.sendmail("x@example.com", [MAILBOX], text)
                acknowledged.append(number)
    except (smtplib.SMTPException, OSError):
        return


def indexed(gatepost: Gatepost) -> int:
    """How many entries hold the word."""
    return int(gatepost.rows("SELECT count(*) AS n FROM search_words WHERE search_words MATCH 'needle'")[0]["n"])


def more_than(gatepost: Gatepost, before: int) -> bool:
    return indexed(gatepost) > before


async def test_what_was_acknowledged_is_found_after_kills(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    async with installed(tmp_path / "data") as gatepost:
        for kill in range(KILLS):
            await gatepost.start()
            before = indexed(gatepost)
            task = asyncio.create_task(asyncio.to_thread(deliver, gatepost.smtp_port, acknowledged, kill * MAILS))
            await eventually(partial(more_than, gatepost, before), 20)
            await gatepost.kill()
            await task
        await gatepost.start()
        await eventually(lambda: not gatepost.rows(BEHIND), 20)
        stored = gatepost.rows("SELECT count(*) AS n FROM message")[0]["n"]
        assert indexed(gatepost) == stored >= len(acknowledged) > KILLS
        for number in (acknowledged[0], acknowledged[-1]):
            rows = gatepost.rows("SELECT rowid FROM search_words WHERE search_words MATCH ?", f"n{number}")
            assert len(rows) == 1, number
        gatepost.alter("INSERT INTO search_words (search_words) VALUES ('integrity-check')")
