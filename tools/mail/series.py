"""The occurrences of a series: what its rule gives, but for what was left out or called off, and what was moved."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from tools.mail import limits
from tools.mail.caltime import Moment, Zone, read_moment
from tools.mail.recurrence import TooFar, read_rule, starts

_ELSEWHERE = 2  # days


@dataclass(frozen=True, slots=True)
class Change:
    """What was said of one occurrence, or of it and all later ones: its new start, None where it was called off."""

    occurrence: Moment
    start: Moment | None
    and_later: bool


@dataclass(frozen=True, slots=True)
class Series:
    """A series as its calendar has it. `rule` is the text of its rule; `zone` what the calendar says of the zone of the
    first start."""

    first: Moment
    zone: Zone | None
    rule: str
    excluded: Sequence[Moment]
    added: Sequence[Moment]
    changes: Sequence[Change]

    def upcoming(self, since: str) -> tuple[tuple[str, ...], bool]:
        """When it takes place from a day on (ISO 8601): the next starts, and whether there are more than those.

        Nothing where the rule cannot be followed, or more was left out than is known of.
        """
        regular = self._regular(since)
        if regular is None or max(len(self.excluded), len(self.changes)) >= limits.CALENDAR_DATES:
            return (), True
        gone = {stamp(each) for each in (*self.excluded, *(change.occurrence for change in self.changes))}
        days = {each.local for each in self.excluded if each.all_day}
        end = min((stamp(change.occurrence) for change in self.changes if change.and_later), default="")
        kept = (
            stamp(each)
            for each in regular
            if stamp(each) not in gone and each.local[:10] not in days and (not end or stamp(each) < end)
        )
        beside = {stamp(each) for each in self.added} - gone
        beside |= {stamp(change.start) for change in self.changes if change.start}
        found, open_end = set(_from(beside, since)), bool(end)
        try:
            found.update(islice(_from(kept, since), limits.OCCURRENCES + 1))
        except TooFar:
            open_end = True
        stamps = sorted(found)
        return tuple(stamps[: limits.OCCURRENCES]), open_end or len(stamps) > limits.OCCURRENCES

    def _regular(self, since: str) -> Iterator[Moment] | None:
        """What the rule gives, in order; None where it cannot be followed."""
        if not self.rule:
            return iter([self.first])
        rule = read_rule(self.rule)
        if rule is None:
            return None
        first = datetime.fromisoformat(self.first.local)
        day = date.fromisoformat(since) if since else first.date()
        # a day before it may be that day elsewhere; to know the time of a place costs much more than to pass over it
        near = (each for each in starts(rule, first, day) if (day - each.date()).days < _ELSEWHERE)
        return self._until(rule.until, near)

    def _until(self, end: str, found: Iterable[datetime]) -> Iterator[Moment]:
        for local in found:
            each = self._moment(local)
            # an end that is a day includes that day
            if each is None or (end and (each.local[: len(end)] if end[-1] != "Z" else stamp(each)) > end):
                return
            yield each

    def _moment(self, local: datetime) -> Moment | None:
        if self.first.all_day:
            return read_moment(f"{local:%Y%m%d}", "", None)
        utc = "Z" if self.first.zone == "UTC" else ""
        return read_moment(f"{local:%Y%m%dT%H%M%S}{utc}", self.first.zone, self.zone)


def stamp(moment: Moment) -> str:
    """A moment in few letters, which is the same however it was written: UTC where that is known."""
    return moment.utc or moment.local


def _from(stamps: Iterable[str], since: str) -> Iterator[str]:
    return (each for each in stamps if each[:10] >= since)
