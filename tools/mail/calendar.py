"""Calendar invitations as data (RFC 5545, 5546): bounded, and never more than what the part says."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from tools.mail import limits
from tools.mail.attachments import file_name
from tools.mail.caltime import Moment, Zone, read_moment, read_zone
from tools.mail.charset import decode, one_line, storable
from tools.mail.event import Event, Person, is_called_off, is_series, meaning
from tools.mail.invisible import cleaned
from tools.mail.mime import Part
from tools.mail.series import Change, Series, stamp

_TYPES = frozenset({"text/calendar", "application/ics", "text/x-vcalendar"})
_FOLD = re.compile(r"\r?\n[ \t]")
_PARAMETER = re.compile(r";([A-Za-z0-9-]{1,60})=((?:\"[^\"]*+\"|[^\";:,]*+)(?:,(?:\"[^\"]*+\"|[^\";:,]*+))*+)")
_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_ESCAPED = re.compile(r"\\([\\;,nN])")


@dataclass(frozen=True, slots=True)
class Line:
    """One content line: name in upper case, parameters, value as it came."""

    name: str
    parameters: dict[str, str]
    value: str


@dataclass(slots=True)
class _Component:
    name: str
    lines: list[Line] = field(default_factory=list)
    inner: list["_Component"] = field(default_factory=list)

    def first(self, name: str) -> Line:
        return next((line for line in self.lines if line.name == name), Line(name, {}, ""))


def read_calendars(parts: Sequence[Part], since: str = "") -> tuple[Event, ...]:
    """The events of a mail's calendar parts; of several renderings of one event the first. Never raises.

    Occurrences are named from a day on (ISO 8601), or from the first one.
    """
    found: dict[tuple[str, str, object], Event] = {}
    calendars = [part for part in parts if is_calendar(part)]
    for part in calendars[: limits.CALENDARS]:
        data, _ = part.decoded(2 * limits.CALENDAR_BYTES)
        text, _ = decode(data[: limits.CALENDAR_BYTES], part.parameters.get("charset", "utf-8"))
        for event in read_calendar(text, part.parameters.get("method", ""), since):
            found.setdefault((event.method, event.uid, event.recurrence_id), event)
    return tuple(found.values())[: limits.CALENDAR_EVENTS]


def is_calendar(part: Part) -> bool:
    """Whether a part is a calendar: by its type, or by its name where a sender knew no better type."""
    return part.content_type in _TYPES or file_name(part).lower().endswith(".ics")


def read_calendar(text: str, method: str = "", since: str = "") -> list[Event]:
    """The events of one calendar; `method` stands for one that it does not name. Never raises; linear."""
    top = _tree(_lines(text))
    events: list[Event] = []
    for calendar in [top, *top.inner]:
        named = one_line(calendar.first("METHOD").value or method)[: limits.CALENDAR_NAME_CHARS].upper()
        zones = {zone.id: zone for each in calendar.inner if each.name == "VTIMEZONE" for zone in [_zone(each)]}
        own = [each for each in calendar.inner if each.name == "VEVENT"]
        changes = _changes(own, zones)
        events += [_event(each, named, zones, changes, since) for each in own[: limits.CALENDAR_EVENTS]]
    return events[: limits.CALENDAR_EVENTS]


def _lines(text: str) -> Iterator[Line]:
    """The content lines, unfolded (section 3.1). A line that is none is passed over."""
    unfolded = _FOLD.sub("", text[: limits.CALENDAR_BYTES])
    for number, line in enumerate(unfolded.split("\n")):
        if number >= limits.CALENDAR_LINES:
            return
        name = _NAME.match(line)
        if name is None:
            continue
        at, parameters = name.end(), dict[str, str]()
        while len(parameters) < limits.PARAMETERS and (parameter := _PARAMETER.match(line, at)):
            parameters.setdefault(parameter.group(1).upper(), parameter.group(2).strip('"'))
            at = parameter.end()
        if line[at : at + 1] == ":":
            yield Line(name.group().upper(), parameters, line[at + 1 :].rstrip("\r"))


def _tree(lines: Iterator[Line]) -> _Component:
    """The components inside one another; what is not closed ends with the calendar."""
    top = _Component("")
    opened = [top]
    for line in lines:
        if line.name == "BEGIN" and len(opened) <= limits.CALENDAR_DEPTH:
            component = _Component(line.value.strip().upper())
            opened[-1].inner.append(component)
            opened.append(component)
        elif line.name == "END":
            names = [component.name for component in opened]
            if line.value.strip().upper() in names[1:]:
                del opened[len(names) - 1 - names[::-1].index(line.value.strip().upper()) :]
        else:
            opened[-1].lines.append(line)
    return top


def _event(
    component: _Component, method: str, zones: dict[str, Zone], changes: dict[str, list[Change]], since: str
) -> Event:
    organizer = component.first("ORGANIZER")
    attendees = [line for line in component.lines if line.name == "ATTENDEE"][: limits.CALENDAR_ATTENDEES]
    sequence = component.first("SEQUENCE").value.strip()[:9]
    excluded, added = _dates(component, "EXDATE", zones), _dates(component, "RDATE", zones)
    event = Event(
        meaning="",
        method=method,
        uid=_short(component, "UID"),
        sequence=int(sequence) if sequence.isascii() and sequence.isdigit() else 0,
        status=_short(component, "STATUS").upper(),
        summary=_short(component, "SUMMARY"),
        location=_short(component, "LOCATION"),
        description=_text(component.first("DESCRIPTION").value)[: limits.CALENDAR_TEXT_CHARS],
        url=_short(component, "URL"),
        organizer=_person(organizer) if organizer.value else None,
        attendees=tuple(_person(line) for line in attendees),
        start=_moment(component, "DTSTART", zones),
        end=_moment(component, "DTEND", zones),
        duration=_short(component, "DURATION"),
        recurrence=_short(component, "RRULE"),
        excluded=tuple(map(stamp, excluded[: limits.CALENDAR_SHOWN])),
        added=tuple(map(stamp, added[: limits.CALENDAR_SHOWN])),
        occurrences=(),
        more_occurrences=False,
        recurrence_id=_moment(component, "RECURRENCE-ID", zones),
        and_later=_word(component.first("RECURRENCE-ID"), "RANGE") == "THISANDFUTURE",
    )
    occurrences: tuple[str, ...] = ()
    more = False
    if event.start and is_series(event) and not is_called_off(event):
        zone = zones.get(event.start.zone)
        series = Series(event.start, zone, event.recurrence, excluded, added, changes.get(event.uid, ()))
        occurrences, more = series.upcoming(since)
    return replace(event, meaning=meaning(event), occurrences=occurrences, more_occurrences=more)


def _changes(components: Sequence[_Component], zones: dict[str, Zone]) -> dict[str, list[Change]]:
    """What a calendar says of single occurrences of its series, by the series' UID."""
    found: dict[str, list[Change]] = {}
    for each in components[: limits.CALENDAR_DATES]:
        if occurrence := _moment(each, "RECURRENCE-ID", zones):
            off = _short(each, "STATUS").upper() == "CANCELLED"
            later = _word(each.first("RECURRENCE-ID"), "RANGE") == "THISANDFUTURE"
            start = None if off else _moment(each, "DTSTART", zones)
            found.setdefault(_short(each, "UID"), []).append(Change(occurrence, start, later))
    return found


