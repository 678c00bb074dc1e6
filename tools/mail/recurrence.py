"""When a series takes place: the recurrence rules that people use (RFC 5545 section 3.3.10), followed within limits."""

import calendar
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tools.mail import limits

_WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_BY_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)\Z", re.ASCII)
_UNTIL = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?\Z", re.ASCII)
_FOLLOWED = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"})
_MOST = 10_000  # of an interval or a count
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_MONTH = 31


class TooFar(Exception):
    """More days would have to be looked at than are."""


_Period = tuple[int, list[date]]
"""How many days of a period were looked at, and those that are meant."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of which every part is followed. `until` is ISO 8601, '' for no end; 0 of `count` is no end too.

    `days` are weekdays, Monday 0, each with which of the month it is: 1 the first, -1 the last, 0 all.
    """

    frequency: str
    interval: int
    count: int
    until: str
    months: tuple[int, ...]
    month_days: tuple[int, ...]
    days: tuple[tuple[int, int], ...]
    positions: tuple[int, ...]
    week_start: int


def read_rule(text: str) -> Rule | None:
    """The rule; None where it is malformed or has a part that is not followed, such as hours or numbers of weeks."""
    parts = dict(part.partition("=")[::2] for part in text.strip().upper().rstrip(";").split(";"))
    frequency, until = parts.get("FREQ", ""), _until(parts.get("UNTIL", ""))
    if frequency not in _PERIODS or not _FOLLOWED.issuperset(parts) or until is None:
        return None
    days = [_BY_DAY.match(day) for day in parts["BYDAY"].split(",")] if "BYDAY" in parts else []
    try:
        rule = Rule(
            frequency=frequency,
            interval=_number(parts.get("INTERVAL", "1"), 1, _MOST),
            count=_number(parts.get("COUNT", "0"), 0, _MOST),
            until=until,
            months=_numbers(parts.get("BYMONTH", ""), 1, 12),
            month_days=_numbers(parts.get("BYMONTHDAY", ""), -31, 31),
            days=tuple((int(day[1] or 0), _WEEKDAYS[day[2]]) for day in days if day),
            positions=_numbers(parts.get("BYSETPOS", ""), -366, 366),
            week_start=_WEEKDAYS[parts.get("WKST", "MO")],
        )
    except (ValueError, KeyError):
        return None
    return rule if None not in days and _is_followed(rule) else None


def starts(rule: Rule, first: datetime, since: date) -> Iterator[datetime]:
    """The local times at which it begins, the first one first, then those that are not long before a day.

    The end that a rule names as a time is the caller's to watch. Raises TooFar.
    """
    given = 1
    yield first
    for days in _looked_at(_PERIODS[rule.frequency](rule, first.date(), since)):
        for day in days:
            if day > first.date():
                if rule.count and given >= rule.count:
                    return
                given += 1
                yield datetime.combine(day, first.time())


def _looked_at(periods: Iterable[_Period]) -> Iterator[list[date]]:
    left = limits.RECURRENCE_DAYS
    with suppress(OverflowError):  # the calendar ends
        for looked_at, days in periods:
            yield days
            left -= looked_at
            if left < 0:
                raise TooFar


def _is_followed(rule: Rule) -> bool:
    """Whether the parts mean something together (the table of section 3.3.10), and something that is followed."""
    numbered = any(which for which, _ in rule.days)
    if rule.frequency in ("DAILY", "WEEKLY"):
        return not numbered and not (rule.frequency == "WEEKLY" and rule.month_days) and not rule.positions
    return rule.frequency == "MONTHLY" or bool(rule.months) or not rule.days


def _daily(rule: Rule, first: date, since: date) -> Iterator[_Period]:
    day = first + _passed_over(rule, (since - first).days) * _DAY
    while True:
        yield 1, [day] if _fits(rule, day) else []
        day += rule.interval * _DAY


