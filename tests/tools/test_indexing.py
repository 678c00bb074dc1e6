"""Whose turn it is to be indexed, and what becomes of those who woke nobody."""

import asyncio
from collections.abc import Sequence

import pytest

from server import indexer
from server.indexer import keep_index
from tests.conftest import World, eventually, make_world
from tools import indexing
from tools.events import TOPICS
from tools.indexing import BATCH, Indexable, accounts_behind, index_all, index_new
from tools.receive import Arrival, receive
from tools.search import SearchRequest, search


async def arrive(world: World, count: int = 1) -> None:
    raw = b"From: a@example.com\r\nSubject: One more\r\n\r\nneedle\r\n"
    for _ in range(count):
        await receive(world.system, Arrival("a@example.com", (world.mailbox.address,), raw))


async def found(world: World) -> int:
    result = await search(world.context, SearchRequest(query="needle", limit=100))
    return len(result.messages)


async def test_an_account_with_much_to_index_comes_behind_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "ACCOUNTS", 1)
    other = await make_world(world.system, world.clock, "others.example")
    await index_all(world.system)
    with world.system.db.wakeups.gather(TOPICS) as due:
        await arrive(world, BATCH + 1)
        await arrive(other)
        await eventually(lambda: list(due) == [world.account.id, other.account.id])
        assert await index_new(world.system, due)
        assert (await found(world), await found(other)) == (BATCH, 0)
        assert list(due) == [other.account.id, world.account.id]
        assert await index_new(world.system, due) and await found(other) == 1
        assert await index_new(world.system, due) and await found(world) == BATCH + 1
        assert not due and not await index_new(world.system, due)
    assert not await accounts_behind(world.system)


async def test_who_indexes_beside_another_looks_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process may have begun before the newest mail was there."""
    await arrive(world)
    await index_all(world.system)
    await arrive(world)
    loop, honest = asyncio.get_running_loop(), indexing._units

    def meanwhile(messages: Sequence[Indexable], upto: int) -> list[indexing._Unit]:
        moving = world.system.db.script("UPDATE search_mark SET seq = 1;")
        asyncio.run_coroutine_threadsafe(moving, loop).result(30)
        return honest(messages, upto)

    monkeypatch.setattr(indexing, "_units", meanwhile)
    due = await accounts_behind(world.system)
    assert await index_new(world.system, due) and list(due) == [world.account.id]
    monkeypatch.undo()
    assert not await index_new(world.system, due) and await found(world) == 2


async def test_mail_that_woke_nobody_is_found_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of another process on the same SQLite file."""
    monkeypatch.setattr(indexer, "LOOK_AT_ALL_SECONDS", 0.1)
    await arrive(world)
    indexing_ = asyncio.create_task(keep_index(world.system))

    async def there() -> bool:
        return await found(world) == 1

    try:
        await eventually(there)
        await world.system.db.script("DELETE FROM search_entry;\nUPDATE search_mark SET seq = 0;")
        await eventually(there)
    finally:
        indexing_.cancel()