def _person(line: Line) -> Person:
    address = one_line(line.value).strip()
    if address[:7].lower() == "mailto:":
        address = address[7:]
    return Person(
        email=cleaned(address)[0][: limits.ADDRESS_CHARS].lower(),
        name=cleaned(one_line(_text(line.parameters.get("CN", ""))))[0][: limits.NAME_CHARS],
        partstat=_word(line, "PARTSTAT"),
        role=_word(line, "ROLE"),
        rsvp=_word(line, "RSVP") == "TRUE",
    )


def _word(line: Line, name: str) -> str:
    """A parameter that is one of a standard's words."""
    word = line.parameters.get(name, "").upper()
    return word if _NAME.fullmatch(word) else ""


def _short(component: _Component, name: str) -> str:
    return one_line(_text(component.first(name).value))[: limits.CALENDAR_SHORT_CHARS]


def _text(value: str) -> str:
    """A value without its escapes (section 3.3.11), and without characters that show nothing."""
    plain = _ESCAPED.sub(lambda found: "\n" if found.group(1) in "nN" else found.group(1), value)
    return storable(cleaned(plain)[0]).strip()


def _moment(component: _Component, name: str, zones: dict[str, Zone]) -> Moment | None:
    line = component.first(name)
    return _read(line, line.value, zones)


def _dates(component: _Component, name: str, zones: dict[str, Zone]) -> list[Moment]:
    """The times in all fields of a name (sections 3.8.5.1 and 3.8.5.2); of a period its beginning."""
    values = (
        (line, value.partition("/")[0])
        for line in component.lines
        if line.name == name
        for value in line.value.split(",", limits.CALENDAR_DATES)
    )
    found = (_read(line, value, zones) for line, value in islice(values, limits.CALENDAR_DATES))
    return [moment for moment in found if moment]


def _read(line: Line, value: str, zones: dict[str, Zone]) -> Moment | None:
    zone = one_line(line.parameters.get("TZID", ""))[: limits.CALENDAR_NAME_CHARS]
    return read_moment(value.strip(), zone, zones.get(zone))


def _zone(component: _Component) -> Zone:
    """A VTIMEZONE's rules (section 3.6.5)."""
    name = one_line(component.first("TZID").value)[: limits.CALENDAR_NAME_CHARS]
    return read_zone(
        name,
        [
            (each.first("DTSTART").value, each.first("TZOFFSETTO").value, each.first("RRULE").value)
            for each in component.inner[: limits.CALENDAR_EVENTS]
        ],
    )
