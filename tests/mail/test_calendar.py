"""Invitations as data: what senders write, zones by name and by rule, and calendars that are traps."""

from dataclasses import asdict
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail import limits
from tools.mail.calendar import read_calendar
from tools.mail.caltime import Moment
from tools.mail.event import Event, Person
from tools.mail.parse import parse

OUTLOOK_ZONE = """\
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""
REQUEST = f"""\
BEGIN:VCALENDAR
PRODID:-//Example//EN
VERSION:2.0
METHOD:REQUEST
{OUTLOOK_ZONE}BEGIN:VEVENT
UID:1@example.org
SEQUENCE:2
STATUS:CONFIRMED
ORGANIZER;CN="Bea; B.":MAILTO:Bea@Example.org
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=
 TRUE;CN=Ada Lee:mailto:ada@agents.exam
 ple
ATTENDEE;PARTSTAT=ACCEPTED:mailto:cy@example.org
DTSTART;TZID=W. Europe Standard Time:20260701T090000
DTEND;TZID=W. Europe Standard Time:20260701T103000
RRULE:FREQ=WEEKLY;COUNT=4
SUMMARY:Lunch\\, and\\; more
LOCATION:Room 5
DESCRIPTION:Bring:\\n- figures\\n- C:\\\\plans
BEGIN:VALARM
TRIGGER:-PT15M
DESCRIPTION:REMINDER
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def event(body: str, zones: str = "") -> Event:
    (found,) = read_calendar(f"BEGIN:VCALENDAR\n{zones}BEGIN:VEVENT\n{body}\nEND:VEVENT\nEND:VCALENDAR")
    return found


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_an_invitation_is_read_in_full(line_end: str) -> None:
    assert read_calendar(REQUEST.replace("\n", line_end)) == [
        Event(
            meaning="changes a series",
            method="REQUEST",
            uid="1@example.org",
            sequence=2,
            status="CONFIRMED",
            summary="Lunch, and; more",
            location="Room 5",
            description="Bring:\n- figures\n- C:\\plans",
            url="",
            organizer=Person("bea@example.org", "Bea; B.", "", "", False),
            attendees=(
                Person("ada@agents.example", "Ada Lee", "NEEDS-ACTION", "REQ-PARTICIPANT", True),
                Person("cy@example.org", "", "ACCEPTED", "", False),
            ),
            start=Moment("2026-07-01T09:00:00", "W. Europe Standard Time", "2026-07-01T07:00:00Z", False),
            end=Moment("2026-07-01T10:30:00", "W. Europe Standard Time", "2026-07-01T08:30:00Z", False),
            duration="",
            recurrence="FREQ=WEEKLY;COUNT=4",
            excluded=(),
            added=(),
            occurrences=(
                *("2026-07-01T07:00:00Z", "2026-07-08T07:00:00Z", "2026-07-15T07:00:00Z", "2026-07-22T07:00:00Z"),
            ),
            more_occurrences=False,
            recurrence_id=None,
            and_later=False,
        )
    ]


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("DTSTART:20260105T080000Z", Moment("2026-01-05T08:00:00", "UTC", "2026-01-05T08:00:00Z", False)),
        ("DTSTART;VALUE=DATE:20260105", Moment("2026-01-05", "", "", True)),
        ("DTSTART:20260105T080000", Moment("2026-01-05T08:00:00", "", "", False)),
        (
            "DTSTART;TZID=America/New_York:20260705T080000",
            Moment("2026-07-05T08:00:00", "America/New_York", "2026-07-05T12:00:00Z", False),
        ),
        ("DTSTART;TZID=Elsewhere:20260705T080000", Moment("2026-07-05T08:00:00", "Elsewhere", "", False)),
        (
            "DTSTART;TZID=../../etc/passwd:20260705T080000",
            Moment("2026-07-05T08:00:00", "../../etc/passwd", "", False),
        ),
        ("DTSTART:20260230", None),
        ("DTSTART:tomorrow", None),
        ("DTSTART:", None),
    ],
)
def test_times(line: str, start: Moment | None) -> None:
    assert event(line).start == start


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("20260329T015959", "2026-03-29T00:59:59Z"),
        ("20260329T030000", "2026-03-29T01:00:00Z"),
        ("20261025T020000", "2026-10-25T00:00:00Z"),
        ("20261025T030000", "2026-10-25T02:00:00Z"),
        ("20270101T000000", "2026-12-31T23:00:00Z"),
    ],
)
def test_a_zone_of_no_known_name_is_reckoned_by_the_rules_it_comes_with(local: str, utc: str) -> None:
    start = event(f"DTSTART;TZID=W. Europe Standard Time:{local}", OUTLOOK_ZONE).start
    assert start is not None and start.utc == utc


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("20261028T100000", "2026-10-28T14:00:00Z"),  # behind the end of October's rule, before that of November
        ("20260320T100000", "2026-03-20T14:00:00Z"),
        ("20261103T100000", "2026-11-03T15:00:00Z"),
        ("20061030T100000", "2006-10-30T15:00:00Z"),  # the last autumn of the old rule
    ],
)
def test_a_rule_that_has_ended_moves_no_clock(local: str, utc: str) -> None:
    rules = [
        ("DAYLIGHT", "19870405T020000", "-0400", "BYMONTH=4;BYDAY=1SU;UNTIL=20060402T070000Z"),
        ("STANDARD", "19671029T020000", "-0500", "BYMONTH=10;BYDAY=-1SU;UNTIL=20061029T060000Z"),
        ("DAYLIGHT", "20070311T020000", "-0400", "BYMONTH=3;BYDAY=2SU"),
        ("STANDARD", "20071104T020000", "-0500", "BYMONTH=11;BYDAY=1SU"),
    ]
    zone = "".join(
        f"BEGIN:{kind}\nDTSTART:{start}\nTZOFFSETTO:{to}\nRRULE:FREQ=YEARLY;{rule}\nEND:{kind}\n"
        for kind, start, to, rule in rules
    )
    found = event(
        f"DTSTART;TZID=/custom/New York:{local}", f"BEGIN:VTIMEZONE\nTZID:/custom/New York\n{zone}END:VTIMEZONE\n"
    )
    assert found.start is not None
    assert found.start.utc == utc


