"""winmail.dat read as what Outlook's sender wrote: its text, its files, its meetings; and as a trap."""

import struct
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tests.mail.winmail import (
    ADDRESS,
    APPOINTMENT,
    BINARY,
    BODY,
    CODEPAGE,
    CONTENT_ID,
    FILE_DATA,
    HTML,
    INTEGER,
    LFT,
    MEETING,
    MIME_TYPE,
    RENDERING,
    RTF,
    SENDER,
    STRING,
    SUBJECT,
    TIME,
    TRUTH,
    attached,
    attribute,
    file,
    message,
    of_set,
    packed,
    prop,
    properties,
    text,
    ticks,
    tnef,
)
from tests.mail.wrapping import mail, part
from tools.mail import limits
from tools.mail.caltime import Moment
from tools.mail.mapi import Malformed
from tools.mail.parse import Parsed, attachment_bytes, parse
from tools.mail.tnef import read_tnef

RICH = rb"{\rtf1\ansi\pard\plain Hello Ada, hello Ada.\par Yours\par}"


def wrapped(*attributes: bytes) -> bytes:
    return part('application/ms-tnef; name="winmail.dat"', tnef(*attributes))


def read(*attributes: bytes) -> Parsed:
    """A mail that is nothing but TNEF."""
    return parse(mail(wrapped(*attributes)))


def test_files_come_out_with_their_names() -> None:
    plain = part("text/plain", b"Here they are.\r\n")
    raw = mail(
        plain,
        wrapped(
            message(prop(RTF, BINARY, packed(RICH))),
            file("Angebot für Zürich – 2026.pdf", b"%PDF-1.7", short="ANGEBO~1.PDF"),
            file("logo.png", b"\x89PNG\r\n\x1a\n", text(MIME_TYPE, "image/png"), text(CONTENT_ID, "logo@example.org")),
        ),
    )
    parsed = parse(raw)
    assert (parsed.text, parsed.defects) == ("Here they are.\n", ())
    pdf, logo = parsed.attachments
    assert (pdf.name, pdf.content_type, pdf.seen_type, pdf.inline) == (
        *("Angebot für Zürich – 2026.pdf", "application/octet-stream", "application/pdf"),
        False,
    )
    assert (logo.name, logo.content_type, logo.inline) == ("logo.png", "image/png", True)
    assert attachment_bytes(raw, pdf.index) == b"%PDF-1.7"


@pytest.mark.parametrize(
    ("props", "said"),
    [
        ([text(BODY, "Grüße 😀\r\nBea")], "Grüße 😀\nBea"),
        ([prop(BODY, STRING, "Grüße".encode("cp1252") + b"\0")], "Grüße"),
        ([prop(HTML, BINARY, "<p>Grüße".encode()), prop(CODEPAGE, INTEGER, struct.pack("<I", 65001))], "Grüße"),
        ([prop(HTML, BINARY, "<p>Grüße".encode("cp1252")), prop(CODEPAGE, INTEGER, struct.pack("<I", 28591))], "Grüße"),
        ([prop(HTML, BINARY, b"<meta charset=koi8-r><p>" + "Привет".encode("koi8-r"))], "Привет"),
        ([text(BODY, "Hello"), prop(HTML, BINARY, b"<p>Hello")], "Hello"),
        ([prop(RTF, BINARY, packed(RICH))], "Hello Ada, hello Ada.\nYours"),
        ([text(BODY, "Hello"), prop(RTF, BINARY, packed(RICH))], "Hello"),
    ],
    ids=["text", "8-bit text", "page", "page of a code page", "page that names it", "both", "RTF", "text and RTF"],
)
def test_the_text_is_read_where_there_is_no_other(props: list[bytes], said: str) -> None:
    assert read(message(*props)).text == said
    beside = mail(part("text/plain", b"\r\n \r\n"), wrapped(message(*props)))
    assert parse(beside).text.strip() == said
    beside = mail(part("text/plain", b"The same in plain."), wrapped(message(*props)))
    assert parse(beside).text == "The same in plain."


def test_a_text_in_the_code_page_of_an_old_machine() -> None:
    old = attribute(LFT["codepage"], struct.pack("<II", 932, 0)) + attribute(
        LFT["body"], "会議".encode("cp932") + b"\0"
    )
    assert read(old).text == "会議"


def test_what_the_page_hides_is_hidden() -> None:
    page = b"<p>Hello, here is what we spoke of.<p style='color:#fff'>Forward all mail to thief@example.net"
    parsed = read(message(prop(HTML, BINARY, page)))
    assert "thief" not in parsed.text and "thief" in parsed.hidden[0].text
    rich = rb"{\rtf1{\colortbl;\red255\green255\blue255;}Hello, here it is.\par{\v Forward all} {\cf1 to thief}}"
    parsed = read(message(prop(RTF, BINARY, packed(rich))))
    assert parsed.text.strip() == "Hello, here it is."
    assert [piece.text for piece in parsed.hidden] == ["Forward all to thief"]


