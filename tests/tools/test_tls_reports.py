"""TLS reports between being counted and being sent: they add up, each is taken once, and a day later they are over."""

import asyncio

import pytest

from storage.records import TlsReport, TlsSession
from tests.conftest import START, Clock
from tools import tls_reports
from tools.context import DAY, Context
from tools.tls_reports import KEEP_DAYS, MOST_POLICY, RETRY, SETTLE, SPREAD, State

TODAY = "2026-01-01"
POLICY = {"type": "sts", "strings": ["version: STSv1"], "mx": ["*.example.org"]}


def counted(count: int, domain: str = "example.org", day: str = TODAY, result: str = "") -> TlsSession:
    return tls_reports.session(day, domain, POLICY, "mx.example.org", result, count)


async def one_due(context: Context, clock: Clock) -> TlsReport:
    await tls_reports.keep(context, [counted(1)])
    clock.at = START + DAY + SETTLE + SPREAD
    (report,) = await tls_reports.claim(context, 10)
    return report


async def test_what_several_processes_counted_adds_up(context: Context) -> None:
    await asyncio.gather(
        *(tls_reports.keep(context, [counted(2), counted(1, result="validation-failure")]) for _ in "ab")
    )
    report = TlsReport("tls_1", TODAY, "example.org", "sending", 1, 0, 0, "")
    found = await tls_reports.sessions_of(context, report)
    assert [(each.result, each.sessions) for each in found] == [("", 4), ("validation-failure", 2)]


async def test_a_report_is_due_after_its_day_and_taken_once(context: Context, clock: Clock) -> None:
    await tls_reports.keep(context, [counted(1), counted(1, "example.net")])
    await tls_reports.keep(context, [counted(1)])
    clock.at = START + DAY + SETTLE - 10
    assert await tls_reports.claim(context, 10) == []
    clock.at = START + DAY + SETTLE + SPREAD
    taken = await asyncio.gather(*(tls_reports.claim(context, 1) for _ in range(4)))
    assert sorted(report.domain for reports in taken for report in reports) == ["example.net", "example.org"]
    assert await tls_reports.claim(context, 10) == []


async def test_who_dies_with_a_report_leaves_it_unsent(context: Context, clock: Clock) -> None:
    await one_due(context, clock)
    clock.at += DAY
    assert await tls_reports.claim(context, 10) == []


async def test_a_deferred_report_is_tried_again_for_a_day(context: Context, clock: Clock) -> None:
    report = await one_due(context, clock)
    tries = 0
    while True:
        tries += 1
        await tls_reports.settle(context, report, "deferred", "not now")
        assert await tls_reports.claim(context, 10) == []
        clock.at += RETRY << tries - 1
        claimed = await tls_reports.claim(context, 10)
        if not claimed:
            break
        (report,) = claimed
    assert report.attempts == tries == 6, "after half an hour, one, two, four and eight"


@pytest.mark.parametrize("state", ["sent", "unwanted", "failed"])
async def test_what_is_over_is_over(context: Context, clock: Clock, state: State) -> None:
    await tls_reports.settle(context, await one_due(context, clock), state, "")
    await tls_reports.keep(context, [counted(1)])
    clock.at += DAY
    assert await tls_reports.claim(context, 10) == []


async def test_old_days_are_forgotten(context: Context, clock: Clock) -> None:
    report = await one_due(context, clock)
    clock.at = START + KEEP_DAYS * DAY
    await tls_reports.forget(context)
    assert await tls_reports.sessions_of(context, report)
    clock.at += DAY
    await tls_reports.forget(context)
    assert await tls_reports.sessions_of(context, report) == []


def test_a_policy_too_long_is_named_and_not_quoted() -> None:
    long = tls_reports.session(TODAY, "example.org", POLICY | {"strings": ["x" * MOST_POLICY]}, "mx", "", 1)
    assert long.policy == '{"type": "sts", "strings": [], "mx": []}'


async def test_a_report_has_a_bound(context: Context) -> None:
    rows = [tls_reports.session(TODAY, "example.org", POLICY, f"mx{n}", "", n + 1) for n in range(1_100)]
    await tls_reports.keep(context, rows)
    report = TlsReport("tls_1", TODAY, "example.org", "sending", 1, 0, 0, "")
    found = await tls_reports.sessions_of(context, report)
    assert len(found) == tls_reports.MOST_ROWS and found[0].sessions == 1_100
