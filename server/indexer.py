"""Runs the indexing: soon behind the commits, in batches; and what attached files say behind that."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from storage.errors import StorageError
from tools.context import Context
from tools.index_files import index_files
from tools.indexing import index_new

LOOK_SECONDS = 0.25
"""Between looks; what arrived in between is one batch, which costs less than each by itself."""
FAULT_SECONDS = 5.0

log = structlog.get_logger("gatepost")


async def keep_index(context: Context) -> None:
    """Work until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_repeat(index_new, context))
        tasks.create_task(_repeat(index_files, context))


async def _repeat(step: Callable[[Context], Awaitable[bool]], context: Context) -> None:
    """Take step after step, with a rest where there is nothing more to do."""
    while True:
        rest = LOOK_SECONDS
        try:
            if await step(context):
                continue
        except StorageError as error:
            log.error("cannot index", error=type(error).__name__)
            rest = FAULT_SECONDS
        await asyncio.sleep(rest)
