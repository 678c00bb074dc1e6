"""The only place where the parts meet: open, start, run, stop."""

import asyncio
import fcntl
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
import uvicorn

from server import files
from server.carriers import carrier_of, https_of, names_of, unbound_courier
from server.delivery.postman import Postman
from server.delivery.reporter import Reporter
from server.delivery.signers import Signers
from server.delivery.simulator import Simulator
from server.delivery.tls_report import TlsCounts
from server.delivery.worker import Worker
from server.domains import passphrase
from server.housekeeper import keep_house
from server.http.admission import admitting
from server.http.app import build_app
from server.http.inbound import inbound_route
from server.http.rates import PerMinute
from server.http.web.routes import web_routes
from server.indexer import keep_index
from server.listening import listening, open_socket
from server.memory import pass_over_what_stays, return_large_blocks
from server.opening import opened
from server.screening.scanners import scanner_of
from server.settings import DATABASE, Settings, SettingsError, hosts_of
from server.smtp.certificate import Certificate
from server.smtp.inbound import InboundListener
from server.smtp.inbound import Terms as InboundTerms
from server.smtp.submission import SubmissionListener, Terms, bounds
from server.streams import Streams
from server.verifying import authenticator_of
from storage.errors import StorageError
from tools import deliver
from tools.accounts import list_accounts
from tools.context import Context
from tools.signin import first_sign_in_link

STOP_SECONDS = 15.0
TURN_SECONDS = 0.0005
"""A thread that reads large mail lets the event loop go on after so long; Python's own choice is ten times that."""

log = structlog.get_logger("gatepost")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs: its context, and the ports of what it listens for; 0 is a role of another process."""

    context: Context
    http_port: int = 0
    smtp_port: int = 0
    submission_port: int = 0


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Everything at work, until the block ends; a port of 0 is chosen, and known then."""
    async with AsyncExitStack() as stack:
        stack.enter_context(_alone(settings))
        web = _web_socket(stack, settings) if "web" in settings.roles else None
        http_port = web.getsockname()[1] if web else 0
        chosen = web is not None and not settings.http_port
        base_url = f"http://{settings.http_host}:{http_port}" if chosen else settings.base_url
        context = await stack.enter_async_context(opened(settings, base_url=base_url))
        scanner = await stack.enter_async_context(scanner_of(settings.spam))
        context = replace(context, authenticator=authenticator_of(settings, context.clock), scanner=scanner)
        if settings.database_url is None:
            await deliver.recover(context)
        # a part that fails ends the whole: a server without its delivery must not look healthy
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        smtp_port = await _listen(stack, settings, context) if "inbound" in settings.roles else 0
        submission_port = await _listen_for_submission(stack, settings, context)
        if "housekeeping" in settings.roles:
            _keep_running(stack, tasks, keep_house(context))
            _keep_running(stack, tasks, keep_index(context))
        if web is not None:
            await _serve_http(stack, tasks, settings, context, web)
        if "delivery" in settings.roles:
            # the last to start is told first to stop: it hands its work back while requests end
            _carry(stack, tasks, settings, context)
        yield Running(context, http_port, smtp_port, submission_port)


async def serve(settings: Settings) -> None:
    """`gatepost serve`: run until SIGINT, SIGTERM or SIGHUP. Raises SettingsError, also where nothing is set up."""
    _check_there(settings)
    files.raise_limit()
    return_large_blocks()
    sys.setswitchinterval(TURN_SECONDS)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    # a terminal that closes ends it in good order too; under nohup it goes on
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, stopping.set)
    async with running(settings) as server:
        if not await list_accounts(server.context):
            raise SettingsError("Nothing is set up yet. Run 'gatepost init' first.")
        log.info(
            "serving",
            roles=settings.roles,
            web=server.context.site.base_url if server.http_port else None,
            smtp=f"{settings.smtp_host}:{server.smtp_port}" if server.smtp_port else None,
            submission=server.submission_port or None,
            route=settings.route,
        )
        if settings.route == "capture":
            log.warning("the route is capture: nothing leaves. Set GATEPOST_ROUTE to relay or direct for real mail")
        # once mail leaves, links are mailed; a log is kept, and read by more people than may approve
        if server.http_port and (settings.route == "capture" or sys.stderr.isatty()):
            await _welcome(server.context)
        pass_over_what_stays()
        await stopping.wait()
        log.info("stopping")


def _check_there(settings: Settings) -> None:
    """A new database would know no mailbox, and refuse for good the mail of those that another folder has."""
    if settings.database_url is None and not (settings.data / DATABASE).exists():
        raise SettingsError(
            f"There is no database in {settings.data}. Run 'gatepost init', or name the right folder with data; "
            "see that its disk is there."
        )


