"""Calendar invitations as data (RFC 5545, 5546): bounded, and never more than what the part says."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tools.mail import limits
from tools.mail.attachments import file_name
from tools.mail.caltime import Moment, Zone, read_moment, read_zone
from tools.mail.charset import decode, one_line, storable
from tools.mail.invisible import cleaned
from tools.mail.mime import Part

_TYPES = frozenset({"text/calendar", "application/ics", "text/x-vcalendar"})
_FOLD = re.compile(r"\r?\n[ \t]")
_PARAMETER = re.compile(r";([A-Za-z0-9-]{1,60})=((?:\"[^\"]*+\"|[^\";:,]*+)(?:,(?:\"[^\"]*+\"|[^\";:,]*+))*+)")
_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_ESCAPED = re.compile(r"\\([\\;,nN])")


@dataclass(frozen=True, slots=True)
class Person:
    """The organizer or an attendee. `partstat` is NEEDS-ACTION, ACCEPTED, DECLINED, TENTATIVE or DELEGATED."""

    email: str
    name: str
    partstat: str
    role: str
    rsvp: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an invitation, as its sender wrote it. '' and None are absent.

    `method` is REQUEST, REPLY, CANCEL, COUNTER or PUBLISH; `recurrence` is the rule as text; `recurrence_id` names
    the one instance that a change is about. The end of an all-day event is the first day after it (section 3.6.1).
    """

    method: str
    uid: str
    sequence: int
    status: str
    summary: str
    location: str
    description: str
    url: str
    organizer: Person | None
    attendees: tuple[Person, ...]
    start: Moment | None
    end: Moment | None
    duration: str
    recurrence: str
    recurrence_id: Moment | None


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


def read_calendars(parts: Sequence[Part]) -> tuple[Event, ...]:
    """The events of a mail's calendar parts; of several renderings of one event the first. Never raises."""
    found: dict[tuple[str, str, object], Event] = {}
    calendars = [part for part in parts if is_calendar(part)]
    for part in calendars[: limits.CALENDARS]:
        data, _ = part.decoded(2 * limits.CALENDAR_BYTES)
        text, _ = decode(data[: limits.CALENDAR_BYTES], part.parameters.get("charset", "utf-8"))
        for event in read_calendar(text, part.parameters.get("method", "")):
            found.setdefault((event.method, event.uid, event.recurrence_id), event)
    return tuple(found.values())[: limits.CALENDAR_EVENTS]


def is_calendar(part: Part) -> bool:
    """Whether a part is a calendar: by its type, or by its name where a sender knew no better type."""
    return part.content_type in _TYPES or file_name(part).lower().endswith(".ics")


def read_calendar(text: str, method: str = "") -> list[Event]:
    """The events of one calendar; `method` stands for one that it does not name. Never raises; linear."""
    top = _tree(_lines(text))
    events: list[Event] = []
    for calendar in [top, *top.inner]:
        named = one_line(calendar.first("METHOD").value or method)[: limits.CALENDAR_NAME_CHARS].upper()
        zones = {zone.id: zone for each in calendar.inner if each.name == "VTIMEZONE" for zone in [_zone(each)]}
        events += [
            _event(each, named, zones) for each in calendar.inner[: limits.CALENDAR_EVENTS] if each.name == "VEVENT"
        ]
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


def _event(component: _Component, method: str, zones: dict[str, Zone]) -> Event:
    organizer = component.first("ORGANIZER")
    attendees = [line for line in component.lines if line.name == "ATTENDEE"][: limits.CALENDAR_ATTENDEES]
    sequence = component.first("SEQUENCE").value.strip()[:9]
    return Event(
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
        recurrence_id=_moment(component, "RECURRENCE-ID", zones),
    )


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
    zone = one_line(line.parameters.get("TZID", ""))[: limits.CALENDAR_NAME_CHARS]
    return read_moment(line.value.strip(), zone, zones.get(zone))


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
