"""Feedback reports: what a reader complained of (RFC 5965, RFC 6591), and which mail of ours it was."""

from dataclasses import dataclass

from tools.mail import limits
from tools.mail.charset import one_line, text_of
from tools.mail.headers import Header, read_header
from tools.mail.included import included_header
from tools.mail.mime import Mail, Part

_FEEDBACK_TYPE = "message/feedback-report"
_PROVIDERS_FIELD = "x-hmxmroriginalrecipient"
_RECIPIENT_FIELDS = ("original-rcpt-to", "removal-recipient")


@dataclass(frozen=True, slots=True)
class Feedback:
    """A feedback report; '' and () where it says nothing. Reporters often redact the addresses.

    `senders` are the envelope senders that the report and its included mail name, without angle brackets; `tokens` the
    third parts of the included mail's Feedback-ID fields, where ours has what names its delivery.
    """

    feedback_type: str
    recipients: tuple[str, ...]
    senders: tuple[str, ...]
    tokens: tuple[str, ...]


def read_feedback(mail: Mail) -> Feedback | None:
    """The feedback a mail reports; None when it is no such report. Never raises."""
    included = included_header(mail)
    part = next((part for part in mail.parts if part.content_type == _FEEDBACK_TYPE), None)
    if part is not None:
        return _feedback(_fields(part), included)
    # Outlook.com's junk mail reports are the bare mail with this field added: a complaint in another form.
    if included.first(_PROVIDERS_FIELD):
        recipients = _addresses(included, (_PROVIDERS_FIELD,))
        return Feedback("abuse", recipients, _addresses(included, ("return-path",)), _tokens(included))
    return None


def _fields(part: Part) -> Header:
    body, _ = part.decoded(limits.REPORT_BYTES)
    return read_header(body.lstrip(), 0)[0]


def _feedback(report: Header, included: Header) -> Feedback:
    senders = (*_addresses(report, ("original-mail-from",)), *_addresses(included, ("return-path",)))
    return Feedback(
        feedback_type=one_line(text_of(report.first("feedback-type"))).lower()[: limits.NAME_CHARS],
        recipients=_addresses(report, _RECIPIENT_FIELDS),
        senders=tuple(dict.fromkeys(senders)),
        tokens=_tokens(included),
    )


def _tokens(included: Header) -> tuple[str, ...]:
    values = included.all("feedback-id")[: limits.REPORT_RECIPIENTS]
    fields = (one_line(text_of(value))[: limits.DIAGNOSTIC_CHARS].split(":") for value in values)
    return tuple(field[2].strip() for field in fields if len(field) == 4)


def _addresses(header: Header, names: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses of the named fields, each once."""
    values = (one_line(text_of(value)) for name in names for value in header.all(name))
    bare = (value.strip("<> ")[: limits.ADDRESS_CHARS] for value in values)
    return tuple(dict.fromkeys(value for value in bare if "@" in value))[: limits.REPORT_RECIPIENTS]