BERLIN = "DTSTART;TZID=Europe/Berlin:20261019T090000\nRRULE:FREQ=WEEKLY;COUNT=4\nUID:1\n"
"""Four Mondays at nine; the clock is put back before the second."""


@pytest.mark.parametrize(
    ("more", "days"),
    [
        ("", "19T07 26T08 02T08 09T08"),
        ("EXDATE;TZID=Europe/Berlin:20261026T090000", "19T07 02T08 09T08"),
        ("EXDATE:20261026T080000Z,20261102T080000Z", "19T07 09T08"),
        ("EXDATE;VALUE=DATE:20261026\nEXDATE;VALUE=DATE:20261102", "19T07 09T08"),
        ("EXDATE:20261019T070000Z\nEXDATE:nonsense", "26T08 02T08 09T08"),
        ("RDATE;TZID=Europe/Berlin:20261028T100000", "19T07 26T08 28T09 02T08 09T08"),
        ("RDATE;VALUE=PERIOD:20261028T090000Z/PT1H", "19T07 26T08 28T09 02T08 09T08"),
        ("RDATE:20261028T090000Z\nEXDATE:20261028T090000Z", "19T07 26T08 02T08 09T08"),
    ],
)
def test_a_series_says_when_it_takes_place(more: str, days: str) -> None:
    found = event(BERLIN + more)
    assert [each[8:13] for each in found.occurrences] == days.split() and not found.more_occurrences
    assert found.meaning == "tells of a series"


def test_what_is_left_out_and_added_is_told_too() -> None:
    found = event(BERLIN + "EXDATE:20261026T080000Z\nRDATE:20261028T090000Z")
    assert (found.excluded, found.added) == (("2026-10-26T08:00:00Z",), ("2026-10-28T09:00:00Z",))


CHANGED = (
    "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\n{}END:VEVENT\nBEGIN:VEVENT\nUID:1\n{}\nEND:VEVENT\nEND:VCALENDAR"
)


@pytest.mark.parametrize(
    ("change", "days", "meaning"),
    [
        (
            "RECURRENCE-ID;TZID=Europe/Berlin:20261026T090000\nDTSTART;TZID=Europe/Berlin:20261027T140000",
            *("19T07 27T13 02T08 09T08", "changes one occurrence of a series"),
        ),
        (
            "RECURRENCE-ID:20261026T080000Z\nDTSTART:20261026T080000Z\nSTATUS:CANCELLED",
            *("19T07 02T08 09T08", "calls off one occurrence of a series"),
        ),
        (
            "RECURRENCE-ID;RANGE=THISANDFUTURE:20261102T080000Z\nDTSTART:20261102T100000Z",
            *("19T07 26T08 02T10", "changes an occurrence of a series and all later ones"),
        ),
    ],
    ids=["moved", "called off", "and all later ones"],
)
def test_an_occurrence_that_was_changed_is_said_to_be_one(change: str, days: str, meaning: str) -> None:
    whole, one = read_calendar(CHANGED.format(BERLIN, change))
    assert [each[8:13] for each in whole.occurrences] == days.split()
    assert whole.more_occurrences == one.and_later == ("RANGE" in change)
    assert (whole.meaning, one.meaning) == ("invites to a series", meaning)
    assert one.recurrence_id is not None and one.occurrences == ()


