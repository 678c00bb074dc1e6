"""Many connections over SMTP: how many of the files that the process may have open they can take."""

from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from server.inbound import InboundSettings
from server.smtp.submission import bounds
from tests.conftest import eventually
from tests.e2e.gatepost_process import MAILBOX, installed
from tests.e2e.smtp_talk import talking

MAIL = b"From: bea@example.net\r\nSubject: Still here\r\n\r\nAll the words of it.\r\n"


@pytest.mark.parametrize(("limit", "connections"), [(65_536, (2000, 500)), (4096, (1024, 341)), (1024, (256, 85))])
def test_both_ports_have_a_third_of_the_files(limit: int, connections: tuple[int, int]) -> None:
    assert (InboundSettings().bounds(limit).connections, bounds(limit).connections) == connections


async def test_a_crowd_over_smtp_leaves_files_to_http_and_the_database(tmp_path: Path) -> None:
    """With as few files as some systems give, and on uvloop."""
    async with installed(tmp_path / "data") as gatepost, AsyncExitStack() as stack:
        gatepost.before = ("sh", "-c", 'ulimit -n 320 && exec "$@"', "sh")
        gatepost.environment["GATEPOST_INBOUND"] = '{"per_address": 1000}'
        await gatepost.start()
        async with talking(gatepost.smtp_port) as first, httpx2.AsyncClient() as http:
            await first.greet()
            crowd = [await stack.enter_async_context(talking(gatepost.smtp_port)) for _ in range(400)]
            said = [await talk.reply() for talk in crowd]
            assert [reply[:4] for reply in said] == ["220 "] * 79 + ["421 "] * 321
            assert said[-1] == "421 4.3.2 Too many connections at the moment; come again in a minute"
            assert (await first.mail(MAIL, MAILBOX)).startswith("250 "), "who was there before is served"
            assert (await http.get(f"{gatepost.url}/readyz")).status_code == 200
            for talk in crowd[:79]:
                talk.writer.close()

            async def greeted() -> bool:
                async with talking(gatepost.smtp_port) as talk:
                    return (await talk.reply()).startswith("220 ")

            await eventually(greeted)
