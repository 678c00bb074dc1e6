"""Notifications of our own: what they are made of, and that our own reader understands them."""

from email import message_from_bytes
from email.policy import default

from hypothesis import example, given
from hypothesis import strategies as st

from tools.mail.failure import Failure, Frame, Original, notification
from tools.mail.reports import read_report

AT = 1_767_225_600_000_000
FRAME = Frame("gatepost@agents.example", "postmaster@agents.example", "ntc_1@agents.example", "mx.agents.example")
HEADER = b"From: ada@agents.example\r\nTo: bob@example.org\r\nSubject: Hello\r\nMessage-ID: <one@agents.example>\r\n"
FAILURE = Failure("bob@example.org", "5.1.1", 550, "No such user", "mx.example.org", AT + 60_000_000)
ORIGINAL = Original("one@agents.example", AT, HEADER)

WORDS = st.text(st.characters(codec="utf-8", categories=["L", "P", "S", "Zs"]), max_size=80)
LOCAL = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?", fullmatch=True)


def test_000_7_the_parts_are_those_of_rfc_3464() -> None:
    raw = notification(FRAME, ORIGINAL, [FAILURE])
    mail = message_from_bytes(raw, policy=default)
    assert mail.get_content_type() == "multipart/report"
    assert mail["Content-Type"].params["report-type"] == "delivery-status"
    assert mail["Auto-Submitted"] == "auto-replied" and mail["In-Reply-To"] == "<one@agents.example>"
    people, machines, original = mail.iter_parts()
    assert "mx.example.org said: 550 5.1.1 No such user" in people.get_content()
    assert machines.get_content_type() == "message/delivery-status"
    message, recipient = machines.iter_parts()
    assert dict(message.items())["Reporting-MTA"] == "dns; mx.agents.example"
    assert dict(recipient.items()) == {
        "Final-Recipient": "rfc822; bob@example.org",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.example.org",
        "Diagnostic-Code": "smtp; 550 5.1.1 No such user",
        "Last-Attempt-Date": "Thu, 01 Jan 2026 00:01:00 +0000",
    }
    assert original.get_content_type() == "text/rfc822-headers"
    assert str(original.get_payload()).encode() == HEADER
    assert all(len(line) <= 998 and b"\n" not in line for line in raw.split(b"\r\n"))


@given(
    LOCAL,
    st.sampled_from(["", "5.1.1", "5.7.1", "5.2.2", "4.2.0"]),
    st.sampled_from([0, 450, 550, 554]),
    WORDS,
    st.sampled_from(["", "mx.example.org"]),
)
@example("bob", "5.1.1", 550, "550 5.1.1 User unknown", "")
@example("bob", "5.1.1", 550, "--=_ntc_1@agents.example--", "")
def test_000_7_our_own_reader_understands_them(local: str, status: str, code: int, words: str, host: str) -> None:
    failure = Failure(f"{local}@example.org", status, code, words, host, AT)
    raw = notification(FRAME, ORIGINAL, [failure])
    assert raw.isascii()
    report = read_report(raw)
    (told,) = report.recipients
    assert (report.kind, report.original_id) == ("bounce", "one@agents.example")
    assert (told.address, told.action) == (failure.recipient, "failed")
    assert not status or told.status == status
    assert not code or told.reply_code == str(code)


def test_000_7_an_international_recipient_and_header_are_read_as_well() -> None:
    failure = Failure("žofie@example.org", "5.6.7", 553, "ne", "mx.example.org", AT)
    original = Original("one@agents.example", AT, HEADER.replace(b"Hello", "Čau".encode()))
    raw = notification(FRAME, original, [failure])
    assert raw.isascii() and b"message/global-delivery-status" in raw and b"message/global-headers" in raw
    report = read_report(raw)
    assert (report.kind, report.recipients[0].address) == ("bounce", "žofie@example.org")
    assert report.original_id == "one@agents.example"


def test_000_7_several_recipients_are_told_each_with_their_own_reply() -> None:
    full = Failure("carl@example.org", "5.2.2", 552, "Mailbox full", "", AT)
    report = read_report(notification(FRAME, ORIGINAL, [FAILURE, full]))
    assert [(each.address, each.category) for each in report.recipients] == [
        ("bob@example.org", "NoMailbox"),
        ("carl@example.org", "AccountProblem"),
    ]
