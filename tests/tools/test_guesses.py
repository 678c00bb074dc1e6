"""Wrong keys: how long a network waits after how many, who does not, and how much is remembered."""

import pytest

from tests.conftest import Clock
from tools import guesses
from tools.context import HOUR, SECOND
from tools.errors import Refusal
from tools.guesses import FREE, LONGEST, Guesses

GUESSER = "192.0.2.1"


def waits(seen: Guesses, clock: Clock, address: str, key: str = "gp_any") -> int:
    """The seconds that a key from there has to wait; 0 is not at all."""
    try:
        seen.check(clock.at, address, key)
    except Refusal as refusal:
        assert refusal.code == "rate_limited" and refusal.retry_after
        return refusal.retry_after
    return 0


def test_c8_each_wrong_one_after_the_first_makes_the_wait_twice_as_long(clock: Clock) -> None:
    seen, found = Guesses(), []
    for _ in range(FREE + 12):
        seen.wrong(clock.at, GUESSER)
        found.append(waits(seen, clock, GUESSER))
        clock.at += found[-1] * SECOND
        assert not waits(seen, clock, GUESSER), "it is over when it was told to be"
    assert found[: FREE - 1] == [0] * (FREE - 1)
    assert found[FREE - 1 : FREE + 9] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert found[FREE + 9 :] == [LONGEST] * 3
    clock.at += HOUR + SECOND
    seen.wrong(clock.at, GUESSER)
    assert not waits(seen, clock, GUESSER), "an hour forgets"


def test_c8_only_the_network_waits(clock: Clock) -> None:
    seen = Guesses()
    for number in range(FREE):
        seen.wrong(clock.at, GUESSER)
        seen.wrong(clock.at, f"2001:db8::{number:x}")
    assert waits(seen, clock, GUESSER) and waits(seen, clock, f"::ffff:{GUESSER}")
    assert waits(seen, clock, "2001:db8::ffff"), "one subscriber has the whole /64"
    assert not waits(seen, clock, "192.0.2.2") and not waits(seen, clock, "2001:db8:0:1::1")


def test_c8_a_key_that_was_right_there_does_not_wait(clock: Clock) -> None:
    seen = Guesses()
    seen.right(GUESSER, "gp_abcdefghijklm-and-the-rest")
    for _ in range(FREE):
        seen.wrong(clock.at, GUESSER)
    assert not waits(seen, clock, GUESSER, "gp_abcdefghijklm-and-the-rest")
    assert waits(seen, clock, GUESSER, "gp_Abcdefghijklm-and-the-rest")


def test_c8_what_is_remembered_has_a_bound(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "KNOWN", 3)
    seen = Guesses()
    seen.right("192.0.2.0", "gp_first")
    for number in range(5):
        for _ in range(FREE):
            seen.wrong(clock.at, f"192.0.2.{number}")
        seen.right(f"192.0.2.{number}", "gp_other")
    assert [bool(waits(seen, clock, f"192.0.2.{number}")) for number in range(5)] == [False, False, True, True, True]
    for _ in range(FREE):
        seen.wrong(clock.at, "192.0.2.0")
    assert waits(seen, clock, "192.0.2.0", "gp_first"), "the oldest went first"
