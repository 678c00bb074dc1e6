"""What machines tell about mail of ours, in the forms they use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.reports import Report, read_report

DAEMON = "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.org>\nTo: ada@agents.example\n"
ORIGINAL = "Message-ID: <m1@agents.example>\nFrom: ada@agents.example\nTo: bea@example.org\nSubject: Offer\n"


def multipart(kind: str, machine: str, *, human: str = "A note.", original: str = ORIGINAL, head: str = "") -> bytes:
    """A multipart/report; `kind` is its report type and names the machine's part."""
    part = {"delivery-status": "message/delivery-status", "feedback-report": "message/feedback-report"}[kind]
    return (
        f"{head or DAEMON}Subject: A report\nContent-Type: multipart/report; report-type={kind}; boundary=b\n\n"
        f"--b\n\n{human}\n--b\nContent-Type: {part}\n\n{machine}\n"
        f"--b\nContent-Type: message/rfc822\n\n{original}\nHello\n--b--\n"
    ).encode()


def notice(body: str, *, subject: str = "Undelivered mail", head: str = "") -> bytes:
    return f"{DAEMON}{head}Subject: {subject}\n\n{body}\n".encode()


def summary(report: Report) -> list[tuple[str, str, str, str, str, bool]]:
    return [
        (each.address, each.action, each.status, each.reply_code, each.category, each.hard)
        for each in report.recipients
    ]


def test_every_block_of_a_notification_is_a_recipient() -> None:
    machine = (
        "Reporting-MTA: dns; mx.example.org\n\n"
        "Original-Recipient: rfc822; bea@example.org\nFinal-Recipient: rfc822; b.smith@inner.example\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n\n"
        "Final-Recipient: rfc822; cyd@example.org\nAction: failed\nStatus: 5.2.2\n"
        "Diagnostic-Code: smtp; 552 5.2.2 Mailbox full\n\n"
        "Final-Recipient: rfc822; dan@example.org\nAction: delayed\nStatus: 4.4.1\n"
    )
    report = read_report(multipart("delivery-status", machine))
    assert (report.kind, report.original_id) == ("bounce", "m1@agents.example")
    assert summary(report) == [
        ("b.smith@inner.example", "failed", "5.1.1", "550", "NoMailbox", True),
        ("cyd@example.org", "failed", "5.2.2", "552", "AccountProblem", False),
        ("dan@example.org", "delayed", "4.4.1", "", "Timeout", False),
    ]
    assert [each.original for each in report.recipients] == ["bea@example.org", "", ""]
    assert report.recipients[0].diagnostic == "550 5.1.1 User unknown"


def test_a_vague_status_gives_way_to_the_remotes_own() -> None:
    machine = (
        "Final-Recipient: rfc822; bea@example.org\nAction: failed\nStatus: 5.0.0\n"
        "Diagnostic-Code: smtp; 550 #5.1.0 Address rejected.\n"
    )
    report = read_report(multipart("delivery-status", machine))
    assert summary(report) == [("bea@example.org", "failed", "5.1.0", "550", "NoMailbox", True)]


def test_the_note_for_people_says_what_the_block_leaves_out() -> None:
    human = "<bea@example.org>: host mx.example.org said: 550 5.2.1 No such user (in reply to RCPT TO command)"
    machine = "Final-Recipient: rfc822; bea@example.org\nAction: failed\nStatus: 5.0.0\n"
    report = read_report(multipart("delivery-status", machine, human=human))
    assert summary(report) == [("bea@example.org", "failed", "5.2.1", "550", "NoMailbox", True)]


@pytest.mark.parametrize(("command", "hard"), [("RCPT To:<bea@example.org>", True), ("DATA", False)])
def test_a_transcript_tells_what_was_refused(command: str, hard: bool) -> None:
    human = f"<bea@example.org>\n  (reason: 550 user unknown)\n\n>>> {command}\n<<< 550 user unknown\n"
    machine = "Final-Recipient: rfc822; bea@example.org\nAction: failed\nStatus: 5.0.0\n"
    report = read_report(multipart("delivery-status", machine, human=human))
    assert [(each.category, each.hard) for each in report.recipients] == [("NoMailbox", hard)]


