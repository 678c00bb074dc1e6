"""The whole examination: what needs the settings alone, the data folder, the database, and the network."""

import asyncio
from datetime import UTC, datetime

from server.delivery.dkim import SigningError
from server.doctor.certificate import examine_certificate
from server.doctor.finding import Finding
from server.doctor.machine import examine_folder, examine_limits
from server.doctor.names import examine_names
from server.doctor.neighbours import examine_neighbours
from server.doctor.ports import examine_ports
from server.doctor.site import examine_site
from server.doctor.state import examine_state
from server.domains import Zone, published
from server.opening import looked_into
from server.secret import FILE as SECRET_FILE
from server.settings import Settings, SettingsError
from storage.errors import StorageError
from storage.migrate import available, version
from tools.accounts import list_accounts
from tools.mail.network import is_within


async def examine(settings: Settings) -> tuple[list[Finding], list[Zone]]:
    """Every check that asks nobody else, and the domains whose records are worth a look."""
    findings = [
        _route(settings),
        _reach(settings),
        *_proxies(settings),
        *await examine_ports(settings),
        *examine_certificate(settings, datetime.now(UTC)),
        *examine_limits(settings),
    ]
    if settings.database_url is None and not settings.data.is_dir():
        fix = "Run 'gatepost init', or name another with --data."
        return [*findings, Finding("fail", f"data: there is no folder {settings.data}", fix)], []
    if settings.data.is_dir():
        findings += examine_folder(settings.data)
    if settings.secret is None and not (settings.data / SECRET_FILE).is_file():
        # opening the database would make a new secret, and every key in it worthless
        fix = "Put it back from the backup; in a new data folder, run 'gatepost init'."
        return [*findings, Finding("fail", f"secret: there is no file {settings.data / SECRET_FILE}", fix)], []
    found, zones = await _database(settings)
    return findings + found, zones


async def examine_network(settings: Settings, zones: list[Zone]) -> list[Finding]:
    """Every check that asks others: the site's own address, smart host and scanner, the DNS. Each has an end."""
    found = await asyncio.gather(
        examine_site(settings, datetime.now(UTC)), examine_neighbours(settings), examine_names(settings, zones)
    )
    return [each for findings in found for each in findings]


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
    url = settings.base_url
    local = any(name in url for name in ("//127.", "//localhost", "//[::1]"))
    if local and settings.route != "capture":
        what = f"base_url {url}: the links mailed to the overseer open on this machine only"
        return Finding("warn", what, "Set base_url to the address that people reach, with HTTPS.")
    if not local and not url.startswith("https://"):
        what = f"base_url {url}: keys and links that approve travel in the clear"
        return Finding("warn", what, "Put a proxy with TLS before it, and set base_url to its https:// address.")
    return Finding("ok", f"base_url {url}")


def _proxies(settings: Settings) -> list[Finding]:
    """Only this machine reaches a port of loopback: where it is no proxy, all who come through one are one client."""
    host, proxies = settings.http_host, settings.web.proxies
    if host not in ("127.0.0.1", "::1") or "web" not in settings.roles or not proxies or is_within(host, proxies):
        return []
    what = f"web.proxies: HTTP listens on {host} alone, which is not among them"
    fix = f"Name {host} too, as the list takes the place of the default; or let http_host be reached from them."
    return [Finding("warn", what, fix)]


async def _database(settings: Settings) -> tuple[list[Finding], list[Zone]]:
    """Whether the database opens and fits, how it goes by it, and the domains in it."""
    try:
        async with looked_into(settings) as context:
            at, newest = await version(context.db), max(available())
            if at != newest:
                what = f"database: schema {at}, and this program needs {newest}"
                fix = "Run 'gatepost migrate'." if at < newest else "Install the newer Gatepost."
                return [Finding("fail", what, fix)], []
            accounts = await list_accounts(context)
            zones = [zone for each in accounts for zone in await published(context, each.id, settings.hostname)]
            state = await examine_state(context, accounts, {zone.domain for zone in zones})
    except StorageError as error:
        return [Finding("fail", f"database: {error}", "See that database_url and the disk are right.")], []
    except SettingsError as error:
        return [Finding("fail", f"database: {error}")], []
    except SigningError as error:
        return [Finding("fail", f"database: {error}", "Put back the secret that belongs to this database.")], []
    if not accounts:
        return [Finding("fail", "database: opens, but nothing is set up", "Run 'gatepost init'.")], []
    return [Finding("ok", f"database: opens, schema {at}"), *state], zones
