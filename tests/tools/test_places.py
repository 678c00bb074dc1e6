"""Places that accounts share: each in turn, none with all of them, and whoever asks for too much is told so."""

import asyncio

import pytest

from tools import places
from tools.errors import Refusal
from tools.places import Places


class Work:
    """What is at work in places, and what was, in order."""

    def __init__(self, shared: Places) -> None:
        self.shared = shared
        self.begun: list[str] = []
        self.go_on = asyncio.Semaphore(0)

    async def one(self, who: str) -> None:
        async with self.shared.one(who):
            self.begun.append(who)
            await self.go_on.acquire()

    def start(self, who: str, count: int = 1) -> "list[asyncio.Task[None]]":
        return [asyncio.create_task(self.one(who)) for _ in range(count)]

    async def settle(self, ended: int = 0) -> str:
        """Let so many end; who has begun so far, by a letter each."""
        for _ in range(ended):
            self.go_on.release()
        for _ in range(20):
            await asyncio.sleep(0)
        return "".join(self.begun)


async def test_b13_who_asks_a_hundred_times_is_not_in_front_of_others() -> None:
    work = Work(Places(2, 2))
    tasks = [*work.start("a", 100), *work.start("b"), *work.start("c", 2)]
    assert await work.settle() == "aa"
    assert await work.settle(1) == "aaa", "those who wait are let in in turn, and a began to wait first"
    assert await work.settle(5) == "aaabcaca"
    await work.settle(len(tasks))
    await asyncio.gather(*tasks)
    assert len(work.begun) == len(tasks)


async def test_b13_no_account_has_all_places() -> None:
    work = Work(Places(3, 2))
    tasks = work.start("a", 5)
    assert await work.settle() == "aa"
    tasks += work.start("b", 2)
    assert await work.settle() == "aab"
    assert await work.settle(1) == "aaba", "one of a ended, and b has one of three"
    await work.settle(7)
    await asyncio.gather(*tasks)


async def test_b13_one_too_many_is_refused_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "WAITING", 3)
    work = Work(Places(2, 1))
    tasks = work.start("a", 4)
    await work.settle()
    with pytest.raises(Refusal, match="Too much") as refused:
        await work.one("a")
    assert refused.value.retry_after
    tasks += work.start("b", 2)
    assert (await work.settle(6)).count("b") == 2
    await asyncio.gather(*tasks)


async def test_a_wait_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SECONDS", 0.01)
    work = Work(Places(1, 1))
    (first,) = work.start("a")
    await work.settle()
    with pytest.raises(Refusal, match="Too much"):
        await work.one("a")
    work.go_on.release()
    await first
    work.go_on.release()
    await work.one("a")


@pytest.mark.parametrize("given", [False, True], ids=["while it waits", "when it was just let in"])
async def test_whoever_goes_away_takes_no_place_along(given: bool) -> None:
    work = Work(Places(1, 1))
    first, gone, last = work.start("a", 3)
    await work.settle()
    if given:
        work.go_on.release()
        while not first.done():
            await asyncio.sleep(0)
    gone.cancel()
    assert await work.settle(3) == "aa"
    assert [(await asyncio.gather(each, return_exceptions=True))[0] for each in (first, last)] == [None, None]
    assert gone.cancelled()
