"""A TLS report as a mail (RFC 8460 section 5.3): a few words, and the JSON compressed."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP

LINES = SMTP.clone(max_line_length=900)
"""Long enough for two domains in a file name: one that is folded into pieces is not read by everybody."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands on the outside: who reports, to whom, about which domain and day, under which id."""

    sender: str
    recipient: str
    domain: str
    day: date
    report_id: str

    @property
    def submitter(self) -> str:
        return self.sender.rpartition("@")[2]


def packed(report: Mapping[str, object]) -> bytes:
    """The JSON compressed (section 5.2). Without a time in it, the same report is always the same bytes."""
    return gzip.compress(json.dumps(report).encode(), mtime=0)


def write(cover: Cover, report: Mapping[str, object]) -> bytes:
    """The mail, with CRLF and without Date."""
    boundary = f"={cover.report_id.partition('@')[0]}="
    mail = MIMEMultipart("report", boundary, report_type="tlsrpt", policy=LINES)
    mail["From"] = cover.sender
    mail["To"] = cover.recipient
    mail["Subject"] = f"Report Domain: {cover.domain} Submitter: {cover.submitter} Report-ID: <{cover.report_id}>"
    mail["Message-ID"] = f"<{cover.report_id}>"
    mail["TLS-Report-Domain"] = cover.domain
    mail["TLS-Report-Submitter"] = cover.submitter
    mail["Auto-Submitted"] = "auto-generated"
    words = (
        f"This is a report of {cover.submitter} about the TLS sessions in which it delivered mail to {cover.domain}\r\n"
        f"on {cover.day} (RFC 8460).\r\n"
    )
    mail.attach(MIMEText(words, policy=LINES))
    part = MIMEApplication(packed(report), "tlsrpt+gzip", policy=LINES)
    part["Content-Disposition"] = f'attachment; filename="{_file_name(cover)}"'
    mail.attach(part)
    return mail.as_bytes()


def _file_name(cover: Cover) -> str:
    """Section 5.1."""
    begins = int(datetime(cover.day.year, cover.day.month, cover.day.day, tzinfo=UTC).timestamp())
    unique = cover.report_id.partition("@")[0]
    return f"{cover.submitter}!{cover.domain}!{begins}!{begins + 86_399}!{unique}.json.gz"
