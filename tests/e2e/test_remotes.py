"""What becomes of mail to real servers: Postfix and Exim as the remote, each refusing, securing and vouching in turn.

`pytest -s tests/e2e/test_remotes.py` prints the tables of docs/remotes.md.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from policies.modes import Mode
from server.app import running
from server.delivery.outcome import Sent
from server.delivery.tls_report import TlsCounts
from server.delivery.worker import Worker
from server.domains import new_signing_keys
from server.settings import Settings
from storage.blobs import Blobs
from storage.database import many, one
from storage.migrate import migrate
from storage.records import Delivery, Event, Message
from storage.sqlite import open_sqlite
from tests.conftest import AGENT, Clock, eventually
from tests.e2e.remote_behaviours import BEHAVIOURS, OPEN, Behaviour, Session
from tests.e2e.remote_site import PLAIN, SIGNED, Site, standing
from tests.e2e.remotes import GREY, GREY_TEXT, REFUSALS, SERVERS
from tests.fakes.signing import at_work, signers_of
from tools.accounts import create_account, create_mailbox
from tools.context import MINUTE, Context, Principal, Secret
from tools.context import Site as OurSite
from tools.outbox import DELIVERIES
from tools.send import SendRequest, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOMAIN = "agents.example"
ACCEPTED = {"Postfix": "Ok: queued as ", "Exim": "OK id="}
"""How each says that it has taken a mail."""

_POLICIES = {"no-policy-found": "no policy", "sts": "MTA-STS", "tlsa": "DANE"}
_TLS = re.compile(r"TLSv?(1\.[0-9])")


@dataclass(frozen=True, slots=True)
class Line:
    """A real server, and Gatepost's way to it with nothing known from before."""

    server: str
    site: Site
    agent: Context
    clock: Clock
    counts: TlsCounts

    async def send(self, to: str) -> str:
        """Hand a mail in; the message's id."""
        request = SendRequest(to=[to], subject="The minutes", markdown="Dear Bea,\n\n.here they are.")
        result = await send(self.agent, request)
        assert result.status == "queued"
        return result.message_id

    async def attempted(self, message_id: str, attempts: int = 1) -> Delivery:
        """The message's delivery after so many attempts."""
        found: list[Delivery] = []

        async def over() -> bool:
            found[:] = await many(self.agent.db, Delivery, "deliveries", message_id=message_id)
            return found[0].attempts == attempts and found[0].state != "queued"

        await eventually(over, 20)
        (delivery,) = found
        return delivery

    async def events(self) -> list[tuple[str, dict[str, object]]]:
        """Type and data of what happened to deliveries."""
        account_id = self.agent.principal.account_id
        events = await many(self.agent.db, Event, "events", account_id=account_id, after=0, limit=1000)
        return [(event.type, json.loads(event.data)) for event in events if event.type.startswith("delivery.")]

    async def taken(self, message_id: str) -> str:
        """The mail as the remote has it, waiting for it."""
        message = await one(
            self.agent.db,
            Message,
            "message_of_account",
            id=message_id,
            account_id=self.agent.principal.account_id,
        )
        assert message is not None
        name = message.rfc_message_id.encode()

        def found() -> list[bytes]:
            return [mail for mail in self.site.remote.mails("all") if name in mail]

        await eventually(found, 20)
        (mail,) = found()
        return mail.decode()

    async def tls(self, message_id: str) -> str:
        """How the mail came, by the remote's own Received field."""
        version = _TLS.search((await self.taken(message_id)).partition("\r\nSubject:")[0])
        return f"TLS {version[1]}" if version else "clear"

    def sessions(self) -> list[Session]:
        """What sessions were counted as."""
        return [(row.policy.type, row.result) for row, number in self.counts.rows().items() for _ in range(number)]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    server: str
    behaviour: str
    delivery: Delivery
    tls: str
    sessions: list[Session]

    def __str__(self) -> str:
        session = "; ".join(f"{_POLICIES[policy]}, {result or 'in order'}" for policy, result in self.sessions)
        code = f"{self.delivery.code or '–'} {self.delivery.enhanced}".strip()
        reply = self.delivery.reply[:160].replace("|", "\\|")
        cells = (
            self.behaviour,
            self.delivery.state,
            code,
            self.delivery.category or "–",
            self.tls,
            session or "–",
            reply,
        )
        return f"| {' | '.join(cells)} |"


@pytest.fixture(scope="module")
def table() -> Iterator[list[Row]]:
    """What happened, printed at the end."""
    rows: list[Row] = []
    yield rows
    for server in SERVERS:
        print(f"\n## {server}\n\n| the remote | became | code | category | TLS | session | reply |")
        print("|---|---|---|---|---|---|---|")
        print(*(row for row in rows if row.server == server), sep="\n")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SERVERS)
async def remote(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, Site]]:
    async with standing(request.param) as site:
        yield request.param, site


@pytest_asyncio.fixture(loop_scope="module")
async def line(remote: tuple[str, Site], tmp_path: Path) -> AsyncIterator[Line]:
    server, site = remote
    clock = Clock()
    counts = TlsCounts(clock)
    async with _opened(tmp_path, clock) as system:
        agent = await _agent(system)
        courier = site.courier(clock, counts, tmp_path)
        try:
            async with at_work(Worker(system, courier, signers_of(system)).run()):
                yield Line(server, site, agent, clock, counts)
        finally:
            await courier.close()


@asynccontextmanager
async def _opened(folder: Path, clock: Clock) -> AsyncIterator[Context]:
    database = await open_sqlite(folder / "gatepost.db")
    await migrate(database)
    site = OurSite(base_url="http://127.0.0.1:8025")
    try:
        yield Context(
            database, Blobs(folder / "blobs"), Secret(b"a secret that only the tests know"), site, clock=clock
        )
    finally:
        await database.close()


