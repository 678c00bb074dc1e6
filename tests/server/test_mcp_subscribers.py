"""Who is kept of those that subscribe over HTTP."""

from server.mcp.subscribers import Subscribers
from server.streams import PER_KEY


def test_the_oldest_that_nobody_listens_to_is_forgotten() -> None:
    subscribers = Subscribers()
    kept = [subscribers.of("key a", f"s{number}") for number in range(PER_KEY)]
    kept[0].streams = 1
    for each in kept:
        each.uris.add("gatepost://threads/thr_1")
    subscribers.of("key a", "one more")
    assert [bool(subscribers.of("key a", f"s{number}").uris) for number in (0, 2, 1)] == [True, True, False]
    assert not subscribers.of("key b", "s0").uris, "another key's label is another's"
