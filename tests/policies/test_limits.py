"""The guards of a reputation: no mail over a limit, whatever the facts; and when sending pauses."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decision import Verdict
from policies.facts import Allowance, Halt, Outbound
from policies.limits import room_at, sending_on, within_limits
from policies.modes import Mode
from policies.outbound import decide
from policies.reputation import Outcomes, Thresholds, judge
from policies.windows import DAY, HOUR, Limits, Span, Subject, Tier, Used, Window, tier_at, windows

NOON = int(datetime(2026, 1, 31, 12, 30, tzinfo=UTC).timestamp()) * 1_000_000
MIDNIGHT = NOON - NOON % DAY
DOMAIN_TIERS = (Tier(1, 2, 10), Tier(8, 10, 50), Tier(15, 100, 1000))

WINDOWS = st.builds(
    Window,
    subject=st.sampled_from(["mailbox", "domain", "account"]),
    span=st.sampled_from(Span),
    used=st.integers(0, 60),
    limit=st.none() | st.integers(0, 60),
    ends_at=st.integers(NOON + 1, NOON + 31 * DAY),
    stage=st.none() | st.integers(1, 7),
)


def mail(recipients: int, *found: Window, halts: tuple[Halt, ...] = ()) -> Outbound:
    addresses = tuple(f"a{number}@example.com" for number in range(recipients))
    return Outbound(Mode.AUTONOMOUS, addresses, (), allowance=Allowance(NOON, found, halts))


@given(st.lists(WINDOWS, max_size=6), st.integers(1, 50))
def test_what_passes_stays_under_every_limit(found: list[Window], recipients: int) -> None:
    finding = within_limits(mail(recipients, *found))
    fits = all(window.limit is None or window.used + recipients <= window.limit for window in found)
    assert (finding is None) == fits
    if finding is not None:
        assert finding.verdict is Verdict.DENY and finding.code in ("warmup_limit", "quota_exceeded", "rate_limited")
        assert finding.retry_after is not None and finding.retry_after >= 1


@given(st.lists(WINDOWS, max_size=6), st.integers(1, 49), st.integers(1, 5), st.data())
def test_more_recipients_or_more_used_never_helps(
    found: list[Window], recipients: int, more: int, data: st.DataObject
) -> None:
    if within_limits(mail(recipients, *found)) is None:
        return
    fuller = [replace(window, used=window.used + data.draw(st.integers(0, 5))) for window in found]
    assert within_limits(mail(recipients + more, *fuller)) is not None


def test_an_approver_lifts_no_limit_and_an_unknown_fact_holds() -> None:
    full = Window("mailbox", Span.DAY, 10, 10, NOON + HOUR)
    denied = within_limits(replace(mail(1, full), approver="boss@example.org"))
    assert denied is not None and denied.verdict is Verdict.DENY
    unknown = replace(mail(1), allowance=None)
    for rule in (within_limits, sending_on):
        finding = rule(unknown)
        assert finding is not None and finding.verdict is Verdict.HOLD


def test_the_longest_wait_is_the_one_told() -> None:
    hour = Window("domain", Span.HOUR, 2, 2, Span.HOUR.end(NOON), stage=1)
    day = Window("mailbox", Span.DAY, 10, 10, Span.DAY.end(NOON), stage=3)
    finding = within_limits(mail(1, hour, day))
    assert finding is not None and finding.code == "warmup_limit"
    assert finding.retry_after == 11 * 3600 + 1800, "until midnight UTC"
    assert dict(finding.details) == {
        "limited": "mailbox",
        "window": "day",
        "limit": 10,
        "used": 10,
        "warmup_stage": 3,
    }


@pytest.mark.parametrize(
    ("span", "start", "end"),
    [
        (Span.HOUR, (2026, 1, 31, 12), (2026, 1, 31, 13)),
        (Span.DAY, (2026, 1, 31, 0), (2026, 2, 1, 0)),
        (Span.MONTH, (2026, 1, 1, 0), (2026, 2, 1, 0)),
    ],
)
def test_windows_begin_and_end_on_the_clock(
    span: Span, start: tuple[int, int, int, int], end: tuple[int, int, int, int]
) -> None:
    moments = [int(datetime(*each, tzinfo=UTC).timestamp()) * 1_000_000 for each in (start, end)]
    assert [span.start(NOON), span.end(NOON)] == moments


@given(st.sampled_from(Span), st.integers(0, 4_000_000_000_000_000))
def test_every_moment_is_in_exactly_one_window(span: Span, now: int) -> None:
    start, end = span.start(now), span.end(now)
    assert start <= now < end
    assert span.start(end) == end and span.end(start) == end


@pytest.mark.parametrize(
    ("day", "number", "per_hour", "per_day"),
    [(1, 1, 2, 10), (7, 1, 2, 10), (8, 2, 10, 50), (14, 2, 10, 50), (15, 3, 100, 1000), (400, 3, 100, 1000)],
)
def test_000_4_a_domains_limits_grow_with_its_age(day: int, number: int, per_hour: int, per_day: int) -> None:
    """000-4: 2 an hour and 10 a day for seven days, 10 and 50 for seven more, the full limits from day 15."""
    found = tier_at(DOMAIN_TIERS, 0, (day - 1) * DAY)
    assert found == (number, Tier(found[1].from_day, per_hour, per_day) if found else None)
    last = tier_at(DOMAIN_TIERS, 0, day * DAY - 1)
    assert last == found, "to the last microsecond of the day"


@given(st.integers(0, 60), st.integers(0, 60))
def test_000_4_older_is_never_less(first: int, later: int) -> None:
    """000-4: the caps only grow."""
    younger, older = (tier_at(DOMAIN_TIERS, 0, day * DAY) for day in sorted((first, later)))
    assert younger is not None and older is not None
    assert (younger[1].per_hour or 0) <= (older[1].per_hour or 0)
    assert (younger[1].per_day or 0) <= (older[1].per_day or 0)


def test_a_window_that_is_over_counts_no_more() -> None:
    used = Used(Span.HOUR.start(NOON), 3, Span.DAY.start(NOON), 5, Span.MONTH.start(NOON), 7)
    assert [used.within(span, NOON) for span in Span] == [3, 5, 7]
    assert [used.within(span, NOON + HOUR) for span in Span] == [0, 5, 7]
    assert [used.within(span, NOON + DAY) for span in Span] == [0, 0, 0], "the next day is the next month here"


def test_the_last_tier_is_no_warming() -> None:
    subjects = {"mailbox": Subject(NOON), "domain": Subject(NOON - 20 * DAY), "account": Subject(0)}
    limits = Limits(mailbox_tiers=(Tier(1, None, 10), Tier(8)), domain_tiers=DOMAIN_TIERS, account_per_month=5000)
    found = {(each.subject, each.span): (each.limit, each.stage) for each in windows(limits, NOON, subjects)}
    assert found[("mailbox", Span.DAY)] == (10, 1)
    assert found[("domain", Span.HOUR)] == (100, None)
    assert found[("account", Span.MONTH)] == (5000, None)


def test_stopped_weighs_more_than_paused() -> None:
    halts = (Halt("paused", "Too many bounces."), Halt("stopped", "Stopped by boss."))
    finding = sending_on(mail(1, halts=halts))
    assert finding is not None and finding.verdict is Verdict.DENY and finding.code == "sending_stopped"
    paused = sending_on(mail(1, halts=halts[:1]))
    assert paused is not None and paused.code == "sending_paused"
    assert sending_on(mail(1)) is None


@pytest.mark.parametrize(
    ("settled", "bounced", "complained", "state"),
    [
        (9, 9, 9, "good"),
        (10, 0, 0, "good"),
        (10, 1, 0, "paused"),
        (20, 1, 0, "paused"),
        (140, 7, 0, "paused"),
        (141, 7, 0, "warned"),
        (50, 1, 0, "warned"),
        (51, 1, 0, "good"),
        (1250, 0, 1, "paused"),
        (1251, 0, 1, "good"),
    ],
)
def test_000_13_thresholds_with_the_least_sample(settled: int, bounced: int, complained: int, state: str) -> None:
    """000-13: 5 % bounces or 0.08 % complaints pause, 2 % bounces warn, of 10 mails at least."""
    assert judge(Outcomes(settled, bounced, complained), Thresholds()).state == state


@given(st.integers(10, 5000), st.integers(0, 5000), st.integers(0, 100))
def test_000_13_more_bounces_never_help(settled: int, bounced: int, more: int) -> None:
    """000-13: monotone in the bounces."""
    order = ["good", "warned", "paused"]
    before = judge(Outcomes(settled, bounced, 0), Thresholds()).state
    after = judge(Outcomes(settled, bounced + more, 0), Thresholds()).state
    assert order.index(after) >= order.index(before)


@given(st.integers(0, 5), st.integers(1, 6), st.integers(0, 86_399_999_999))
def test_there_is_room_when_the_window_begins_anew_or_never(used: int, asked: int, passed: int) -> None:
    now = MIDNIGHT + passed
    window = Window("mailbox", Span.DAY, used, 5, MIDNIGHT + DAY)
    facts = Outbound(Mode.AUTONOMOUS, ("a@example.com",) * asked, (), allowance=Allowance(now, (window,)))
    at = room_at(decide(facts, (within_limits,)), asked, now)
    assert at == (MIDNIGHT + DAY if used + asked > 5 >= asked else None)


def test_what_warming_limits_will_fit_one_day_and_what_is_stopped_does_not_wait() -> None:
    young = Window("mailbox", Span.DAY, 0, 5, MIDNIGHT + DAY, stage=1)
    facts = Outbound(Mode.AUTONOMOUS, ("a@example.com",) * 6, (), allowance=Allowance(MIDNIGHT, (young,)))
    assert room_at(decide(facts, (within_limits,)), 6, MIDNIGHT) == MIDNIGHT + DAY
    stopped = replace(facts, allowance=Allowance(MIDNIGHT, (young,), (Halt("stopped", "by hand"),)))
    assert room_at(decide(stopped, (sending_on, within_limits)), 6, MIDNIGHT) is None
