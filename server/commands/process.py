"""`gatepost serve`, `mcp` and `demo`: what runs until it is stopped."""

import asyncio
from typing import Annotated, Any

import typer

from server.commands.common import ConfigOption, DataOption, settings_of


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

    asyncio.run(run(settings))


def mcp(
    url: Annotated[str | None, typer.Option(envvar="GATEPOST_URL", help="Base URL of a running server.")] = None,
    key: Annotated[str | None, typer.Option(envvar="GATEPOST_KEY", help="The agent's API key.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Speak MCP on stdin and stdout, for agent runtimes that start their servers themselves."""


def demo(
    auto: Annotated[bool, typer.Option("--auto", help="Decide by itself and end: for a look or a test.")] = False,
) -> None:
    """Show the main job: an agent sends under a person's gate, and reads the reply. Nothing leaves this machine."""
