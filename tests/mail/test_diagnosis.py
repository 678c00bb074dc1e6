"""Codes, category and hardness from a report's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mail.diagnosis import Diagnosis, diagnose

RCPT = "(in reply to RCPT TO command)"
DATA = "(in reply to end of DATA command)"


@pytest.mark.parametrize(
    ("status", "words", "expected"),
    [
        ("5.1.1", "550 5.1.1 User unknown", Diagnosis("5.1.1", "550", "NoMailbox", True)),
        ("5.1.1", "", Diagnosis("5.1.1", "", "NoMailbox", True)),
        ("5.1.10", "550 5.1.10 RecipientNotFound", Diagnosis("5.1.10", "550", "NoMailbox", True)),
        ("5.1.1", "552 5.1.1 Mailbox full", Diagnosis("5.1.1", "552", "AccountProblem", False)),
        ("5.1.1", "550 5.1.1 blocked using dnsbl", Diagnosis("5.1.1", "550", "BlackListed", False)),
        ("5.1.1", "user unknown. Command output: no space", Diagnosis("5.1.1", "", "Unknown", False)),
        ("5.7.1", "554 5.7.1 Relay access denied", Diagnosis("5.7.1", "554", "Unknown", False)),
        ("5.2.1", f"550 5.2.1 User unknown {RCPT}", Diagnosis("5.2.1", "550", "NoMailbox", True)),
        ("5.2.1", f"550 5.2.1 User unknown {DATA}", Diagnosis("5.2.1", "550", "AccountProblem", False)),
        ("", "550 no such user", Diagnosis("", "550", "NoMailbox", True)),
        ("5.0.0", "550 no such user", Diagnosis("5.0.0", "550", "NoMailbox", True)),
        ("5.3.0", "550 no such user", Diagnosis("5.3.0", "550", "NoMailbox", False)),
        ("5.3.0", "SMTP:RCPT host 192.0.2.5: 553 no such user", Diagnosis("5.3.0", "553", "NoMailbox", True)),
        ("5.2.1", "550 5.2.1 User unknown", Diagnosis("5.2.1", "550", "NoMailbox", True)),
        (
            "5.0.0",
            f"554 This user doesn't have a mail.example account {DATA}",
            Diagnosis("5.0.0", "554", "NoMailbox", True),
        ),
        ("", f"550 no such user {RCPT}", Diagnosis("", "550", "NoMailbox", True)),
        ("5.0.0", "unknown user", Diagnosis("5.0.0", "", "NoMailbox", True)),
        ("5.4.4", "Host or domain name not found", Diagnosis("5.4.4", "", "DNSProblem", True)),
        ("5.4.4", "Host not found, try again", Diagnosis("5.4.4", "", "DNSProblem", False)),
        (
            "",
            "550 Unroutable sender address (in reply to MAIL FROM command)",
            Diagnosis("", "550", "DNSProblem", False),
        ),
        ("", "an MX or SRV record indicated no SMTP service", Diagnosis("", "", "DNSProblem", True)),
        ("4.4.7", "450 4.7.1 come back later", Diagnosis("4.7.1", "450", "Unknown", False)),
        (
            "5.7.1",
            f"554 5.7.1 <a@b.example>: Recipient address rejected: Access denied {RCPT}",
            Diagnosis("5.7.1", "554", "NoMailbox", True),
        ),
        ("", "host mx.example.org[192.0.2.5]:550 is busy", Diagnosis("", "", "Unknown", False)),
        ("", "ERROR_CODE :550", Diagnosis("", "550", "Unknown", False)),
        ("4.4.7", "delivery time expired", Diagnosis("4.4.7", "", "Timeout", False)),
        ("4.2.2", "452 4.2.2 over quota", Diagnosis("4.2.2", "452", "AccountProblem", False)),
        ("5.0.0", "550-'5.7.1 Access denied'", Diagnosis("5.7.1", "550", "Unknown", False)),
        ("", "SIZE=1543 sent to 192.0.2.5.1 port 587", Diagnosis("", "", "Unknown", False)),
        ("", "550 5.1.1.", Diagnosis("5.1.1", "550", "NoMailbox", True)),
    ],
)
def test_004_1_what_a_report_says_has_its_category(status: str, words: str, expected: Diagnosis) -> None:
    """004-1: a report is sorted by the same table as a reply, and hard is the missing address alone."""
    assert diagnose("failed", status, words) == expected


def test_words_that_stand_in_no_field_are_not_hard() -> None:
    assert diagnose("failed", "", "", "550 no such user") == Diagnosis("", "550", "NoMailbox", False)


def test_a_delay_is_never_hard() -> None:
    assert not diagnose("delayed", "5.1.1", "550 5.1.1 User unknown").hard


def test_what_stands_near_the_address_tells_where_the_remotes_words_do_not() -> None:
    around = f"<bea@example.org>: 550 5.1.1 User unknown {RCPT}"
    assert diagnose("failed", "5.0.0", "", around) == Diagnosis("5.1.1", "550", "NoMailbox", True)
    assert diagnose("failed", "5.3.0", "x-unix; 70", around).status == "5.3.0"


@given(st.text(), st.text(), st.text(), st.text())
def test_any_text_has_a_diagnosis(action: str, status: str, diagnostic: str, around: str) -> None:
    found = diagnose(action, status, diagnostic * 20, around * 20)
    assert found.reply_code == "" or 400 <= int(found.reply_code) < 600