def test_a_notification_of_success_is_a_report() -> None:
    machine = "Final-Recipient: rfc822; bea@example.org\nAction: delivered\nStatus: 2.1.5\n"
    report = read_report(multipart("delivery-status", machine))
    assert report.kind == "report"
    assert [(each.action, each.hard) for each in report.recipients] == [("delivered", False)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(
            notice(
                "Hi. This is the qmail-send program at mx.example.org.\n"
                "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
                "<bea@example.org>:\n192.0.2.5 does not like recipient.\n"
                "Remote host said: 550 5.1.1 <bea@example.org>... User unknown\nGiving up on 192.0.2.5.\n\n"
                "<cyd@example.org>:\nThe user is over quota. (#5.2.2)\n\n"
                "--- Below this line is a copy of the message.\n\nReturn-Path: <ada@agents.example>\n" + ORIGINAL,
                subject="failure notice",
            ),
            [
                ("bea@example.org", "failed", "5.1.1", "550", "NoMailbox", True),
                ("cyd@example.org", "failed", "5.2.2", "", "AccountProblem", False),
            ],
            id="qmail",
        ),
        pytest.param(
            notice(
                "This message was created automatically by mail delivery software.\n\n"
                "A message that you sent could not be delivered. The following address(es) failed:\n\n"
                "  bea@example.org\n    SMTP error from remote mail server after MAIL FROM:<ada@agents.example>:\n"
                "    host mx.example.org [192.0.2.5]: 550 5.7.0 use the server of your provider\n\n"
                "------ This is a copy of the message, including all the headers. ------\n\n" + ORIGINAL,
                head="X-Failed-Recipients: bea@example.org\n",
            ),
            [("bea@example.org", "failed", "5.7.0", "550", "Unknown", False)],
            id="exim",
        ),
        pytest.param(
            notice(
                "Your message did not reach the following recipients:\n\nbea@example.org\n"
                "Remote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'\n\n"
                "Original message headers:\n\n" + ORIGINAL,
                subject="Undeliverable: Offer",
            ),
            [("bea@example.org", "failed", "5.1.1", "550", "NoMailbox", True)],
            id="exchange",
        ),
        pytest.param(
            notice(
                "Sorry, we were unable to deliver your message to the following address.\n\n"
                "<bea@example.org>:\nRemote host said: 554 delivery error: dd This user doesn't have an account\n\n"
                "--- Below this line is a copy of the message.\n\n" + ORIGINAL,
            ),
            [("bea@example.org", "failed", "", "554", "NoMailbox", False)],
            id="yahoo",
        ),
        pytest.param(
            notice(
                "This is a permanent error.\n\ncyd@example.org Invalid Address, ERROR_CODE :550, 5.1.1 User Unknown\n"
                "bea@example.org Invalid Address, ERROR_CODE :550, 5.2.2 Mailbox Full\n\n\n"
                "Received:from mx.example.org\nMessage-ID:<m1@agents.example>\n",
            ),
            [
                ("cyd@example.org", "failed", "5.1.1", "550", "NoMailbox", True),
                ("bea@example.org", "failed", "5.2.2", "550", "AccountProblem", False),
            ],
            id="zoho",
        ),
        pytest.param(
            notice(
                "Could not be delivered because of\n\n550 5.1.1 User unknown\n\n"
                "The following recipients were affected:\n\n    bea@example.org\n\nAdditional Information\n",
            ),
            [("bea@example.org", "failed", "5.1.1", "550", "NoMailbox", True)],
            id="the address far from the reply",
        ),
        pytest.param(
            notice(
                "Delivery to the following recipient failed permanently:\n\n     bea@example.org\n\n"
                "Technical details of permanent failure:\nThe error that the other server returned was:\n"
                "552 5.2.2 Mailbox full\n\n----- Original message -----\n\n" + ORIGINAL,
            ),
            [("bea@example.org", "failed", "5.2.2", "552", "AccountProblem", False)],
            id="code apart from the address",
        ),
        pytest.param(
            notice("The mail was refused.\n550 unknown user\nRCPT TO: <bea@example.org>\n"),
            [("bea@example.org", "failed", "", "550", "NoMailbox", False)],
            id="words alone",
        ),
        pytest.param(
            notice("Keine Zustellung.\n\n----- Original message -----\n\n" + ORIGINAL),
            [("bea@example.org", "failed", "", "", "Unknown", False)],
            id="the original alone names the recipient",
        ),
        pytest.param(
            notice("<bea@example.org>: 450 4.2.0 greylisted, try later\n", subject="Warning: delivery delayed"),
            [("bea@example.org", "delayed", "4.2.0", "450", "GreyListed", False)],
            id="a warning",
        ),
    ],
)
def test_bounces_in_servers_own_words(raw: bytes, expected: list[tuple[str, str, str, str, str, bool]]) -> None:
    report = read_report(raw)
    assert report.kind == "bounce"
    assert summary(report) == expected


def test_a_gateways_bounce_is_known_by_its_title_and_a_code() -> None:
    raw = b"From: gateway@example.org\nSubject: Mail could not be delivered\n\n<bea@example.org>: 550 5.1.1 unknown\n"
    assert summary(read_report(raw)) == [("bea@example.org", "failed", "5.1.1", "550", "NoMailbox", True)]


def test_the_original_is_found_in_the_text_too() -> None:
    report = read_report(notice("bea@example.org: 550 no\n\n----- Original message -----\n\n" + ORIGINAL))
    assert report.original_id == "m1@agents.example"


