"""What a piece of work costs, with as little chance in it as can be.

It is CPU time and the least of three tries, so that others on the machine count for little; and without collections of
garbage, whose cost grows with all that lives in a long run of tests.
"""

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
TRIES = 3


def cpu_seconds(work: Callable[[], object]) -> float:
    """The cost in seconds."""
    return min(_once(work)[0] for _ in range(TRIES))


def cheaply(work: Callable[[], T], seconds: float) -> T:
    """What the work gives. Fails if it costs so many seconds or more; there is no second try if the first does not."""
    for _ in range(TRIES):
        took, result = _once(work)
        if took < seconds:
            return result
    raise AssertionError(f"it takes {took:.2f} s, and {seconds} s are too much")


def _once(work: Callable[[], T]) -> tuple[float, T]:
    gc.disable()
    try:
        start = time.process_time()
        result = work()
        return time.process_time() - start, result
    finally:
        gc.enable()
