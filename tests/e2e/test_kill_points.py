"""`kill -9` of the delivery process at twelve named points of one mail's way: nothing vanishes, and twice is marked.

GATEPOST_TEST_KILLS says how often at each point.
"""

import json
import multiprocessing
import os
import signal
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from email import message_from_bytes
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import trustme

from storage.database import many
from storage.records import Delivery
from tests.conftest import Clock, eventually, fresh_postgres
from tests.e2e.doomed_worker import CLAIM, SETTLE, Death, Life, Place, live, opened
from tests.fakes.certificates import issue, serving_context
from tests.fakes.signing import signing_world
from tests.fakes.smtp_server import FakeSMTPServer, Script, Session
from tools.context import SECOND, Context
from tools.deliver import LEASE
from tools.send import SendRequest, send

TIMES = int(os.environ.get("GATEPOST_TEST_KILLS", "1"))
EHLO = "250-mx.test\n250-STARTTLS\n250-SIZE 10000000\n250 8BITMIME"
BODY = "A paragraph of a long letter, sixty characters to the line.\n\n" * 4_000
"""More than a remote reads at once."""

NEVER = Death()

Kill = Callable[[Session], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Point:
    """Where the process dies: inside it, or by the hand of the remote, whose script has the kill in it."""

    name: str
    death: Death = NEVER
    script: Callable[[Kill], Script] = lambda _kill: {}
    body: str = "Here it is."
    marked: bool = True
    """That the mail may arrive twice; false where nothing was claimed, or all was settled."""
    twice: bool = False


def after_saying(words: str, kill: Kill, *, then_hearing: int = 0) -> Kill:
    async def answer(session: Session) -> None:
        await session.say(words)
        if then_hearing:
            await session.reader.readexactly(then_hearing)
        await kill(session)

    return answer


POINTS = (
    Point("claim written", Death(CLAIM), marked=False),
    Point("claim committed", Death(CLAIM, committed=True)),
    Point("before connecting", Death(connecting=True)),
    Point("after the banner", script=lambda kill: {"EHLO": [kill, EHLO]}),
    Point("after STARTTLS", script=lambda kill: {"EHLO": [EHLO, kill, EHLO]}),
    Point("after MAIL", script=lambda kill: {"RCPT": [kill, "250 2.1.5 ok"]}),
    Point("after RCPT", script=lambda kill: {"DATA": [kill, "354 go on"]}),
    Point("before the body", script=lambda kill: {"DATA": [after_saying("354 go on", kill), "354 go on"]}),
    Point(
        "amid the body",
        script=lambda kill: {"DATA": [after_saying("354 go on", kill, then_hearing=5_000), "354 go on"]},
        body=BODY,
    ),
    Point("after the dot", script=lambda kill: {"CONTENT": [kill, "250 2.0.0 taken"]}, twice=True),
    Point("after the 250", Death(SETTLE), twice=True),
    Point("settlement committed", Death(SETTLE, committed=True), marked=False),
)


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "sqlite":
        yield Place(tmp_path, None)
        return
    async with fresh_postgres(f"gatepost_kills_{os.getpid()}") as url:
        yield Place(tmp_path, url)


@dataclass(slots=True)
class Site:
    """An agent that hands in, and the process that delivers, killed and started again."""

    place: Place
    agent: Context
    later: int = 0
    """Microseconds that have been skipped so that leases run out."""

    async def hand_in(self, subject: str, body: str) -> str:
        acting = replace(self.agent, clock=lambda: self.agent.clock() + self.later)
        request = SendRequest(to=["bea@example.com"], subject=subject, markdown=body)
        result = await send(acting, request)
        assert result.status == "queued"
        return result.message_id

    def start(self, remote: FakeSMTPServer, death: Death) -> BaseProcess:
        process = _PROCESSES.Process(target=live, args=(Life(self.place, remote.port, self.later, death),), daemon=True)
        process.start()
        return process

    def skip_the_lease(self) -> None:
        """On SQLite the next start knows that it is alone; elsewhere the lease has to run out."""
        if self.place.database_url is not None:
            self.later += LEASE + SECOND

    async def until_settled(self, message_id: str) -> None:
        async def settled() -> bool:
            deliveries = await many(self.agent.db, Delivery, "deliveries", message_id=message_id)
            return all(each.state == "sent" for each in deliveries)

        await eventually(settled)

    async def is_marked(self, message_id: str) -> bool:
        rows = await self.agent.db.rows("events", account_id=self.agent.principal.account_id, after=0, limit=100_000)
        return any(
            row["type"] == "delivery.interrupted"
            and row["message_id"] == message_id
            and json.loads(row["data"])["may_arrive_twice"]
            for row in rows
        )


_PROCESSES = multiprocessing.get_context("forkserver")


@pytest.fixture
async def site(place: Place) -> AsyncIterator[Site]:
    _PROCESSES.set_forkserver_preload([live.__module__])
    async with opened(place) as context:
        yield Site(place, (await signing_world(context, Clock())).context)


async def test_kill_nine_at_twelve_points(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    tls = serving_context(issue(trustme.CA(), "localhost"))
    lines = [f"{'killed':<22}{'times':>6}{'vanished':>10}{'twice':>7}{'marked':>8}"]
    for point in POINTS:
        seen: Counter[str] = Counter()
        for number in range(TIMES):
            await _die_once(site, point, number, tls, seen)
        lines.append(f"{point.name:<22}{TIMES:>6}{seen['vanished']:>10}{seen['twice']:>7}{seen['marked']:>8}")
        assert seen["vanished"] == 0, point
        assert seen["twice"] == TIMES * point.twice, point
        assert seen["marked"] == TIMES * point.marked, point
    with capsys.disabled():
        print(f"\n{'PostgreSQL' if site.place.database_url else 'SQLite'}\n" + "\n".join(lines))


async def _die_once(site: Site, point: Point, number: int, tls: ssl.SSLContext, seen: Counter[str]) -> None:
    """One mail whose delivery is killed, and one behind it; the next life brings both to their end."""
    lives: list[BaseProcess] = []

    async def kill(_: Session) -> None:
        assert lives[0].pid is not None
        os.kill(lives[0].pid, signal.SIGKILL)

    async with FakeSMTPServer(point.script(kill), tls=tls) as remote:
        killed = await site.hand_in(f"{point.name} {number}", point.body)
        lives.append(site.start(remote, point.death))
        await eventually(lambda: lives[0].exitcode is not None)
        assert lives[0].exitcode == -signal.SIGKILL
        site.skip_the_lease()
        behind = await site.hand_in(f"behind {point.name} {number}", "Here it is.")
        lives.append(site.start(remote, NEVER))
        await site.until_settled(killed)
        await site.until_settled(behind)
        lives[1].kill()
        lives[1].join()
    arrived = Counter(str(message_from_bytes(mail)["Subject"]) for mail in remote.messages)
    assert arrived[f"behind {point.name} {number}"] == 1
    seen["vanished"] += arrived[f"{point.name} {number}"] == 0
    seen["twice"] += arrived[f"{point.name} {number}"] > 1
    seen["marked"] += await site.is_marked(killed)
