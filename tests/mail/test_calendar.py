"""Invitations as data: what senders write, zones by name and by rule, and calendars that are traps."""

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail import limits
from tools.mail.calendar import Event, Person, read_calendar
from tools.mail.caltime import Moment
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
            recurrence_id=None,
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
    ],
    ids=["events", "depth", "attendees", "folds", "parameters", "quotes", "commas", "escapes", "ends"],
)
def test_traps_are_cheap_and_stay_small(text: str) -> None:
    found = cheaply(lambda: read_calendar(text), 1)
    assert len(found) <= limits.CALENDAR_EVENTS
    assert len(str([asdict(each) for each in found])) < 100_000


pieces = st.sampled_from(REQUEST.splitlines(keepends=True)) | st.text(max_size=20)


@given(st.lists(pieces, max_size=60).map("".join))
def test_any_calendar_gives_storable_text(text: str) -> None:
    for found in read_calendar(text):
        said = str(asdict(found))
        assert "\0" not in said
        said.encode()
