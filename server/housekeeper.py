"""Runs what has to happen in its time: mail and answers to the second, the rest of it each minute."""

import asyncio

import structlog

from storage.errors import StorageError
from tools.context import Context
from tools.expected import tell_overdue
from tools.housekeeping import tidy
from tools.schedule import fire_due

LOOK_SECONDS = 1.0
TIDY_EVERY = 60

log = structlog.get_logger("gatepost")


async def keep_house(context: Context) -> None:
    """Work until cancelled."""
    looks = 0
    while True:
        try:
            await fire_due(context)
            await tell_overdue(context)
            if looks % TIDY_EVERY == 0:
                await tidy(context)
        except StorageError as error:
            log.error("cannot keep house", error=str(error))
        looks += 1
        await asyncio.sleep(LOOK_SECONDS)
