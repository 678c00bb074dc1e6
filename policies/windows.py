"""How much may leave in an hour, a day and a month, and how much of it is used: warming, steady limits, quota."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR


class Span(StrEnum):
    """The windows; each begins on the clock, in UTC."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    def start(self, now: int) -> int:
        """When the window around `now` began, in microseconds since the epoch."""
        if self is Span.MONTH:
            return _micros(_date(now))
        return now - now % (HOUR if self is Span.HOUR else DAY)

    def end(self, now: int) -> int:
        """When the next one begins."""
        if self is Span.MONTH:
            first = _date(now)
            return _micros(first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1))
        return self.start(now) + (HOUR if self is Span.HOUR else DAY)


@dataclass(frozen=True, slots=True)
class Tier:
    """The limits from one day of age on; day 1 is the first 24 hours. None is no limit."""

    from_day: int
    per_hour: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The table of limits, in recipients. None is no limit, and no tiers are no warming.

    The last tier is no warming any more: it holds for good.
    """

    mailbox_tiers: tuple[Tier, ...] = ()
    domain_tiers: tuple[Tier, ...] = ()
    mailbox_per_hour: int | None = None
    mailbox_per_day: int | None = None
    account_per_hour: int | None = None
    account_per_day: int | None = None
    account_per_month: int | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """What a mailbox, a domain or an account has sent: recipients in the newest hour, day and month that had any."""

    hour: int = 0
    in_hour: int = 0
    day: int = 0
    in_day: int = 0
    month: int = 0
    in_month: int = 0
    hour_ahead: int = 0
    """Recipients of mail that was let through to leave in the hour that is looked at; so with the next two."""
    day_ahead: int = 0
    month_ahead: int = 0

    def within(self, span: Span, at: int) -> int:
        """Recipients in the window around `at`. A window that began later than that (another clock) counts too."""
        began, used, ahead = {
            Span.HOUR: (self.hour, self.in_hour, self.hour_ahead),
            Span.DAY: (self.day, self.in_day, self.day_ahead),
            Span.MONTH: (self.month, self.in_month, self.month_ahead),
        }[span]
        return ahead + (used if began >= span.start(at) else 0)


@dataclass(frozen=True, slots=True)
class Window:
    """One window of one subject: its limit, and how much of it is used."""

    subject: str
    """`mailbox`, `domain` or `account`."""
    span: Span
    used: int
    limit: int | None
    ends_at: int
    """Microseconds since the epoch."""
    stage: int | None = None
    """Number of the warming tier that sets the limit; None when it is no warming limit."""

    @property
    def remaining(self) -> int | None:
        return None if self.limit is None else max(self.limit - self.used, 0)


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody whose mail is counted."""

    created_at: int
    used: Used = Used()


def windows(limits: Limits, now: int, subjects: Mapping[str, Subject]) -> tuple[Window, ...]:
    """Every window that is limited, and two that are of interest without: the mailbox's day and the account's month."""
    strictest: dict[tuple[str, Span], tuple[int | None, int | None]] = {
        ("mailbox", Span.DAY): (None, None),
        ("account", Span.MONTH): (None, None),
    }
    for name, span, limit, stage in _limits(limits, now, subjects):
        before, _ = strictest.get((name, span), (None, None))
        if limit is not None and (before is None or limit < before):
            strictest[(name, span)] = limit, stage
    return tuple(
        Window(name, span, subjects[name].used.within(span, now), limit, span.end(now), stage)
        for (name, span), (limit, stage) in strictest.items()
    )


def tier_at(tiers: tuple[Tier, ...], created_at: int, now: int) -> tuple[int, Tier] | None:
    """The tier in force, with its number from 1. A clock that went back finds the first."""
    day = max((now - created_at) // DAY + 1, 1)
    reached = [(number, tier) for number, tier in enumerate(tiers, 1) if tier.from_day <= day]
    return reached[-1] if reached else None


def _limits(
    limits: Limits, now: int, subjects: Mapping[str, Subject]
) -> Iterator[tuple[str, Span, int | None, int | None]]:
    for name, tiers in (("mailbox", limits.mailbox_tiers), ("domain", limits.domain_tiers)):
        if (found := tier_at(tiers, subjects[name].created_at, now)) is not None:
            number, tier = found
            stage = number if number < len(tiers) else None
            yield name, Span.HOUR, tier.per_hour, stage
            yield name, Span.DAY, tier.per_day, stage
    yield "mailbox", Span.HOUR, limits.mailbox_per_hour, None
    yield "mailbox", Span.DAY, limits.mailbox_per_day, None
    yield "account", Span.HOUR, limits.account_per_hour, None
    yield "account", Span.DAY, limits.account_per_day, None
    yield "account", Span.MONTH, limits.account_per_month, None


def _date(now: int) -> datetime:
    """The first of the month."""
    return datetime.fromtimestamp(now // SECOND, UTC).replace(day=1, hour=0, minute=0, second=0)


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND
