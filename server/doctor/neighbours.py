"""Whether the servers beside us answer: the smart host, and the spam scanner."""

import asyncio
from urllib.parse import urlsplit

from server.doctor.finding import Finding
from server.settings import Settings

SECONDS = 5.0


async def examine_neighbours(settings: Settings) -> list[Finding]:
    """A finding for each that the settings name."""
    found = []
    if settings.route == "relay" and settings.relay_host is not None:
        fix = "See relay_host and relay_port, and whether the network lets mail out; until then mail waits."
        found.append(await _reach("relay", settings.relay_host, settings.relay_port, fix))
    if settings.spam.rspamd_url is not None:
        parts = urlsplit(settings.spam.rspamd_url)
        host, port = parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)
        found.append(await _reach("spam.rspamd_url", host, port, _UNSCORED))
    if settings.spam.spamd is not None:
        host, _, port_text = settings.spam.spamd.rpartition(":")
        found.append(await _reach("spam.spamd", host.strip("[]"), int(port_text), _UNSCORED))
    return found


_UNSCORED = "Start it, or name where it listens; until then mail is taken with its score unknown."


async def _reach(setting: str, host: str, port: int, fix: str) -> Finding:
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        return Finding("fail", f"{setting}: {host}:{port} cannot be reached: {why}", fix)
    writer.close()
    return Finding("ok", f"{setting}: {host}:{port} can be reached")
