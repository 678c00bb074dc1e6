"""The retry schedule."""

from hypothesis import given
from hypothesis import strategies as st

from server.delivery.retry import HOUR, LIMIT, MINUTE, next_attempt

START = 1_767_225_600_000_000


def ages(spread: float) -> list[int]:
    """The ages of all tries of a delivery that is deferred each time."""
    now: int | None = START
    tries: list[int] = []
    while now is not None:
        tries.append(now - START)
        now = next_attempt(START, now, len(tries), spread)
    return tries


def test_the_schedule() -> None:
    minutes = [0, 5, 15, 30, 60, 120, 240, 480, 480 + 720, 480 + 1440, 480 + 2160, 2880]
    assert [age // MINUTE for age in ages(0.0)] == minutes


def test_the_first_try_is_at_once() -> None:
    assert next_attempt(START, START, 0, 1.0) == START


def test_spread_moves_each_wait_by_a_tenth() -> None:
    assert ages(1.0)[1] == 5 * MINUTE + 30_000_000
    assert ages(-1.0)[1] == 5 * MINUTE - 30_000_000
    assert next_attempt(START, START + 8 * HOUR, 8, -1.0) == START + 8 * HOUR + 12 * HOUR * 9 // 10


def test_it_gives_up_after_48_hours() -> None:
    assert ages(1.0)[-1] == ages(-1.0)[-1] == LIMIT
    assert next_attempt(START, START + LIMIT, 3, 0.0) is None
    assert next_attempt(START, START + LIMIT - 1, 3, 0.0) == START + LIMIT


@given(late=st.integers(-HOUR, 3 * LIMIT), attempts=st.integers(0, 1000), spread=st.floats(-1, 1, allow_nan=False))
def test_a_next_try_is_never_past_nor_beyond_the_end(late: int, attempts: int, spread: float) -> None:
    again = next_attempt(START, START + late, attempts, spread)
    assert (again is None) == (late >= LIMIT)
    if again is not None:
        assert START + late <= again <= START + LIMIT
        assert attempts == 0 or again == START + LIMIT or again - START - late >= 4 * MINUTE
