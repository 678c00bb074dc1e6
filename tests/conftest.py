"""What every test may ask for: a context on each database, a clock that is set by hand, and a small world."""

import asyncio
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from hypothesis import settings

from policies.modes import Mode
from policies.suppression import Reason
from storage.blobs import Blobs
from storage.database import Database, Row, Transaction, many
from storage.migrate import migrate
from storage.records import Account, Mailbox, Message
from storage.sqlite import open_sqlite
from tools.accounts import SigningKeys, create_account, create_mailbox
from tools.context import Context, Principal, Secret, Site
from tools.identity import create_key, principal_of
from tools.suppressing import suppress

# a shell's background job ignores SIGINT, and so would all that the tests start and end by it
signal.signal(signal.SIGINT, signal.default_int_handler)

POSTGRES = os.environ.get("GATEPOST_TEST_POSTGRES", "")
"""URL of a PostgreSQL server where databases may be made: postgresql://user@127.0.0.1:5432/postgres"""

# A run that fails for chance tells the person at work nothing of the change; `make explore` looks for the new.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile("fixed")

START = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, where the tests' clock begins."""

AGENT = frozenset({"read", "send"})
NO_KEYS = SigningKeys("gp", "", "")


def missing(what: str) -> None:
    """Skip for want of `what`, or fail where everything has to be there."""
    if os.environ.get("GATEPOST_TEST_REQUIRE_ALL"):
        pytest.fail(f"{what} is missing, and GATEPOST_TEST_REQUIRE_ALL is set")
    pytest.skip(f"needs {what}")


def program(name: str, *places: str) -> str:
    """The path of a program, or a skip."""
    path = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin", *places)))
    if path is None:
        missing(name)
    assert path is not None
    return path


@dataclass
class Clock:
    """Microseconds since the epoch, moved by hand; each look is one microsecond later."""

    at: int = START

    def __call__(self) -> int:
        self.at += 1
        return self.at


@dataclass(frozen=True)
class World:
    """An account with one mailbox and its agent's key."""

    context: Context
    """Acting as the agent."""
    system: Context
    """Acting as nobody in particular."""
    clock: Clock
    account: Account
    mailbox: Mailbox
    key: str
    overseer: str = field(default="boss@example.org")

    async def in_mode(self, mode: Mode) -> Mailbox:
        """The mailbox after it was put in a mode."""

        async def work(transaction: Transaction) -> None:
            await transaction.run("set_mode", id=self.mailbox.id, mode=mode)

        await self.system.db.write(work)
        return replace(self.mailbox, mode=mode)

    async def acquaintance(self, address: str) -> Row:
        """What the mailbox knows of an address: `known`, `introduced_by`, `domain_known`."""
        forms = {"address": address, "untagged": address, "domain": address.rpartition("@")[2]}
        [row] = await self.system.db.rows("acquaintance", mailbox_id=self.mailbox.id, **forms)
        return row

    async def suppress(self, address: str, reason: Reason) -> None:
        """The account sends nothing to the address from now on."""
        await self.system.db.write(lambda opened: suppress(opened, self.clock(), self.account.id, address, reason))

    async def messages(self) -> list[Message]:
        """The account's messages, the newest first."""
        return await messages_of(self.system.db, self.account.id)


async def messages_of(db: Database, account_id: str) -> list[Message]:
    """An account's messages with their texts, the newest first."""
    heads = await db.rows("mail_of_account", account_id=account_id, before_at=2**62, before_id="", limit=1000)
    return [each for head in heads for each in await many(db, Message, "any_message", id=head["id"])]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A database with every migration, for each kind its folder or its name: to copy one takes a tenth of making it."""
    folder, name = tmp_path_factory.mktemp("migrated"), f"gatepost_{os.getpid()}_migrated"
    stack = AsyncExitStack()

    async def make() -> None:
        databases = [await open_sqlite(folder / "gatepost.db")]
        if POSTGRES:
            from storage.postgres import open_postgres

            databases.append(await open_postgres(await stack.enter_async_context(fresh_postgres(name))))
        for database in databases:
            await migrate(database)
            # PostgreSQL copies what nobody is connected to
            await database.close()

    with asyncio.Runner() as runner:
        runner.run(make())
        yield {"sqlite": str(folder), "postgres": name}
        runner.run(stack.aclose())


@pytest.fixture(params=["sqlite", "postgres"])
async def db(request: pytest.FixtureRequest, migrated: dict[str, str], tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh, migrated database: SQLite in a file, and PostgreSQL where there is one."""
    async with fresh_database(request.param, tmp_path, migrated[request.param]) as database:
        yield database


@asynccontextmanager
async def fresh_database(kind: str, folder: Path, template: str = "") -> AsyncIterator[Database]:
    """A database that is closed at the end, empty or like the template; `kind` is sqlite or postgres."""
    async with AsyncExitStack() as stack:
        if kind == "sqlite":
            if template:
                shutil.copy(Path(template) / "gatepost.db", folder)
            database = await open_sqlite(folder / "gatepost.db")
        else:
            from storage.postgres import open_postgres

            name = f"gatepost_{os.getpid()}_{abs(hash(folder)):x}"
            database = await open_postgres(await stack.enter_async_context(fresh_postgres(name, template)))
        stack.push_async_callback(database.close)
        yield database


@asynccontextmanager
async def fresh_postgres(name: str, template: str = "") -> AsyncIterator[str]:
    """The URL of a PostgreSQL database that is dropped at the end, or a skip where there is no server."""
    if not POSTGRES:
        missing("PostgreSQL (GATEPOST_TEST_POSTGRES)")
    import asyncpg

    admin = await asyncpg.connect(POSTGRES)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template1'}")
    try:
        yield urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(db: Database, tmp_path: Path, clock: Clock) -> Context:
    """A context of nobody, on each database."""
    return Context(
        db=db,
        blobs=Blobs(tmp_path / "blobs"),
        secret=Secret(b"a secret that only the tests know"),
        site=Site(base_url="http://127.0.0.1:8025"),
        clock=clock,
    )


@pytest.fixture
async def world(context: Context, clock: Clock) -> World:
    """An account at agents.example, overseen by boss@example.org, with the mailbox ada@agents.example."""
    return await make_world(context, clock, "agents.example")


async def make_world(
    context: Context, clock: Clock, domain: str, keys: SigningKeys = NO_KEYS, mode: Mode = Mode.GATED_SEND
) -> World:
    """An account of its own domain."""
    account = await create_account(context, domain, "boss@example.org", keys)
    mailbox = await create_mailbox(context, account.id, "ada", domain, mode=mode, display_name="Ada")
    made = await create_key(context, account.id, "agent", AGENT, mailbox.id)
    principal = await principal_of(context, made.text)
    return World(context.acting_as(principal), context, clock, account, mailbox, made.text)


def overseer(world: World) -> Principal:
    """The overseer as a principal."""
    return Principal(world.account.id, frozenset({"oversight", "read"}), world.overseer)


async def eventually(look: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until `look()` is true (it may be a coroutine function), with an end."""
    async with asyncio.timeout(seconds):
        while True:
            seen = look()
            if asyncio.iscoroutine(seen):
                seen = await seen
            if seen:
                return
            await asyncio.sleep(0.01)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was skipped, a line for each reason."""
    reasons = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []))
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:4} {reason}")