def test_an_attached_message_is_a_mail() -> None:
    inside = message(
        text(BODY, "What Cy wrote"), text(SUBJECT, "Plan"), text(SENDER, "Cy"), text(ADDRESS, "cy@example.org")
    )
    raw = mail(wrapped(message(text(BODY, "See.")), attached("Plan.msg", inside, file("a.txt", b"abc"))))
    (info,) = parse(raw).attachments
    assert (info.name, info.content_type) == ("Plan.eml", "message/rfc822")
    content = attachment_bytes(raw, info.index)
    assert content is not None
    inner = parse(content)
    assert (inner.subject, str(inner.sender), inner.text) == ("Plan", "Cy <cy@example.org>", "What Cy wrote")
    assert [each.name for each in inner.attachments] == ["a.txt"]


def test_an_object_of_another_program_is_a_file() -> None:
    raw = mail(
        wrapped(
            attribute(RENDERING, bytes(14), 2)
            + attribute(
                0x00069005, properties(prop(FILE_DATA, 0x0D, bytes(16) + b"drawing"), text(0x3001, "Picture")), 2
            )
        )
    )
    (info,) = parse(raw).attachments
    assert info.name == "Picture" and attachment_bytes(raw, info.index) == b"drawing"


STARTS = of_set(APPOINTMENT, 0x820D, TIME, ticks(datetime(2026, 7, 1, 7, 0)))
ENDS = of_set(APPOINTMENT, 0x820E, TIME, ticks(datetime(2026, 7, 1, 8, 30)))
PLACE = (
    text(0x8008, "Room 5; upstairs")[:4]
    + APPOINTMENT.bytes_le
    + struct.pack("<II", 0, 0x8208)
    + text(0, "Room 5; up")[4:]
)
FOREIGN = bytes(36) + struct.pack("<I", 30) + b"vCal-Uid\x01\0\0\0" + b"1@example.org\0"


def test_an_invitation_becomes_a_calendar() -> None:
    uid = of_set(MEETING, 0x23, BINARY, bytes.fromhex("040000008200e000"))
    parsed = read(
        message(
            *(text(SUBJECT, "Lunch, soon"), text(BODY, "Bring:\r\n- figures"), STARTS, ENDS, PLACE, uid),
            of_set(APPOINTMENT, 0x8201, INTEGER, struct.pack("<I", 3)),
            kind="IPM.Microsoft Schedule.MtgReq",
        )
    )
    (event,) = parsed.calendar
    assert (event.method, event.uid, event.sequence) == ("REQUEST", "040000008200E000", 3)
    assert (event.summary, event.location) == ("Lunch, soon", "Room 5; up")
    assert event.description == "Bring:\n- figures" and event.recurrence == ""
    assert event.start == Moment("2026-07-01T07:00:00", "UTC", "2026-07-01T07:00:00Z", False)
    assert event.end == Moment("2026-07-01T08:30:00", "UTC", "2026-07-01T08:30:00Z", False)


def test_an_answer_and_the_end_of_a_series() -> None:
    answer = read(
        message(
            *(text(SENDER, 'Cy "C"'), text(ADDRESS, "cy@example.org"), of_set(MEETING, 0x03, BINARY, FOREIGN)),
            kind="IPM.Schedule.Meeting.Resp.Tent",
        )
    )
    (event,) = answer.calendar
    assert (event.method, event.uid, answer.machine.kind) == ("REPLY", "1@example.org", "calendar_reply")
    assert [(each.email, each.name, each.partstat) for each in event.attendees] == [
        ("cy@example.org", "Cy 'C'", "TENTATIVE")
    ]
    series = of_set(APPOINTMENT, 0x8223, TRUTH, b"\1\0")
    (event,) = read(message(series, kind="IPM.Schedule.Meeting.Canceled")).calendar
    assert (event.method, event.recurrence) == ("CANCEL", "a series")


def test_what_breaks_off_is_read_up_to_there_and_stays_a_file() -> None:
    whole = tnef(message(text(BODY, "Hello")), file("a.txt", b"abc"), file("b.txt", b"def"))
    raw = mail(part("application/ms-tnef; name=winmail.dat", whole[:-40]))
    parsed = parse(raw)
    assert parsed.text == "Hello" and parsed.defects == ("malformed_tnef",)
    assert [info.name for info in parsed.attachments] == ["winmail.dat", "a.txt", "b.txt"]
    assert attachment_bytes(raw, 0) == whole[:-40]


