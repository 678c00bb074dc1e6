"""Runs the indexing: soon behind the commits, in batches, and with a rest between them."""

import asyncio

import structlog

from storage.errors import StorageError
from tools.context import Context
from tools.indexing import index_new

LOOK_SECONDS = 0.25
"""Between looks; what arrived in between is one batch, which costs less than each by itself."""

log = structlog.get_logger("gatepost")


async def keep_index(context: Context) -> None:
    """Work until cancelled."""
    while True:
        more = False
        try:
            more = await index_new(context)
        except StorageError as error:
            log.error("cannot index", error=type(error).__name__)
        if not more:
            await asyncio.sleep(LOOK_SECONDS)
