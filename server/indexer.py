"""Runs the indexing: soon behind the commits, in batches; and what attached files say behind that."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from storage.errors import StorageError
from tools.context import Context
from tools.events import TOPICS
from tools.index_files import index_files
from tools.indexing import Due, accounts_behind, index_new

LOOK_SECONDS = 0.25
"""Between looks; what arrived in between is one batch, which costs less than each by itself."""
LOOK_AT_ALL_SECONDS = 10.0
"""What woke nobody is found so late: mail of another process on SQLite, and what a fault left over."""
FAULT_SECONDS = 5.0

log = structlog.get_logger("gatepost")


async def keep_index(context: Context) -> None:
    """Work until cancelled."""
    with context.db.wakeups.gather(TOPICS) as due:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_repeat(partial(_look_at_all, context, due), LOOK_AT_ALL_SECONDS))
            tasks.create_task(_repeat(partial(index_new, context, due), LOOK_SECONDS))
            tasks.create_task(_repeat(partial(index_files, context), LOOK_SECONDS))


async def _look_at_all(context: Context, due: Due) -> bool:
    due.update(await accounts_behind(context))
    return False


async def _repeat(step: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Take step after step, with a rest where there is nothing more to do."""
    while True:
        rest = seconds
        try:
            if await step():
                continue
        except StorageError as error:
            log.error("cannot index", error=str(error))
            rest = FAULT_SECONDS
        await asyncio.sleep(rest)
