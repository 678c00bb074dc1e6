"""What `gatepost doctor` looks at on this machine: each check gives a finding, and what to do about it."""

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from server.delivery.dkim import SigningError
from server.domains import Zone, published
from server.opening import looked_into
from server.secret import FILE as SECRET_FILE
from server.settings import Settings, SettingsError
from storage.errors import StorageError
from storage.migrate import available, version
from tools.accounts import list_accounts

CONNECT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check; `fix` is empty when there is nothing to do."""

    level: Literal["ok", "warn", "fail"]
    what: str
    fix: str = ""


async def examine(settings: Settings) -> tuple[list[Finding], list[Zone]]:
    """Every check that needs no DNS, and the domains whose records are worth a look."""
    findings = [
        _route(settings),
        _reach(settings),
        await _port("HTTP", settings.http_host, settings.http_port),
        await _port("SMTP", settings.smtp_host, settings.smtp_port),
    ]
    if settings.database_url is None and not settings.data.is_dir():
        fix = "Run 'gatepost init', or name another with --data."
        return [*findings, Finding("fail", f"data: there is no folder {settings.data}", fix)], []
    if settings.data.is_dir():
        findings.append(_folder(settings.data))
    if settings.secret is None:
        findings.append(_secret(settings.data / SECRET_FILE))
        if not (settings.data / SECRET_FILE).is_file():
            # opening the database would make a new secret, and every key in it worthless
            return findings, []
    database, zones = await _database(settings)
    return [*findings, database], zones


def _route(settings: Settings) -> Finding:
    if settings.route == "capture":
        fix = "For real mail, set route to relay or direct."
        return Finding("ok", "route capture: no mail leaves this machine", fix)
    if settings.route == "relay":
        return Finding("ok", f"route relay: mail leaves through {settings.relay_host}:{settings.relay_port}")
    if "." not in settings.hostname:
        what = f"route direct: other servers will not believe the name {settings.hostname!r}"
        return Finding("fail", what, "Set hostname to this server's full name, the one its PTR record has.")
    return Finding("ok", f"route direct: mail leaves by MX as {settings.hostname}; port 25 outward is not tried")


def _reach(settings: Settings) -> Finding:
    local = any(name in settings.base_url for name in ("//127.", "//localhost", "//[::1]"))
    if local and settings.route != "capture":
        what = f"base_url {settings.base_url}: the links mailed to the overseer open on this machine only"
        return Finding("warn", what, "Set base_url to the address that people reach, with HTTPS.")
    return Finding("ok", f"base_url {settings.base_url}")


async def _port(name: str, host: str, port: int) -> Finding:
    """Whether something answers at the port, or we could listen there."""
    where = f"{name} port {host}:{port}"
    # an address that stands for all of them cannot be connected to everywhere
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(target, port)
        writer.close()
        return Finding("ok", f"{where} is served")
    except (OSError, TimeoutError):
        return _free(where, host, port)


def _free(where: str, host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return Finding("ok", f"{where} is free")
    except OSError as error:
        return Finding("fail", f"{where} cannot be opened: {error.strerror}", "Choose another port or address.")


def _folder(path: Path) -> Finding:
    if path.stat().st_mode & 0o077:
        return Finding("warn", f"data: others on this machine can look into {path}", f"Run 'chmod 700 {path}'.")
    return Finding("ok", f"data: only its owner can look into {path}")


def _secret(path: Path) -> Finding:
    if not path.is_file():
        fix = "Put it back from the backup; in a new data folder, run 'gatepost init'."
        return Finding("fail", f"secret: there is no file {path}", fix)
    if path.stat().st_mode & 0o077:
        return Finding("fail", f"secret: others on this machine can read {path}", f"Run 'chmod 600 {path}'.")
    return Finding("ok", f"secret: only its owner can read {path}")


async def _database(settings: Settings) -> tuple[Finding, list[Zone]]:
    """Whether the database opens and fits, and the domains in it."""
    try:
        async with looked_into(settings) as context:
            at, newest = await version(context.db), max(available())
            if at != newest:
                what = f"database: schema {at}, and this program needs {newest}"
                fix = "Run 'gatepost migrate'." if at < newest else "Install the newer Gatepost."
                return Finding("fail", what, fix), []
            accounts = await list_accounts(context)
            zones = [zone for each in accounts for zone in await published(context, each.id, settings.hostname)]
    except (StorageError, SettingsError) as error:
        return Finding("fail", f"database: {error}", "See that database_url and the disk are right."), []
    except SigningError as error:
        return Finding("fail", f"database: {error}", "Put back the secret that belongs to this database."), []
    if not accounts:
        return Finding("fail", "database: opens, but nothing is set up", "Run 'gatepost init'."), []
    return Finding("ok", f"database: opens, schema {at}"), zones
