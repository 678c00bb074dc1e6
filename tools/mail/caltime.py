"""Times of a calendar: days, UTC, times of no zone, and times of a zone by its name or by its own rules (RFC 5545)."""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_VALUE = re.compile(r"\d{8}(?:T\d{6}Z?)?\Z", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(?:\d\d)?\Z", re.ASCII)
_WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_BY_DAY = re.compile(r"([+-]?[1-5])(MO|TU|WE|TH|FR|SA|SU)\Z", re.ASCII)
_IANA = re.compile(r"[A-Za-z][A-Za-z0-9+_-]{0,30}(?:/[A-Za-z0-9+_-]{1,30}){0,2}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moment:
    """A day or a time. `local` is ISO 8601, as on the clock where it is meant; `zone` is the sender's name for that
    place, 'UTC', or '' for a time that is the same on every clock; `utc` is '' where it cannot be known."""

    local: str
    zone: str
    utc: str
    all_day: bool


@dataclass(frozen=True, slots=True)
class Onset:
    """When an offset begins to hold: at a first local time, and where a rule says so, every year until a last."""

    first: datetime
    last: datetime
    offset: timedelta
    month: int
    nth: int
    weekday: int

    def before(self, at: datetime) -> datetime | None:
        """The last time it began, up to a local time; None when it had not yet."""
        if at < self.first:
            return None
        if not self.month:
            return self.first
        at = min(at, self.last)
        begun = (self._in_year(year) for year in (at.year, at.year - 1) if year >= self.first.year)
        return next((onset for onset in begun if onset <= at), self.first)

    def _in_year(self, year: int) -> datetime:
        weekday, last = calendar.monthrange(year, self.month)
        first = 1 + (self.weekday - weekday) % 7
        weeks = (last - first) // 7 + 1
        place = max(-weeks, min(self.nth - (self.nth > 0), weeks - 1)) % weeks
        return self.first.replace(year=year, month=self.month, day=first + 7 * place)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone that a calendar brings along."""

    id: str
    onsets: tuple[Onset, ...]

    def offset(self, at: datetime) -> timedelta | None:
        """The offset from UTC that holds at a local time."""
        begun = [(begin, onset.offset) for onset in self.onsets if (begin := onset.before(at)) is not None]
        if begun:
            return max(begun)[1]
        return self.onsets[0].offset if self.onsets else None


def read_moment(value: str, zone_name: str, zone: Zone | None) -> Moment | None:
    """A DATE or DATE-TIME value (section 3.3.5); None when it is none."""
    local = _local(value)
    if local is None:
        return None
    if "T" not in value:
        return Moment(local.date().isoformat(), "", "", all_day=True)
    if value.endswith("Z"):
        return Moment(local.isoformat(), "UTC", _utc(local, UTC), all_day=False)
    where = _by_name(zone_name)
    if where is None and zone is not None and (offset := zone.offset(local)) is not None:
        where = timezone(offset)
    return Moment(local.isoformat(), zone_name, _utc(local, where) if where else "", all_day=False)


def read_zone(name: str, observances: Iterable[tuple[str, str, str]]) -> Zone:
    """A zone from the DTSTART, TZOFFSETTO and RRULE of its observances. What cannot be read is left out."""
    onsets = []
    for start, to, rule in observances:
        first, offset = _local(start.strip()), _OFFSET.match(to.strip())
        if first is None or offset is None:
            continue
        shift = timedelta(hours=int(offset.group(2)), minutes=int(offset.group(3)))
        if shift < timedelta(hours=24):
            onsets.append(Onset(first, _until(rule), -shift if offset.group(1) == "-" else shift, *_yearly(rule)))
    return Zone(name, tuple(onsets))


def _local(value: str) -> datetime | None:
    """The time on the clock, whatever the zone."""
    try:
        return datetime.fromisoformat(value.removesuffix("Z")) if _VALUE.match(value) else None
    except ValueError:
        return None


def _until(rule: str) -> datetime:
    """The end of a rule, with a day to spare: it is in UTC (section 3.3.10), an onset on the clock. Else no end."""
    said = re.search(r"UNTIL=(\d{8})", rule.upper(), re.ASCII)
    last = _local(said.group(1)) if said else None
    return last + timedelta(days=2) if last and last.year < MAXYEAR else datetime.max


def _yearly(rule: str) -> tuple[int, int, int]:
    """Month, which weekday of it and the weekday, of "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"; zeros for any other rule."""
    parts = dict(part.partition("=")[::2] for part in rule.strip().upper().split(";"))
    day, month = _BY_DAY.match(parts.get("BYDAY", "")), parts.get("BYMONTH", "")
    if parts.get("FREQ") != "YEARLY" or day is None or month not in {str(number) for number in range(1, 13)}:
        return 0, 0, 0
    return int(month), int(day.group(1)), _WEEKDAYS[day.group(2)]


def _by_name(name: str) -> tzinfo | None:
    """The zone of the IANA database with that name, when this machine has it."""
    if not _IANA.match(name):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _utc(local: datetime, zone: tzinfo) -> str:
    try:
        return local.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except (OverflowError, ValueError):
        return ""