def test_000_14_a_complaint_is_read_with_what_identifies_the_mail() -> None:
    machine = (
        "Feedback-Type: Abuse\nUser-Agent: Reporter/1.0\nVersion: 1\n"
        "Original-Mail-From: <b+x+y@agents.example>\nOriginal-Rcpt-To: <bea@example.org>\n"
        "Removal-Recipient: bea@example.org\n"
    )
    original = "Return-Path: <b+v+w@agents.example>\n" + ORIGINAL
    report = read_report(multipart("feedback-report", machine, original=original, head="From: fbl@example.org\n"))
    assert (report.kind, report.feedback_type, report.original_id) == ("complaint", "abuse", "m1@agents.example")
    assert [each.address for each in report.recipients] == ["bea@example.org"]
    assert report.senders == ("b+x+y@agents.example", "b+v+w@agents.example")


@pytest.mark.parametrize("feedback_type", ["auth-failure", "not-spam"])
def test_feedback_that_blames_nobody_is_a_report(feedback_type: str) -> None:
    report = read_report(multipart("feedback-report", f"Feedback-Type: {feedback_type}\n"))
    assert (report.kind, report.feedback_type) == ("report", feedback_type)


def test_a_junk_report_without_a_machines_part_is_a_complaint() -> None:
    raw = (
        "From: staff@example.com\nSubject: complaint about message from 192.0.2.1\n"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
        "X-HmXmrOriginalRecipient: bea@example.org\nReturn-Path: <b+v+w@agents.example>\n"
        f"{ORIGINAL}\nHello\n--b--\n"
    )
    report = read_report(raw.encode())
    assert (report.kind, report.senders) == ("complaint", ("b+v+w@agents.example",))
    assert [each.address for each in report.recipients] == ["bea@example.org"]


@pytest.mark.parametrize(
    "fields",
    [
        "Auto-Submitted: auto-replied\nSubject: Hello\n",
        "Auto-Submitted: auto-replied (vacation)\nSubject: Hello\n",
        "X-Autoreply: yes\nSubject: Hello\n",
        "Precedence: auto_reply\nSubject: Hello\n",
        "Subject: Automatic reply: Offer\n",
        "Subject: Out of Office: Offer\n",
    ],
)
def test_automatic_replies(fields: str) -> None:
    assert read_report(f"From: bea@example.org\n{fields}\nI am away. 550 5.1.1\n".encode()).kind == "auto_reply"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"From: bea@example.org\nSubject: Re: failure notice\n\n> <cyd@example.org>: 550 5.1.1 User unknown\n",
        b"From: bea@example.org\nSubject: Delivery problem\n\nMy parcel was not found: write to cyd@example.org\n",
        b"From: bea@example.org\nSubject: Delivery failed\nIn-Reply-To: <a@b.example>\n\n550 5.1.1 cyd@example.org\n",
        b"From: postmaster@example.org\nSubject: Lunch\n\nAt noon?\n",
        b"From: bea@example.org\nAuto-Submitted: auto-generated\nSubject: Build 7 is green\n\nWell done.\n",
    ],
)
def test_what_people_write_is_a_message(raw: bytes) -> None:
    assert read_report(raw) == Report("message")


def test_other_reports_are_reports() -> None:
    receipt = (
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nRead.\n--b--\n"
    )
    assert read_report(b"From: bea@example.org\n" + receipt).kind == "report"
    assert read_report(b"Subject: Report Domain: example.org Submitter: example.com\n\n").kind == "report"


MANY = "".join(f"<u{number}@example.org>: 550 5.1.1 no\n" for number in range(3_000))


@pytest.mark.parametrize(
    "raw",
    [
        notice("a\n" * 100_000),
        notice("<" * 200_000),
        notice("a@b.c " * 40_000),
        notice("-\n" * 100_000),
        notice(MANY, head="X-Failed-Recipients: " + ", ".join(f"u{n}@example.org" for n in range(3_000)) + "\n"),
        multipart("delivery-status", "Final-Recipient: rfc822; u1@example.org\nAction: failed\n\n" * 3_000, human=MANY),
    ],
    ids=["lines", "one line", "addresses", "dashes", "failed recipients", "blocks"],
)
def test_a_hostile_bounce_costs_little(raw: bytes) -> None:
    report = cheaply(lambda: read_report(raw), 5)
    assert len(report.recipients) <= 1_000


PIECES = st.sampled_from(
    [
        DAEMON.encode(),
        multipart("delivery-status", "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1"),
        multipart("feedback-report", "Feedback-Type: abuse\nOriginal-Rcpt-To: a@example.org"),
        b"X-Failed-Recipients: a@example.org\n",
        b"\n\n--b\n",
        b"Content-Type: message/delivery-status\n\n",
        b"<a@example.org>:\n550 5.1.1 ",
        b"--- Below this line is a copy\n",
        b"Message-ID: <",
    ]
)


@given(st.lists(st.binary(max_size=60) | PIECES, max_size=8).map(b"".join))
def test_any_bytes_are_read_without_an_exception(raw: bytes) -> None:
    report = read_report(raw)
    for text in (report.original_id, report.feedback_type, *report.senders):
        text.encode()
    for each in report.recipients:
        (each.address + each.original + each.action + each.status + each.reply_code + each.diagnostic).encode()
        assert not (each.hard and each.action == "delayed")
