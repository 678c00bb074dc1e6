"""`gatepost serve`, `mcp` and `demo`: what runs until it is stopped."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from server.commands.common import ConfigOption, DataOption, Stop, settings_of

if TYPE_CHECKING:
    from server.settings import Settings
    from tools.context import Context, Principal

Result = TypeVar("Result")


def serve(
    data: DataOption = None,
    config: ConfigOption = None,
    base_url: Annotated[str | None, typer.Option(help="Where people and agents reach this server.")] = None,
    http_host: Annotated[str | None, typer.Option(help="Address that HTTP listens on.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Port that HTTP listens on.")] = None,
    smtp_host: Annotated[str | None, typer.Option(help="Address that SMTP listens on.")] = None,
    smtp_port: Annotated[int | None, typer.Option(help="Port that SMTP listens on.")] = None,
    route: Annotated[str | None, typer.Option(help="capture, relay or direct.")] = None,
    roles: Annotated[
        str | None,
        typer.Option(help="What this process does, on PostgreSQL: web,inbound,submission,delivery,housekeeping."),
    ] = None,
) -> None:
    """Run the server: HTTP, SMTP and delivery in one process, or those of them that --roles names."""
    flags: dict[str, Any] = {
        "base_url": base_url,
        "http_host": http_host,
        "http_port": http_port,
        "smtp_host": smtp_host,
        "smtp_port": smtp_port,
        "route": route,
        "roles": roles,
    }
    settings = settings_of(data, config, **flags)
    from server import logs
    from server.app import serve as run

    logs.configure(settings.log_level)
    _run(run(settings))


def mcp(
    url: Annotated[str | None, typer.Option(envvar="GATEPOST_URL", help="Base URL of a running server.")] = None,
    key: Annotated[str | None, typer.Option(envvar="GATEPOST_KEY", help="The agent's API key.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Speak MCP on stdin and stdout: for a running server with --url, or else with a server inside.

    Nothing but protocol goes to stdout.
    """
    if url is None:
        _run(_server_inside(settings_of(data, config), key))
        return
    if key is None:
        raise Stop("A server is reached with a key: set GATEPOST_KEY, or give --key.")
    from server.mcp.bridge import BridgeError
    from server.mcp.stdio import bridge_stdio

    try:
        _run(bridge_stdio(url, key))
    except BridgeError as error:
        raise Stop(str(error)) from error


def demo(
    auto: Annotated[
        bool, typer.Option("--auto", help="Play the person too, and end; so it does with no terminal on stdin.")
    ] = False,
) -> None:
    """Show the main job: an agent sends under a person's gate, and reads the reply. Nothing leaves this machine."""
    from server import logs
    from server.demo.script import demo as run

    # the demo tells its own story; log lines would stand between
    logs.configure("error")
    raise typer.Exit(_run(run(auto=auto or not sys.stdin.isatty())))


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run on uvloop where there is one: a third of the CPU a request."""
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


async def _server_inside(settings: "Settings", key: str | None) -> None:
    from server import logs
    from server.app import running
    from server.mcp.stdio import serve_stdio
    from server.opening import opened
    from tools.context import HERE

    logs.configure(settings.log_level)
    async with opened(settings) as context:
        principal = await _principal(context, key)
    async with running(settings) as server:
        await serve_stdio(server.context.acting_as(principal, HERE))


async def _principal(context: "Context", key: str | None) -> "Principal":
    """Who the agent is: the key's holder; without a key, the only mailbox there is."""
    from tools.accounts import list_accounts, list_mailboxes
    from tools.context import Principal
    from tools.identity import principal_of

    if key is not None:
        return await principal_of(context, key)
    mailboxes = [box for account in await list_accounts(context) for box in await list_mailboxes(context, account.id)]
    if not mailboxes:
        raise Stop("Nothing is set up yet. Run 'gatepost init' first.")
    if len(mailboxes) != 1:
        raise Stop(f"There are {len(mailboxes)} mailboxes: say whose agent this is with GATEPOST_KEY or --key.")
    (mailbox,) = mailboxes
    return Principal(mailbox.account_id, frozenset({"read", "send"}), "the agent on this machine", mailbox.id)
