"""Rules of series followed as RFC 5545 has them, those that are not followed refused, and neither without end."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.recurrence import TooFar, read_rule, starts

FIRST = datetime(2026, 1, 5, 9, 0)
"""A Monday."""


def days(rule: str, first: datetime = FIRST, since: date = date.min) -> Iterator[str]:
    found = read_rule(rule)
    assert found is not None
    for at in starts(found, first, since):
        assert at.time() == first.time()
        yield at.date().isoformat()


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("FREQ=DAILY;INTERVAL=10", "2026-01-05 2026-01-15 2026-01-25 2026-02-04"),
        ("FREQ=DAILY;COUNT=2", "2026-01-05 2026-01-06"),
        ("FREQ=DAILY;BYDAY=MO,FR;BYMONTH=1,3", "2026-01-05 2026-01-09 2026-01-12 2026-01-16"),
        ("FREQ=WEEKLY", "2026-01-05 2026-01-12 2026-01-19 2026-01-26"),
        ("FREQ=WEEKLY;BYDAY=TU,MO;WKST=SU;INTERVAL=2;COUNT=3", "2026-01-05 2026-01-06 2026-01-19"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=MO", "2026-01-05 2026-01-11 2026-01-19 2026-01-25"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU", "2026-01-05 2026-01-18 2026-01-19 2026-02-01"),
        ("FREQ=MONTHLY", "2026-01-05 2026-02-05 2026-03-05 2026-04-05"),
        ("FREQ=MONTHLY;BYDAY=1MO", "2026-01-05 2026-02-02 2026-03-02 2026-04-06"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-05 2026-01-30 2026-02-27 2026-03-27"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-01-05 2026-01-30 2026-02-27 2026-03-31"),
        ("FREQ=MONTHLY;BYMONTHDAY=31,-2", "2026-01-05 2026-01-30 2026-01-31 2026-02-27"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "2026-01-05 2026-02-13 2026-03-13 2026-11-13"),
        ("FREQ=YEARLY", "2026-01-05 2027-01-05 2028-01-05 2029-01-05"),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2026-01-05 2026-11-26 2027-11-25 2028-11-23"),
        ("freq=yearly;bymonthday=1;bymonth=2,8;", "2026-01-05 2026-02-01 2026-08-01 2027-02-01"),
    ],
)
def test_rules_that_people_use(rule: str, found: str) -> None:
    assert " ".join(islice(days(rule), 4)) == found


def test_the_thirty_first_and_leap_days_are_left_out_where_there_is_none() -> None:
    assert list(islice(days("FREQ=MONTHLY", datetime(2026, 1, 31)), 3)) == ["2026-01-31", "2026-03-31", "2026-05-31"]
    assert list(islice(days("FREQ=YEARLY", datetime(2024, 2, 29)), 2)) == ["2024-02-29", "2028-02-29"]


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("FREQ=DAILY;INTERVAL=3", "2036-01-01"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", "2036-01-07"),
        ("FREQ=MONTHLY;BYDAY=2TU", "2036-01-08"),
        ("FREQ=DAILY;COUNT=2900", ""),
        ("FREQ=YEARLY;INTERVAL=3;BYMONTH=5;BYDAY=2SU", "2038-05-09"),
        ("FREQ=MONTHLY;INTERVAL=7", "2036-07-05"),
    ],
)
def test_an_old_series_is_followed_from_today(rule: str, found: str) -> None:
    since = date(2036, 1, 1)
    assert next((day for day in days(rule, since=since) if day >= "2036"), "") == found


@pytest.mark.parametrize(
    "rule",
    [
        *("", "FREQ=", "FREQ=HOURLY", "FREQ=SECONDLY;INTERVAL=1", "INTERVAL=2", "every Monday", "FREQ=DAILY;BYHOUR=9"),
        *("FREQ=YEARLY;BYWEEKNO=20", "FREQ=YEARLY;BYYEARDAY=-1", "FREQ=YEARLY;BYDAY=20MO", "FREQ=YEARLY;BYDAY=1MO"),
        *("FREQ=WEEKLY;BYDAY=1MO", "FREQ=WEEKLY;BYMONTHDAY=1", "FREQ=WEEKLY;BYDAY=", "FREQ=WEEKLY;BYDAY=XX"),
        *("FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=99999", "FREQ=DAILY;COUNT=-1", "FREQ=DAILY;COUNT=many"),
        *("FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=MONTHLY;BYMONTH=13", "FREQ=DAILY;UNTIL=soon", "FREQ=DAILY;WKST=XX"),
    ],
)
def test_other_rules_are_not_followed(rule: str) -> None:
    assert read_rule(rule) is None


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYMONTH=2;INTERVAL=52",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
    ],
)
def test_what_never_comes_is_not_looked_for_without_end(rule: str) -> None:
    def look() -> None:
        with suppress(TooFar):
            list(days(rule))

    cheaply(look, 0.1)


def test_the_calendar_has_an_end() -> None:
    assert len(list(days("FREQ=WEEKLY", datetime(9999, 12, 1)))) <= 5
    assert list(days("FREQ=YEARLY", datetime(9999, 12, 1))) == ["9999-12-01"]
    assert list(islice(days("FREQ=WEEKLY", datetime(1, 1, 1), date(1, 1, 1)), 2))


PARTS = [
    "FREQ=DAILY",
    "FREQ=WEEKLY",
    "FREQ=MONTHLY",
    "FREQ=YEARLY",
    "INTERVAL=3",
    "COUNT=4",
    "BYDAY=MO,-1FR",
    "BYDAY=SU",
]
PARTS += ["BYMONTHDAY=-31,29", "BYMONTH=2", "BYSETPOS=-1,2", "WKST=TU", "UNTIL=20260201", "X-A=1", "BYDAY"]


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=9)).map(";".join), st.datetimes(), st.dates())
def test_any_rule_gives_times_in_order(text: str, first: datetime, since: date) -> None:
    rule = read_rule(text)
    if rule is not None:
        found: list[datetime] = []
        with suppress(TooFar):
            found.extend(islice(starts(rule, first, since), 20))
        assert found == sorted(set(found)) and found[:1] in ([], [first])
