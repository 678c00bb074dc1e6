"""The mails that come back in the sandbox: a delivery report, a complaint, an answer; made to be read as real ones."""

from dataclasses import dataclass

from tools.mail.address import Address
from tools.mail.compose import Draft, compose, reply_subject, valid_message_id
from tools.mail.parse import Parsed
from tools.mail.references import reference_ids

HOST = "mx.simulator.test"
_DAEMON = f"MAILER-DAEMON@{HOST}"
_QUOTED_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Carried:
    """A mail that the sandbox took: its envelope, its bytes, and an id for what comes back."""

    sender: str
    recipient: str
    raw: bytes
    id: str


def bounce(mail: Carried) -> bytes:
    """A report that the mail could not be delivered after all (RFC 3464), to its envelope sender."""
    status = (
        f"Reporting-MTA: dns; {HOST}\r\n\r\n"
        f"Final-Recipient: rfc822; {mail.recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 simulated: the mailbox does not exist\r\n"
    )
    return _report(
        mail,
        "delivery-status",
        "Undelivered Mail Returned to Sender",
        f"Your mail to {mail.recipient} could not be delivered: the mailbox does not exist. This is simulated.",
        ("message/delivery-status", status),
    )


def complaint(mail: Carried) -> bytes:
    """A report that the reader calls the mail spam (RFC 5965), to its envelope sender."""
    feedback = (
        "Feedback-Type: abuse\r\nUser-Agent: Gatepost-Simulator/1\r\nVersion: 1\r\n"
        f"Original-Mail-From: <{mail.sender}>\r\nOriginal-Rcpt-To: <{mail.recipient}>\r\nReporting-MTA: dns; {HOST}\r\n"
    )
    return _report(
        mail,
        "feedback-report",
        "A complaint about your mail",
        f"{mail.recipient} calls this mail spam. This is simulated.",
        ("message/feedback-report", feedback),
    )


def answer(mail: Carried, parsed: Parsed) -> bytes:
    """An answer in the mail's thread that quotes it. Raises ComposeError for a mail that cannot be answered."""
    quoted = "\n".join(f"> {line}" for line in parsed.text[:_QUOTED_CHARS].splitlines())
    sender = parsed.shown_author(mail.sender)
    references = (*reference_ids(parsed.references, parsed.in_reply_to), parsed.message_id)
    draft = Draft(
        sender=Address(mail.recipient, "Simulator"),
        to=(sender,),
        cc=(),
        bcc=(),
        subject=reply_subject(parsed.subject),
        markdown=f"Thank you, that is fine. (This answer is simulated.)\n\n{sender.email} wrote:\n\n{quoted}\n",
        attachments=(),
        message_id=f"{mail.id}@{HOST}",
        in_reply_to=parsed.message_id if valid_message_id(parsed.message_id) else None,
        references=tuple(filter(valid_message_id, dict.fromkeys(references))),
    )
    return compose(draft).raw


def _report(mail: Carried, kind: str, subject: str, words: str, machine: tuple[str, str]) -> bytes:
    """A multipart/report (RFC 6522): words for people, a part for machines, and the header of the mail."""
    original = mail.raw.partition(b"\r\n\r\n")[0].decode("latin-1")
    boundary = f"=_{mail.id}"
    parts = (
        ("text/plain; charset=us-ascii", f"{words}\r\n"),
        machine,
        ("text/rfc822-headers", f"Return-Path: <{mail.sender}>\r\n{original}\r\n"),
    )
    body = "".join(f"--{boundary}\r\nContent-Type: {type_}\r\n\r\n{text}\r\n" for type_, text in parts)
    header = (
        f"From: Mail Delivery System <{_DAEMON}>\r\nTo: <{mail.sender}>\r\nSubject: {subject}\r\n"
        f"Message-ID: <{mail.id}@{HOST}>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="{boundary}"\r\n\r\n'
    )
    return f"{header}{body}--{boundary}--\r\n".encode("latin-1")
