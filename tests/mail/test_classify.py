"""Categories of replies."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.delivery.outcome import Bounced, Deferred
from server.delivery.reply import accepted, lost, read, refused, uncertain
from tools.mail.classify import Category, Step, classify

REPLIES: list[tuple[str, Step, str]] = [
    (
        "550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
        "rcpt",
        "NoMailbox",
    ),
    (
        "550-5.1.1 The email account that you tried to reach does not exist. Please try\n5.1.1 double-checking",
        "rcpt",
        "NoMailbox",
    ),
    ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "rcpt", "NoMailbox"),
    ("550 No such user here", "rcpt", "NoMailbox"),
    ("553 sorry, no mailbox here by that name", "rcpt", "NoMailbox"),
    ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", "rcpt", "NoMailbox"),
    ("550 5.7.1 No such user!", "rcpt", "NoMailbox"),
    ("550 <ada@example.com>: Sender address rejected: User unknown", "mail", "Unknown"),
    ("550 sender domain does not exist", "mail", "Unknown"),
    ("450 4.1.1 <x@example.com>: unverified address: user unknown", "rcpt", "Unknown"),
    ("452 4.2.2 The recipient's inbox is out of storage space", "rcpt", "AccountProblem"),
    ("552 5.2.2 Mailbox full", "content", "AccountProblem"),
    ("550 5.2.1 The email account that you tried to reach is disabled", "rcpt", "AccountProblem"),
    ("552 disk quota", "content", "AccountProblem"),
    ("552 5.3.4 Message size exceeds fixed limit", "mail", "Unknown"),
    ("550 5.7.23 SPF validation failed", "rcpt", "SPFProblem"),
    (
        "550-5.7.26 This mail is unauthenticated. SPF [example.com] with ip: [192.0.2.1] = did not pass",
        "content",
        "SPFProblem",
    ),
    (
        "550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy",
        "content",
        "Spam",
    ),
    ("550 5.7.1 Client host rejected: SPF fail - not authorized", "rcpt", "SPFProblem"),
    ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "rcpt", "BlackListed"),
    ("554 5.7.1 blocked using RBL", "greeting", "BlackListed"),
    ("550 5.7.1 marbles are not taken here", "content", "Unknown"),
    (
        "550 5.7.1 Unfortunately, messages from 192.0.2.1 weren't sent: their network is on our block list (S3150)",
        "mail",
        "Throttled",
    ),
    ("554 5.7.1 This message looks like spam", "content", "Spam"),
    ("550 5.7.1 message has been identified as unsolicited", "content", "Spam"),
    ("451 4.7.1 Greylisting in action, please come back in 00:05:00", "rcpt", "GreyListed"),
    ("450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted, see the help page", "rcpt", "GreyListed"),
    ("451 Please try again in 300 seconds", "rcpt", "GreyListed"),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume", "mail", "Throttled"),
    ("421-4.7.28 Gmail has detected an unusual rate of unsolicited mail", "content", "Throttled"),
    (
        "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents delivery",
        "rcpt",
        "Throttled",
    ),
    ("451 4.7.651 The mail server [192.0.2.1] has been temporarily rate limited", "mail", "Throttled"),
    ("452 4.5.3 Too many recipients", "rcpt", "Throttled"),
    ("556 5.1.10 Domain does not accept mail", "rcpt", "DNSProblem"),
    ("550 5.1.2 Bad destination system address", "rcpt", "DNSProblem"),
    ("421 4.4.2 mx.example.com Error: timeout exceeded", "mail", "Timeout"),
    ("421 Service not available, closing transmission channel", "greeting", "ConnectionProblem"),
    ("454 4.7.0 TLS not available due to local problem", "starttls", "ConnectionProblem"),
    ("535 5.7.8 Authentication credentials invalid", "auth", "ConnectionProblem"),
    ("452 4.3.1 Insufficient system storage", "mail", "Ignore"),
    ("452 later", "mail", "Ignore"),
    ("550 5.7.1 we would rather not", "content", "Unknown"),
    ("554 Transaction failed", "content", "Unknown"),
]


@pytest.mark.parametrize(("reply", "step", "category"), REPLIES)
def test_004_1_category_of_a_reply(reply: str, step: Step, category: Category) -> None:
    code, message = int(reply[:3]), reply[4:]
    outcome = refused(step, "mx.example.com", code, message)
    assert outcome.category == category
    assert isinstance(outcome, Bounced) == (code >= 500 and step != "auth")
    assert (outcome.code, outcome.host) == (code, "mx.example.com")


@pytest.mark.parametrize(
    ("step", "why", "category"),
    [
        ("greeting", "[Errno 111] Connection refused", "ConnectionProblem"),
        ("greeting", "[Errno 110] Connection timed out", "Timeout"),
        ("mail", "Connection lost", "ConnectionProblem"),
        ("rcpt", "timed out", "Timeout"),
        ("data", "Connection lost", "ConnectionTerminated"),
        ("content", "Connection lost", "ConnectionTerminated"),
    ],
)
def test_category_of_a_silence(step: Step, why: str, category: Category) -> None:
    enhanced = "4.4.1" if step == "greeting" else "4.4.2"
    assert lost(step, "mx.example.com", why) == Deferred(0, enhanced, why, "mx.example.com", category)


@pytest.mark.parametrize(
    ("code", "message", "enhanced", "text"),
    [
        (250, "2.0.0 Ok: queued", "2.0.0", "Ok: queued"),
        (550, "5.1.1 one\n5.1.1 two", "5.1.1", "one two"),
        (550, "#5.1.0 Address rejected.", "5.1.0", "Address rejected."),
        (550, "5.1.1", "5.1.1", ""),
        (550, "2.0.0 not of its class", "", "2.0.0 not of its class"),
        (550, "5.1.1.1 is a version", "", "5.1.1.1 is a version"),
        (450, "", "", ""),
        (
            450,
            "bell \x07, escape \x1b[1m, \u202eturned, raw \udcff\r\nbytes",
            "",
            "bell , escape [1m, turned, raw bytes",
        ),
    ],
)
def test_reading_a_reply(code: int, message: str, enhanced: str, text: str) -> None:
    assert read(code, message) == (enhanced, text)


@given(
    st.integers(-1, 999),
    st.text() | st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3} .*"),
    st.sampled_from(get_args(Step)),
)
def test_any_reply_has_a_bounded_printable_outcome(code: int, message: str, step: Step) -> None:
    refusal = refused(step, "mx.example.com", code, message * 50)
    assert refusal.category in get_args(Category)
    for outcome in (refusal, accepted("mx.example.com", code, message * 50), uncertain("mx.example.com", message)):
        assert len(outcome.text) <= 500
        assert outcome.text.isprintable()


def test_a_long_text_is_read_only_so_far() -> None:
    assert classify(550, "", "x " * 500 + "spam", "content") == "Unknown"
    assert classify(550, "", "x " * 400 + "spam", "content") == "Spam"
