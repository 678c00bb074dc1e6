"""`gatepost doctor`: look at everything that could be wrong, and say what to do."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from server.commands.common import ConfigOption, DataOption, JsonOption, print_json, settings_of

if TYPE_CHECKING:
    from server.doctor.finding import Finding
    from server.settings import Settings

_COLOURS = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}


def doctor(
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 1 for warnings too.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no other machine: no DNS, smart host, scanner or site.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check settings, certificate, disk, database, ports and DNS; exit status 1 if something must be mended."""
    findings = asyncio.run(_examine(settings_of(data, config), offline))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            _print(finding)
    if any(finding.level == "fail" or (strict and finding.level == "warn") for finding in findings):
        raise typer.Exit(1)


async def _examine(settings: "Settings", offline: bool) -> "list[Finding]":
    from server.doctor.examination import examine, examine_network

    findings, zones = await examine(settings)
    return findings if offline else findings + await examine_network(settings, zones)


def _print(finding: "Finding") -> None:
    typer.secho(f"{finding.level:5}", fg=_COLOURS[finding.level], nl=False)
    typer.echo(finding.what)
    if finding.fix:
        typer.echo(f"     {finding.fix}")