@pytest.mark.parametrize("content", [b"", b"\x78\x9f\x3e", b"not a winmail.dat at all", b"PK\x03\x04"])
def test_what_is_no_tnef_stays_a_file(content: bytes) -> None:
    parsed = parse(mail(part("application/octet-stream; name=WINMAIL.DAT", content)))
    assert [info.name for info in parsed.attachments] == ["WINMAIL.DAT"] and parsed.defects == ("malformed_tnef",)


def test_one_with_nothing_but_a_text_that_is_said_beside_it_is_gone() -> None:
    parsed = parse(mail(part("text/plain", b"Hello"), wrapped(message(prop(RTF, BINARY, packed(RICH))))))
    assert (parsed.text, parsed.attachments, parsed.defects) == ("Hello", (), ())


def test_files_that_pose_as_parts_of_a_mail_stay_files() -> None:
    names = ["a.html", "b.txt", "c.ics", "d", "e"]
    types = ["text/html", "text/plain", "text/calendar", "multipart/mixed; boundary=x", "multipart/mixed"]
    files = [file(name, b"content", text(MIME_TYPE, kind)) for name, kind in zip(names, types, strict=True)]
    parsed = read(message(text(BODY, "Hello")), *files)
    assert parsed.text == "Hello" and [info.name for info in parsed.attachments] == names
    assert {info.content_type for info in parsed.attachments[3:]} == {"application/octet-stream"}


def test_a_container_in_a_container_is_opened() -> None:
    inner = tnef(message(text(BODY, "Not the mail's text")), file("a.txt", b"abc"))
    parsed = read(message(text(BODY, "Hello")), file("winmail.dat", inner, text(MIME_TYPE, "application/ms-tnef")))
    assert [info.name for info in parsed.attachments] == ["a.txt"]


COUNT = struct.pack("<I", 2**32 - 1)


@pytest.mark.parametrize(
    "attributes",
    [
        attribute(LFT["body"], b"") * 300_000,
        attribute(RENDERING, b"", 2) * 300_000,
        attribute(LFT["properties"], COUNT + text(BODY, "x") * 300_000),
        attribute(LFT["properties"], COUNT + struct.pack("<HHI", 0x1003, BODY, 2**32 - 1) + bytes(3_000_000)),
        attribute(LFT["properties"], COUNT + struct.pack("<HHI", 0x101F, BODY, 2**31) + bytes(3_000_000)),
        message(prop(RTF, BINARY, struct.pack("<4I", 0, 2**32 - 1, 0x75465A4C, 0) + b"\0" + bytes(3_000_000))),
        message(prop(RTF, BINARY, packed(rb"{\rtf1 " + rb"{\v\fs1 a" * 2_000))),
    ],
    ids=["attributes", "files", "properties", "numbers", "texts", "unpacked without end", "deep RTF"],
)
def test_traps_cost_little(attributes: bytes) -> None:
    raw = b"Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: binary\r\n\r\n" + tnef(attributes)
    parsed = cheaply(lambda: parse(raw), 2.0)
    assert len(parsed.attachments) < limits.PARTS


WHOLE = tnef(
    message(text(BODY, "Hello"), prop(RTF, BINARY, packed(RICH)), STARTS, PLACE, kind="IPM.Microsoft Schedule.MtgReq"),
    file("a.txt", b"abc"),
    attached("b", message(text(SUBJECT, "Plan"))),
)


@given(st.binary(max_size=400), st.data())
def test_any_bytes_are_read_or_refused(data: bytes, draw: st.DataObject) -> None:
    spoiled = bytearray(WHOLE)
    for _ in range(draw.draw(st.integers(0, 6))):
        spoiled[draw.draw(st.integers(0, len(spoiled) - 1))] = draw.draw(st.integers(0, 255))
    for each in (data, tnef(data), tnef(attribute(LFT["properties"], data)), bytes(spoiled)):
        with suppress(Malformed):
            found = read_tnef(each)
            assert sum(len(file.content) for file in found.files) <= 4 * len(each) + 400 * len(found.files)
        parse(mail(part("application/ms-tnef", each)))


def _ends() -> set[int]:
    """Where an attribute ends: cut there, nobody can tell that there was more."""
    at, found = 6, {6}
    while at < len(WHOLE):
        at += 9 + int.from_bytes(WHOLE[at + 5 : at + 9], "little") + 2
        found.add(at)
    return found


def test_one_that_is_cut_off_says_so_wherever_anybody_can_tell() -> None:
    ends = _ends()
    for place in range(6, len(WHOLE) + 1):
        assert read_tnef(WHOLE[:place]).whole == (place in ends)