async def _welcome(context: Context) -> None:
    """A way in for the overseer before any mail can leave: a one-time link for each account, on the console."""
    try:
        for account in await list_accounts(context):
            log.info("sign in", overseer=account.overseer, link=await first_sign_in_link(context, account))
    except StorageError as error:
        # a full disk: what is there can be read all the same, and the rest goes on by itself once there is room
        log.error("no link to sign in could be made", error=str(error))


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """On SQLite one server has the data folder to itself: two would deliver the same mail. Raises SettingsError."""
    if settings.database_url is not None:
        yield
        return
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(settings.data / "serving", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(f"The data folder {settings.data} cannot be written to: {error.strerror}.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise SettingsError(f"Another Gatepost serves {settings.data}. Stop it, or use another data folder.") from error
    try:
        yield
    finally:
        os.close(handle)


def _web_socket(stack: AsyncExitStack, settings: Settings) -> socket.socket:
    with listening("http", settings.http_host, settings.http_port):
        return stack.enter_context(open_socket(settings.http_host, settings.http_port))


async def _listen(stack: AsyncExitStack, settings: Settings, context: Context) -> int:
    terms = InboundTerms(
        context,
        settings.hostname,
        settings.max_message_bytes,
        _tls(settings.tls_cert, settings.tls_key),
        bounds=settings.inbound.bounds(files.limit()),
        proxies=settings.inbound.proxies,
        greylist_minutes=settings.inbound.greylist_minutes,
    )
    listener = InboundListener(terms)
    with listening("smtp", settings.smtp_host, settings.smtp_port):
        port = await listener.start(hosts_of(settings.smtp_host), settings.smtp_port)
    stack.push_async_callback(listener.stop)
    return port


async def _listen_for_submission(stack: AsyncExitStack, settings: Settings, context: Context) -> int:
    if settings.submission_port is None or "submission" not in settings.roles:
        return 0
    terms = Terms(
        context,
        settings.hostname,
        settings.max_message_bytes,
        _tls(settings.tls_cert, settings.tls_key),
        settings.submission_plain,
        bounds(files.limit()),
    )
    listener = SubmissionListener(terms)
    with listening("submission", settings.submission_host, settings.submission_port):
        port = await listener.start(hosts_of(settings.submission_host), settings.submission_port)
    stack.push_async_callback(listener.stop)
    return port


def _carry(stack: AsyncExitStack, tasks: asyncio.TaskGroup, settings: Settings, context: Context) -> None:
    simulator = Simulator(context)
    stack.push_async_callback(simulator.close)
    counts = TlsCounts(context.clock)
    carrier = carrier_of(settings, context, simulator, counts)
    stack.push_async_callback(carrier.close)
    signers = Signers(context, passphrase(context.secret), settings.dkim)
    if settings.route == "direct" and settings.tls_reports_from is not None:
        aside = unbound_courier(settings, context)
        stack.push_async_callback(aside.close)
        names, https = names_of(settings), https_of(settings)
        reporter = Reporter(context, counts, names, aside, https, signers, settings.tls_reports_from)
        _keep_running(stack, tasks, reporter.run())
    postman = Postman(context, carrier, signers, captured=settings.route == "capture")
    for work in (Worker(context, carrier, signers, sandbox=simulator).run(), postman.run()):
        _keep_running(stack, tasks, work)


def _keep_running(stack: AsyncExitStack, tasks: asyncio.TaskGroup, work: Coroutine[None, None, None]) -> None:
    task = tasks.create_task(work)
    # once: a second time would cut off what it does to end in good order
    stack.callback(lambda: task.cancelling() or task.cancel())


async def _serve_http(
    stack: AsyncExitStack, tasks: asyncio.TaskGroup, settings: Settings, context: Context, web: socket.socket
) -> None:
    async def ready() -> dict[str, object]:
        await context.db.rows("schema_version")
        return {"database": "ok", "route": settings.route}

    per_minute = PerMinute(
        settings.limits.key_requests, settings.limits.account_requests, settings.limits.visitor_requests
    )
    streams = Streams()
    app = build_app(
        context,
        web_routes=[*web_routes(context, per_minute), inbound_route(context, settings.max_message_bytes)],
        ready=ready,
        json_response=settings.json_response,
        per_minute=per_minute,
        streams=streams,
    )
    # no access log: addresses of pages hold tokens
    config = uvicorn.Config(
        app,
        http=admitting(settings.web.bounds(files.limit())),
        # a connection that became a WebSocket would be neither counted nor timed
        ws="none",
        forwarded_allow_ips=settings.web.trusted(),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=int(STOP_SECONDS),
        server_header=False,
    )
    server = _HttpServer(config, streams)
    stack.push_async_callback(server.finish, tasks.create_task(server.serve(sockets=[web])))
    await server.ready.wait()


class _HttpServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._streams = streams

    async def finish(self, serving: asyncio.Task[None]) -> None:
        """End in good order, also when the whole is being cancelled, and before its task group cancels this."""
        self.should_exit = True
        self._streams.close()
        await asyncio.wait([serving], timeout=STOP_SECONDS)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            # uvicorn would end the process from inside a task, and nothing else would be tidied up
            raise SettingsError("The web server cannot start; the log line before this one says why.") from error
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to `serve`."""
        yield


def _tls(certificate: Path | None, key: Path | None) -> Certificate | None:
    if certificate is None:
        return None
    try:
        return Certificate(certificate, key)
    except OSError as error:
        raise SettingsError(
            f"The certificate {certificate} cannot be used: {error}. "
            "Set tls_cert to the chain and tls_key to its key, both in PEM, not encrypted, readable by Gatepost."
        ) from error