def _weekly(rule: Rule, first: date, since: date) -> Iterator[_Period]:
    week = first - (first.weekday() - rule.week_start) % 7 * _DAY
    week += _passed_over(rule, (since - week).days // 7) * _WEEK
    weekdays = {weekday for _, weekday in rule.days} or {first.weekday()}
    while True:
        days = [week + place * _DAY for place in range(7)]
        yield 7, [day for day in days if day.weekday() in weekdays and _fits(rule, day)]
        week += rule.interval * _WEEK


def _monthly(rule: Rule, first: date, since: date) -> Iterator[_Period]:
    month = first.year * 12 + first.month - 1
    month += _passed_over(rule, since.year * 12 + since.month - 1 - month)
    while month < 12 * date.max.year:
        year, number = divmod(month, 12)
        fits = not rule.months or number + 1 in rule.months
        yield (_MONTH, _chosen(rule, _in_month(rule, first, year, number + 1))) if fits else (1, [])
        month += rule.interval


def _yearly(rule: Rule, first: date, since: date) -> Iterator[_Period]:
    months = rule.months or (tuple(range(1, 13)) if rule.month_days else (first.month,))
    start = first.year + _passed_over(rule, since.year - first.year)
    for year in range(start, date.max.year, rule.interval):
        yield (
            _MONTH * len(months),
            _chosen(rule, [day for each in months for day in _in_month(rule, first, year, each)]),
        )


_PERIODS = {"DAILY": _daily, "WEEKLY": _weekly, "MONTHLY": _monthly, "YEARLY": _yearly}


def _in_month(rule: Rule, first: date, year: int, month: int) -> list[date]:
    """The days of a month that are meant, in order."""
    last = calendar.monthrange(year, month)[1]
    days = range(1, last + 1)
    if not rule.month_days and not rule.days:
        return [date(year, month, first.day)] if first.day <= last else []
    if rule.month_days:
        meant = {day if day > 0 else last + 1 + day for day in rule.month_days}
        days_of = [day for day in days if day in meant]
    else:
        days_of = list(days)
    found = [date(year, month, day) for day in days_of]
    return [day for day in found if _is_of(rule, day, last)] if rule.days else found


def _is_of(rule: Rule, day: date, last: int) -> bool:
    """Whether a day is one of the rule's weekdays, or the so-manieth of them in its month."""
    places = (0, (day.day - 1) // 7 + 1, -((last - day.day) // 7 + 1))
    return any(weekday == day.weekday() and which in places for which, weekday in rule.days)


def _chosen(rule: Rule, days: list[date]) -> list[date]:
    """Those at the positions that the rule names (BYSETPOS), or all."""
    if not rule.positions:
        return days
    places = {place - 1 if place > 0 else len(days) + place for place in rule.positions}
    return [day for place, day in enumerate(days) if place in places]


def _fits(rule: Rule, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    return (
        (not rule.months or day.month in rule.months)
        and (not rule.days or day.weekday() in {weekday for _, weekday in rule.days})
        and (not rule.month_days or day.day in rule.month_days or day.day - last - 1 in rule.month_days)
    )


def _passed_over(rule: Rule, periods: int) -> int:
    """Of the periods before a day, those that nobody has to look at; none where they are counted."""
    return 0 if rule.count else max(periods // rule.interval - 1, 0) * rule.interval


def _until(text: str) -> str | None:
    """The end in ISO 8601; '' for no end, None for a malformed one."""
    found = _UNTIL.match(text)
    if found is None:
        return None if text else ""
    year, month, day, hour, minute, second, utc = found.groups()
    clock = f"T{hour}:{minute}:{second}{utc}" if hour else ""
    return f"{year}-{month}-{day}{clock}"


def _numbers(text: str, least: int, most: int) -> tuple[int, ...]:
    """Numbers between commas, each once, in order. Raises ValueError."""
    return tuple(sorted({_number(each, least, most) for each in text.split(",")[:_MOST]})) if text else ()


def _number(text: str, least: int, most: int) -> int:
    """Raises ValueError where it is none, or out of bounds."""
    found = int(text) if re.fullmatch(r"[+-]?\d{1,5}", text, re.ASCII) else most + 1
    if not least <= found <= most or (found == 0 and least < 0):
        raise ValueError(text)
    return found
