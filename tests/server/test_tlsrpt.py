"""TLS reports (RFC 8460): what is counted, how much of it, and the report that is made of it."""

import json
import ssl
from datetime import date

import pytest

from server.delivery.replies import Garbled, Refused, Reply
from server.delivery.security import Policy
from server.delivery.tls_report import MAX_ROWS, Result, Row, TlsCounts, report, result_of
from tests.fakes.couriers import Clock

DAY = 86_400_000_000
STS = Policy(
    "sts", "example.org", ("version: STSv1", "mode: testing", "mx: *.example.org", "max_age: 1"), ("*.example.org",)
)
NONE = Policy("no-policy-found", "example.org")
TODAY = date(2026, 1, 1)


def test_sessions_are_counted_by_day_policy_host_and_result() -> None:
    counts = TlsCounts(Clock())
    for result in (None, None, "certificate-expired"):
        counts.count(STS, "mx.example.org", result)
    counts.count(NONE, "mx.example.org", None)
    assert counts.rows() == {
        Row(TODAY, STS, "mx.example.org", None): 2,
        Row(TODAY, STS, "mx.example.org", "certificate-expired"): 1,
        Row(TODAY, NONE, "mx.example.org", None): 1,
    }


def test_today_and_yesterday_are_kept() -> None:
    clock = Clock()
    counts = TlsCounts(clock)
    for _ in range(3):
        counts.count(NONE, "mx.example.org", None)
        clock.now += DAY
    assert [row.day.day for row in counts.rows()] == [2, 3]


def test_the_rows_are_bounded() -> None:
    counts = TlsCounts(Clock())
    for number in range(MAX_ROWS + 5):
        counts.count(Policy("no-policy-found", f"d{number}.test"), "mx.example.org", None)
    counts.count(Policy("no-policy-found", "d0.test"), "mx.example.org", None)
    assert len(counts.rows()) == MAX_ROWS
    assert counts.dropped == 5


def failed(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Refused(Reply(454, "not now")), "starttls-not-supported"),
        (Garbled("what"), "starttls-not-supported"),
        (failed(10), "certificate-expired"),
        (failed(62), "certificate-host-mismatch"),
        (failed(18), "certificate-not-trusted"),
        (failed(19), "certificate-not-trusted"),
        (failed(20), "certificate-not-trusted"),
        (failed(26), "validation-failure"),
        (ssl.SSLError("handshake"), "validation-failure"),
        (TimeoutError(), "validation-failure"),
    ],
)
def test_what_a_failure_is_called(error: Exception, result: Result) -> None:
    assert result_of(error) == result


REPORT = {
    "organization-name": "Example",
    "date-range": {"start-datetime": "2026-01-01T00:00:00Z", "end-datetime": "2026-01-01T23:59:59Z"},
    "contact-info": "tls@example.com",
    "report-id": "1",
    "policies": [
        {
            "policy": {"policy-type": "no-policy-found", "policy-domain": "example.org"},
            "summary": {"total-successful-session-count": 1, "total-failure-session-count": 0},
            "failure-details": [],
        },
        {
            "policy": {
                "policy-type": "sts",
                "policy-domain": "example.org",
                "policy-string": ["version: STSv1", "mode: testing", "mx: *.example.org", "max_age: 1"],
                "mx-host": ["*.example.org"],
            },
            "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
            "failure-details": [
                {"result-type": "sts-policy-fetch-error", "failed-session-count": 3},
                {
                    "result-type": "certificate-expired",
                    "failed-session-count": 100,
                    "receiving-mx-hostname": "a.example.org",
                },
                {
                    "result-type": "starttls-not-supported",
                    "failed-session-count": 200,
                    "receiving-mx-hostname": "b.example.org",
                },
            ],
        },
    ],
}


def test_the_report_of_a_day() -> None:
    rows: dict[Row, int] = {
        Row(TODAY, STS, "a.example.org", None): 5326,
        Row(TODAY, STS, "a.example.org", "certificate-expired"): 100,
        Row(TODAY, STS, "b.example.org", "starttls-not-supported"): 200,
        Row(TODAY, STS, "", "sts-policy-fetch-error"): 3,
        Row(TODAY, NONE, "a.example.org", None): 1,
        Row(date(2025, 12, 31), STS, "a.example.org", None): 7,
        Row(TODAY, Policy("no-policy-found", "example.net"), "a.example.org", None): 9,
    }
    found = report(
        rows, domain="example.org", day=TODAY, organization="Example", contact="tls@example.com", report_id="1"
    )
    assert json.loads(json.dumps(found)) == REPORT
