"""When a deferred delivery is tried again."""

MINUTE = 60 * 1_000_000
HOUR = 60 * MINUTE

AGES = (0, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 1 * HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR)
"""The ages at which a delivery is tried, in microseconds; after the last one every 12 hours."""
THEN_EVERY = 12 * HOUR
LIMIT = 48 * HOUR
SPREAD = 0.1


def next_attempt(first_at: int, now: int, attempts: int, spread: float) -> int | None:
    """When to try again after `attempts` tries, in microseconds since the epoch like `first_at` and `now`.

    `spread` in [-1, 1] moves the wait by up to a tenth. The last try is 48 hours after the first; then None: give up.
    """
    end = first_at + LIMIT
    if now >= end:
        return None
    # from now and not from the first try, so that a server that slept does not catch up in a burst
    wait = _wait(attempts)
    return min(now + wait + round(wait * SPREAD * spread), end)


def _wait(attempts: int) -> int:
    if attempts == 0:
        return 0
    if attempts < len(AGES):
        return AGES[attempts] - AGES[attempts - 1]
    return THEN_EVERY
