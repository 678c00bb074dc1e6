"""The scanner that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.screening.rspamd import Rspamd
from server.screening.spamd import Spamd
from server.screening.table import SpamSettings
from tools.scanner import Scanner


@asynccontextmanager
async def scanner_of(settings: SpamSettings) -> AsyncIterator[Scanner | None]:
    """rspamd or spamd, as long as the block lasts; None is a score of our own."""
    if settings.rspamd_url is not None:
        scanner = Rspamd(settings.rspamd_url, settings.timeout_seconds)
        try:
            yield scanner
        finally:
            await scanner.close()
    else:
        yield Spamd(settings.spamd, settings.timeout_seconds) if settings.spamd is not None else None