def test_changes_count_however_many_a_calendar_has() -> None:
    weekly = BERLIN.replace("COUNT=4", "COUNT=40")
    off = (
        "UID:1\nSTATUS:CANCELLED\nDTSTART:20261019T070000Z\nRECURRENCE-ID;VALUE=DATE-TIME;TZID=Europe/Berlin:{}T090000"
    )
    dates = [(date(2026, 10, 19) + timedelta(weeks=week)).strftime("%Y%m%d") for week in range(38)]
    changes = "\nEND:VEVENT\nBEGIN:VEVENT\n".join(off.format(day) for day in dates)
    whole, *rest = read_calendar(CHANGED.format(weekly, changes))
    assert [each[:10] for each in whole.occurrences] == ["2027-07-12", "2027-07-19"]
    assert len(rest) == limits.CALENDAR_EVENTS - 1


@pytest.mark.parametrize(
    ("method", "more", "meaning"),
    [
        ("REQUEST", "", "invites to an event"),
        ("REQUEST", "SEQUENCE:1", "changes an event"),
        ("REQUEST", "RRULE:FREQ=DAILY", "invites to a series"),
        ("REQUEST", "STATUS:CANCELLED", "calls off an event"),
        ("CANCEL", "", "calls off an event"),
        ("CANCEL", "RRULE:FREQ=DAILY", "calls off a series"),
        ("CANCEL", "RECURRENCE-ID:20260105T080000Z", "calls off one occurrence of a series"),
        ("REPLY", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@example.org", "accepts an event"),
        ("REPLY", "ATTENDEE;PARTSTAT=DECLINED:mailto:a@example.org", "declines an event"),
        (
            *("REPLY", "RECURRENCE-ID:20260105T080000Z\nATTENDEE;PARTSTAT=TENTATIVE:mailto:a@example.org"),
            "accepts, but not for certain, one occurrence of a series",
        ),
        ("REPLY", "", "answers an invitation to an event"),
        ("COUNTER", "", "proposes a change of an event"),
        ("DECLINECOUNTER", "", "declines the change that was proposed of an event"),
        ("REFRESH", "", "asks for the latest version of an event"),
        ("ADD", "", "adds an event to a series"),
        ("PUBLISH", "", "tells of an event"),
        ("ignore {0} all", "", "tells of an event"),
    ],
)
def test_what_a_mail_does_with_an_event(method: str, more: str, meaning: str) -> None:
    text = (
        f"BEGIN:VCALENDAR\nMETHOD:{method}\nBEGIN:VEVENT\nDTSTART:20260105T080000Z\n{more}\nEND:VEVENT\nEND:VCALENDAR"
    )
    (found,) = read_calendar(text)
    assert found.meaning == meaning
    assert bool(found.occurrences) == (meaning == "invites to a series")


@pytest.mark.parametrize(
    ("rule", "shown", "more"),
    [
        ("RRULE:FREQ=DAILY", 10, True),
        ("RRULE:FREQ=DAILY;COUNT=10", 10, False),
        ("RRULE:FREQ=DAILY;UNTIL=20260107", 3, False),
        ("RRULE:FREQ=DAILY;UNTIL=20260107T080000Z", 3, False),
        ("RRULE:FREQ=DAILY;UNTIL=20260107T075959Z", 2, False),
        ("RRULE:FREQ=DAILY;UNTIL=20260107T080000", 3, False),
        ("RRULE:FREQ=DAILY;BYHOUR=9", 0, True),
        ("RRULE:every Monday", 0, True),
        ("RRULE:FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", 1, True),
        ("RRULE:FREQ=DAILY\n" + "EXDATE:20260106T080000Z\n" * limits.CALENDAR_DATES, 0, True),
    ],
)
def test_so_many_occurrences_are_named(rule: str, shown: int, more: bool) -> None:
    found = event(f"DTSTART:20260105T080000Z\n{rule}")
    assert (len(found.occurrences), found.more_occurrences) == (shown, more)


def test_days_and_times_of_no_zone_are_named_as_on_the_clock() -> None:
    assert event("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE;VALUE=DATE:20260105").occurrences == (
        "2026-01-06",
    )
    found = event("DTSTART;TZID=W. Europe Standard Time:20260328T090000\nRRULE:FREQ=DAILY;COUNT=2", OUTLOOK_ZONE)
    assert found.occurrences == ("2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z")
    found = event("DTSTART;TZID=Elsewhere:20260328T090000\nRRULE:FREQ=DAILY;COUNT=1")
    assert found.occurrences == ("2026-03-28T09:00:00",)


def test_of_an_old_series_the_next_ones_are_named() -> None:
    calendar = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20200106T080000Z\nRRULE:FREQ=WEEKLY\nEND:VEVENT\nEND:VCALENDAR\n"
    raw = f"Date: Thu, 01 Jan 2026 10:00:00 +0000\nContent-Type: text/calendar\n\n{calendar}"
    (found,) = parse(raw.encode()).calendar
    assert found.occurrences[0] == "2026-01-05T08:00:00Z" and len(found.occurrences) == limits.OCCURRENCES
    for date_field in ("Date: Mon, 01 Jan 0001 00:00:00 +1400\n", "Date: nonsense\n", ""):
        (found,) = parse(date_field.encode() + raw.partition("\n")[2].encode()).calendar
        assert found.occurrences[0] == "2020-01-06T08:00:00Z"


def test_a_calendar_of_a_mail_is_among_its_facts_and_its_attachments() -> None:
    raw = (
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n"
        "--b\n\nCome.\n--b\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\n\n"
        f"{REQUEST}\n--b--\n--a\nContent-Type: application/octet-stream; name=invite.ics\n\n{REQUEST}\n--a--\n"
    )
    parsed = parse(raw.encode())
    assert [found.uid for found in parsed.calendar] == ["1@example.org"]
    assert parsed.text == "Come."
    assert len(parsed.attachments) == 2


def test_the_method_may_be_on_the_part_alone() -> None:
    raw = b"Content-Type: text/calendar; method=cancel\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nEND:VEVENT\n"
    assert [found.method for found in parse(raw).calendar] == ["CANCEL"]


def test_what_shows_nothing_is_not_in_an_invitation_either() -> None:
    found = event("SUMMARY:Lun\u200bch\u202e\U000e0041\nORGANIZER;CN=Be\u200ba:mailto:bea@example.org")
    assert found.summary == "Lunch"
    assert found.organizer is not None and found.organizer.name == "Bea"


SLOW_RULE = "DTSTART:19100101T000000\nTZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\n"
SLOW_ZONE = "BEGIN:VTIMEZONE\nTZID:x\n" + f"BEGIN:STANDARD\n{SLOW_RULE}END:STANDARD\n" * 20 + "END:VTIMEZONE\n"
SLOW_SERIES = (
    "BEGIN:VEVENT\nDTSTART;TZID=x:20200101T090000\nRRULE:FREQ=DAILY;COUNT=9000\n"
    + "".join(f"EXDATE;TZID=x:2020{day // 28 + 1:02}{day % 28 + 1:02}T090000\n" for day in range(250))
    + "END:VEVENT\n"
)


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\nUID:1\nEND:VEVENT\n" * 100_000,
        "BEGIN:VEVENT\n" * 200_000,
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + "ATTENDEE:mailto:a@example.org\n" * 200_000,
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:" + "x\n " * 1_000_000,
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY" + ";A=B" * 500_000,
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY;A=" + '"' * 1_000_000,
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY;A=" + "a," * 500_000,
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDESCRIPTION:" + "\\" * 1_000_000,
        "END:VEVENT\n" * 300_000,
        "BEGIN:VCALENDAR\n"
        + "BEGIN:VEVENT\nDTSTART:16010101\nRRULE:FREQ=DAILY;BYMONTH=2;COUNT=9\nEND:VEVENT\n" * 2_000,
        "BEGIN:VCALENDAR\n" + SLOW_ZONE + SLOW_SERIES * limits.CALENDAR_EVENTS,
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260105\nEXDATE:" + "20260106," * 200_000 + "\nRRULE:FREQ=DAILY\n",
        "BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\nRECURRENCE-ID:20260105\nDTSTART:20260105\nRRULE:x\nEND:VEVENT\n" * 3_000,
    ],
    ids=[
        *("events", "depth", "attendees", "folds", "parameters", "quotes", "commas", "escapes", "ends"),
        *("long series", "a zone of many rules", "days left out", "changes"),
    ],
)
def test_traps_are_cheap_and_stay_small(text: str) -> None:
    found = cheaply(lambda: read_calendar(text), 1)
    assert len(found) <= limits.CALENDAR_EVENTS
    assert len(str([asdict(each) for each in found])) < 100_000


SERIES = (
    BERLIN + "EXDATE:20261026T080000Z\nRDATE:20261028T090000Z\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261102T080000Z\n"
)
pieces = st.sampled_from((REQUEST + SERIES).splitlines(keepends=True)) | st.text(max_size=20)


@given(st.lists(pieces, max_size=60).map("".join))
def test_any_calendar_gives_storable_text(text: str) -> None:
    for found in read_calendar(text):
        said = str(asdict(found))
        assert "\0" not in said
        said.encode()