async def _agent(system: Context) -> Context:
    account = await create_account(system, DOMAIN, "boss@example.org", new_signing_keys(system))
    mailbox = await create_mailbox(system, account.id, "ada", DOMAIN, mode=Mode.AUTONOMOUS)
    return system.acting_as(Principal(account.id, AGENT, "the agent", mailbox.id))


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.name)
async def test_what_becomes_of_a_mail(behaviour: Behaviour, line: Line, table: list[Row]) -> None:
    message_id = await line.send(behaviour.to)
    delivery = await line.attempted(message_id)
    tls = await line.tls(message_id) if delivery.state == "sent" else "–"
    table.append(Row(line.server, behaviour.name, delivery, tls, line.sessions()))
    words = ACCEPTED[line.server] if behaviour.state == "sent" else behaviour.words
    assert (delivery.state, delivery.code, delivery.category) == (behaviour.state, behaviour.code, behaviour.category)
    assert behaviour.enhanced in (None, delivery.enhanced)
    assert words in delivery.reply
    assert line.sessions() == ([behaviour.session] if behaviour.session else [])
    if behaviour.state == "sent":
        assert (tls != "clear") == behaviour.encrypted
    else:
        assert not any(behaviour.to.encode() in mail for mail in line.site.remote.mails("all"))
    told = {"recipient": behaviour.to, "reply": delivery.reply}
    assert await line.events() == [(f"delivery.{behaviour.state}", told)]


async def test_greylisted_mail_is_taken_when_it_comes_again(line: Line, table: list[Row]) -> None:
    message_id = await line.send(f"{GREY}@good.{PLAIN}")
    first = await line.attempted(message_id)
    table.append(Row(line.server, "greylisting", first, "–", line.sessions()))
    assert (first.state, first.category) == ("deferred", "GreyListed")
    assert first.code == {"Postfix": 450, "Exim": 451}[line.server]
    assert f"{first.enhanced} {first.reply}".endswith(GREY_TEXT.removeprefix("4.7.1 "))
    assert 4 * MINUTE < first.due_at - line.clock.at < 6 * MINUTE
    line.clock.at = first.due_at
    line.agent.db.wakeups.fire(DELIVERIES)
    second = await line.attempted(message_id, 2)
    table.append(
        Row(line.server, "greylisting, the second time", second, await line.tls(message_id), line.sessions()[1:])
    )
    assert (second.state, second.code) == ("sent", 250)
    assert [type_ for type_, _ in await line.events()] == ["delivery.deferred", "delivery.sent"]


async def test_a_session_outlives_refusals_at_each_step(line: Line) -> None:
    for name in ("rcpt5", "data5", "dot4", "dot5"):
        refused = await line.attempted(await line.send(f"{name}@good.{PLAIN}"))
        assert refused.code == REFUSALS[name].code
    message_id = await line.send(f"bea@good.{PLAIN}")
    assert (await line.attempted(message_id)).state == "sent"
    assert "\r\n.here they are.\r\n" in await line.taken(message_id)
    assert line.sessions() == [OPEN]


async def test_many_mails_at_once_arrive_once_and_whole(remote: tuple[str, Site], tmp_path: Path) -> None:
    """Sixty mails over at most five sessions: dots where a line begins, 8-bit, up to 300 KB, with no body at all."""
    _, site = remote
    counts = TlsCounts(Clock())
    courier = site.courier(Clock(), counts, tmp_path)
    mails = [_mail(number) for number in range(60)]
    sender = f"ada@{DOMAIN}"
    outcomes = await asyncio.gather(*(courier.deliver(sender, f"many@good.{PLAIN}", raw) for raw in mails))
    await courier.close()
    assert {type(outcome) for outcome in outcomes} == {Sent}
    assert sum(counts.rows().values()) <= 5

    def arrived() -> list[bytes]:
        return [mail for mail in site.remote.mails("all") if b"<many." in mail]

    await eventually(lambda: len(arrived()) >= len(mails), 20)
    found = sorted(mail[mail.index(b"Message-ID: <many.") :] for mail in arrived())
    assert found == sorted(mails)


def _mail(number: int) -> bytes:
    lines = [b".", b"..", b"", b".dot", "Übersicht".encode(), b"x" * 900]
    body = b"".join(line + b"\r\n" for line in (lines * number * 6)[: 6 * number * number % 1900])
    head = f"Message-ID: <many.{number}@{DOMAIN}>\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\nFrom: ada@{DOMAIN}\r\n"
    return head.encode() + b"To: many@example.org\r\n\r\n" + body


@pytest.mark.parametrize(("trusted", "state"), [(True, "deferred"), (False, "sent")])
async def test_the_server_follows_dane_where_it_trusts_the_resolver(
    trusted: bool, state: str, remote: tuple[str, Site], tmp_path: Path
) -> None:
    """The whole server by its settings, to a host whose TLSA record names another certificate."""
    server, site = remote
    settings = Settings(
        data=tmp_path,
        http_port=0,
        smtp_port=0,
        hostname=f"mail.{DOMAIN}",
        route="direct",
        direct_port=site.port,
        direct_private=True,
        resolver=f"127.0.0.1:{site.resolver_port}",
        resolver_trusted=trusted,
    )
    async with running(settings) as gatepost:
        line = Line(server, site, await _agent(gatepost.context), Clock(), TlsCounts(Clock()))
        delivery = await line.attempted(await line.send(f"bea@wrongname.{SIGNED}"))
    assert delivery.state == state
