"""Delivery status notifications read by recipient."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.dsn import Block, read_blocks
from tools.mail.mime import read_mail, with_line_ends

STATUS = b"""Reporting-MTA: dns; mx.example.org
Arrival-Date: Mon, 5 Feb 2024 10:00:00 +0000

Final-Recipient: rfc822; ann@example.org
Original-Recipient: rfc822; alias@example.org
Action: Failed
Status: 5.1.1 (no such user)
Diagnostic-Code: smtp; 550 5.1.1 <ann@example.org>:
    User unknown

Final-Recipient: RFC822;<bo@example.org>
Action: delayed
Status: 4.2.2
"""


def report(status: bytes, kind: bytes = b"message/delivery-status", top: bytes = b"multipart/report") -> bytes:
    lines = [
        b"From: MAILER-DAEMON@example.org",
        b"Content-Type: " + top + b"; report-type=delivery-status; boundary=b",
        b"\n--b\n\nIt was not delivered.\n--b",
        b"Content-Type: " + kind + b"\n",
        status,
        b"--b\nContent-Type: text/rfc822-headers\n\nSubject: x\n--b--\n",
    ]
    return b"\n".join(lines).replace(b"\n", b"\r\n")


def blocks(raw: bytes) -> tuple[Block, ...]:
    raw = with_line_ends(raw)
    return read_blocks(read_mail(raw))


def test_each_recipient_has_its_block() -> None:
    assert blocks(report(STATUS)) == (
        Block("failed", "5.1.1", "550 5.1.1 <ann@example.org>: User unknown", "ann@example.org", "alias@example.org"),
        Block("delayed", "4.2.2", "", "bo@example.org", ""),
    )


def test_line_ends_do_not_matter() -> None:
    crlf = report(STATUS)
    assert blocks(crlf.replace(b"\r\n", b"\n")) == blocks(crlf.replace(b"\r\n", b"\r")) == blocks(crlf)


def test_an_internationalised_report_is_read() -> None:
    status = "Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: utf-8; änn@example.org\nAction: failed\n".encode()
    assert blocks(report(status, b"message/global-delivery-status")) == (
        Block("failed", "", "", "änn@example.org", ""),
    )


def test_the_original_recipient_stands_in_for_a_missing_final_one() -> None:
    assert blocks(report(b"Original-Recipient: rfc822; ann@example.org\nAction: failed\nStatus: 5.0.0\n")) == (
        Block("failed", "5.0.0", "", "ann@example.org", ""),
    )


def test_a_status_part_that_names_nobody_is_passed_over() -> None:
    empty = b"It was refused.\n--b\nContent-Type: message/delivery-status\n\n"
    assert [block.status for block in blocks(report(empty + STATUS))] == ["5.1.1", "4.2.2"]


@pytest.mark.parametrize("status", [b"5", b"5.1", b"6.1.1", b"5.1.1.1", b"none"])
def test_a_malformed_status_is_none(status: bytes) -> None:
    (found,) = blocks(report(b"Final-Recipient: rfc822; ann@example.org\nStatus: " + status + b"\n"))
    assert found.status == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: x\n\nFinal-Recipient: rfc822; ann@example.org\nAction: failed\n",
        report(STATUS, kind=b"message/disposition-notification"),
        report(b"Reporting-MTA: dns; mx.example.org\n"),
    ],
)
def test_what_is_no_delivery_report_has_no_blocks(raw: bytes) -> None:
    assert blocks(raw) == ()


def test_recipients_are_limited() -> None:
    block = b"Final-Recipient: rfc822; ann@example.org\nAction: failed\n\n"
    assert len(blocks(report(block * 5_000))) == 1_000


@given(st.binary(max_size=300))
def test_any_status_part_is_read_without_an_exception(status: bytes) -> None:
    for found in blocks(report(status)):
        text = found.action + found.status + found.diagnostic + found.recipient + found.original
        assert "\0" not in text
        text.encode()
