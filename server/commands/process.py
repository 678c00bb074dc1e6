"""`gatepost serve`, `mcp` and `demo`: what runs until it is stopped."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer

from server.commands.common import ConfigOption, DataOption, Stop, settings_of

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
) -> None:
    """Run the server: HTTP, SMTP and delivery in one process."""
    flags: dict[str, Any] = {
        "base_url": base_url,
        "http_host": http_host,
        "http_port": http_port,
        "smtp_host": smtp_host,
        "smtp_port": smtp_port,
        "route": route,
    }
    settings = settings_of(data, config, **flags)
    from server.app import serve as run

    _run(run(settings), settings.log_level)


def mcp(
    url: Annotated[str | None, typer.Option(envvar="GATEPOST_URL", help="Base URL of a running server.")] = None,
    key: Annotated[str | None, typer.Option(envvar="GATEPOST_KEY", help="The agent's API key.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Speak MCP on stdin and stdout, for agent runtimes that start their servers themselves.

    With --url and --key it talks to a running server; with a data folder and no URL it is a server itself.
    """
    if url is None:
        from server.standalone import serve_agent

        settings = settings_of(data, config)
        _run(serve_agent(settings), settings.log_level)
        return
    if key is None:
        raise Stop("A URL needs a key: give --key, or set GATEPOST_KEY.")
    from server.mcp.stdio import bridge_stdio

    _run(bridge_stdio(url, key), "warning")


def demo(
    auto: Annotated[bool, typer.Option("--auto", help="Decide by itself and end: for a look or a test.")] = False,
) -> None:
    """Show the main job: an agent sends under a person's gate, and reads the reply. Nothing leaves this machine."""
    from server.demo.script import demo as play

    status = _run(play(auto=auto or not sys.stdin.isatty()), "error")
    raise typer.Exit(status)


def _run(work: Coroutine[Any, Any, Result], log_level: str) -> Result:
    """Run on uvloop; Ctrl-C is an ordinary way to stop."""
    import uvloop

    from server.logs import configure

    configure(log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
