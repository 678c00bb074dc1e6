"""Who is kept of those that come over HTTP."""

from server.mcp.subscribers import Subscribers
from server.streams import PER_KEY


def test_the_oldest_that_nobody_listens_to_is_forgotten() -> None:
    subscribers = Subscribers()
    for number in range(PER_KEY):
        subscribers.begin("key a", f"s{number}")
    listening = subscribers.of("key a", "s1")
    assert listening is not None
    listening.streams = 1
    # heard of again, so s2 is the oldest
    assert subscribers.of("key a", "s0") is not None
    for number in range(3):
        subscribers.begin("key a", f"more {number}")
    assert [number for number in range(PER_KEY) if subscribers.of("key a", f"s{number}") is None] == [2, 3]
    assert subscribers.of("key b", "s0") is None, "another key's label is another's"


def test_who_goes_is_not_known_again() -> None:
    subscribers = Subscribers()
    subscribers.begin("key a", "s1")
    assert not subscribers.forget("key b", "s1")
    assert subscribers.forget("key a", "s1") and not subscribers.forget("key a", "s1")
    assert subscribers.of("key a", "s1") is None
