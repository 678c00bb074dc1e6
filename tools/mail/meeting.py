"""A meeting as Outlook sends it in TNEF (MS-OXOCAL), written down as the calendar that others send (RFC 5545, 5546)."""

import re
from datetime import datetime

from tools.mail.charset import one_line
from tools.mail.mapi import Properties
from tools.mail.tnef import Tnef

_KINDS = {
    "ipm.microsoft schedule.mtgreq": ("REQUEST", ""),
    "ipm.microsoft schedule.mtgcncl": ("CANCEL", ""),
    "ipm.microsoft schedule.mtgrespp": ("REPLY", "ACCEPTED"),
    "ipm.microsoft schedule.mtgrespn": ("REPLY", "DECLINED"),
    "ipm.microsoft schedule.mtgrespa": ("REPLY", "TENTATIVE"),
    "ipm.schedule.meeting.request": ("REQUEST", ""),
    "ipm.schedule.meeting.canceled": ("CANCEL", ""),
    "ipm.schedule.meeting.resp.pos": ("REPLY", "ACCEPTED"),
    "ipm.schedule.meeting.resp.neg": ("REPLY", "DECLINED"),
    "ipm.schedule.meeting.resp.tent": ("REPLY", "TENTATIVE"),
}
"""By the message class: the method, and what an answer says."""
_APPOINTMENT = "00062002-0000-0000-c000-000000000046"
_MEETING = "6ed8da90-450b-101b-98da-00aa003f1305"
_LOCATION, _SEQUENCE = (_APPOINTMENT, 0x8208), (_APPOINTMENT, 0x8201)
_START, _END = (_APPOINTMENT, 0x820D), (_APPOINTMENT, 0x820E)
_RECURS, _PATTERN = (_APPOINTMENT, 0x8223), (_APPOINTMENT, 0x8232)
_ID, _CLEAN_ID = (_MEETING, 0x03), (_MEETING, 0x23)
_P_START, _P_END, _P_SENDER, _P_SENDER_ADDRESS = 0x0060, 0x0061, 0x0C1A, 0x5D01
_FOREIGN_ID = b"vCal-Uid\x01\0\0\0"
_SPECIAL = re.compile(r"([\\;,])")


def method_of(tnef: Tnef) -> str:
    """REQUEST, CANCEL or REPLY; '' for what is no meeting."""
    return _KINDS.get(tnef.kind.lower(), ("", ""))[0]


def calendar_of(tnef: Tnef) -> str:
    """The meeting as a calendar of one event; '' for what is no meeting.

    How a meeting recurs is a structure of its own there (section 2.2.1.44); what Outlook says of it in words is taken
    for the rule, so that a series is never taken for a single meeting.
    """
    method, answer = _KINDS.get(tnef.kind.lower(), ("", ""))
    if not method:
        return ""
    said = tnef.properties
    fields = {
        "UID": _uid(said),
        "SEQUENCE": str(said.number(_SEQUENCE)),
        "SUMMARY": _escaped(tnef.subject),
        "LOCATION": _escaped(said.text(_LOCATION)),
        "DTSTART": _time(said.time(_START) or said.time(_P_START)),
        "DTEND": _time(said.time(_END) or said.time(_P_END)),
        "RRULE": _escaped(said.text(_PATTERN) or "a series") if said.number(_RECURS) else "",
        "DESCRIPTION": _escaped(tnef.text),
    }
    lines = [f"{name}:{value}" for name, value in fields.items() if value]
    if answer:
        name = one_line(said.text(_P_SENDER)).replace('"', "'")
        lines.append(f'ATTENDEE;PARTSTAT={answer};CN="{name}":mailto:{one_line(said.text(_P_SENDER_ADDRESS))}')
    return "\n".join(["BEGIN:VCALENDAR", f"METHOD:{method}", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""])


def _uid(said: Properties) -> str:
    """The id by which the same meeting is known outside of Outlook (MS-OXCICAL section 2.1.3.1.1.20.26)."""
    found = said.data(_CLEAN_ID) or said.data(_ID)
    _, foreign, uid = found.partition(_FOREIGN_ID)
    return one_line(uid.rstrip(b"\0").decode("utf-8", "replace")) if foreign else found.hex().upper()


def _time(at: datetime | None) -> str:
    return at.strftime("%Y%m%dT%H%M%SZ") if at else ""


def _escaped(text: str) -> str:
    """A text as a value of a calendar (RFC 5545 section 3.3.11)."""
    return _SPECIAL.sub(r"\\\1", text).replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
