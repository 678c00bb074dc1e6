"""Runs the housekeeping, once a minute."""

import asyncio

import structlog

from storage.errors import StorageError
from tools.context import Context
from tools.housekeeping import tidy

EVERY_SECONDS = 60.0

log = structlog.get_logger("gatepost")


async def keep_house(context: Context) -> None:
    """Work until cancelled."""
    while True:
        try:
            await tidy(context)
        except StorageError as error:
            log.error("cannot keep house", error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)
