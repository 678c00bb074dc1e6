"""What a machine tells about mail of ours: bounces, complaints, automatic replies, other reports; and what is none."""

import re
from dataclasses import dataclass
from typing import Literal

from tools.mail import limits
from tools.mail.arf import read_feedback
from tools.mail.body import read_body
from tools.mail.charset import text_of
from tools.mail.classify import Category
from tools.mail.diagnosis import diagnose
from tools.mail.dsn import Block, read_blocks
from tools.mail.headers import Header, decode_words
from tools.mail.included import id_in, included_header, message_id_of
from tools.mail.mime import Mail, read_mail, with_line_ends
from tools.mail.notice import Notice, failed_recipients

Kind = Literal["message", "bounce", "complaint", "auto_reply", "report"]

_FAILURES = frozenset({"failed", "delayed"})
_NO_COMPLAINTS = frozenset({"not-spam", "auth-failure", "dmarc"})
_NOT_A_LETTER = re.compile(r"[^a-z]")
_DAEMONS = re.compile(r"^(?:mailerdaemon|postmaster|maildaemon|mdaemon|mailsystem|maildeliver|mailadmin|bounce)")
_FAILED = re.compile(
    r"undeliver|non-?deliver|deliver\w* (?:status|failure|failed|has failed|report|problem|error|notification)"
    r"|fail\w* (?:notice|delivery|mail|to deliver)|mail fail|returned (?:mail|message|to sender)|returning message"
    r"|could not (?:be delivered|send)|(?:not|un)able to deliver|not (?:be )?delivered|bounce|user unknown",
    re.IGNORECASE,
)
_TITLE = re.compile(
    rf"(?:your |the )?(?:e-?mail|message|mail system error|mail system|mail)?\W{{0,3}}(?:{_FAILED.pattern})",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"^\W{0,3}(?:auto(?:matic)?[ -]?(?:reply|response|antwort)|auto:|out of (?:the )?office|vacation"
    r"|away (?:until|from)|abwesen|r.ponse automatique|respuesta autom)",
    re.IGNORECASE,
)
_REPLY_FIELDS = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply")
_MESSAGE_ID_LINE = re.compile(r"^message-id:([^\n]{1,1000})", re.IGNORECASE | re.MULTILINE)
_AGGREGATE = re.compile(r"^report domain:", re.IGNORECASE)  # RFC 9990 fixes how such a subject begins


@dataclass(frozen=True, slots=True)
class Reported:
    """One recipient of a bounce; of a complaint only the address is known. '' is what the report does not say.

    `address` is where it failed, `original` the address we had sent to where that is another. `hard`: the address does
    not exist, for good.
    """

    address: str
    original: str
    action: str
    status: str
    reply_code: str
    category: Category
    hard: bool
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Report:
    """A mail's kind, and what it reports. `original_id` is the Message-ID of the mail it speaks of, without brackets;
    `senders` are that mail's envelope senders as a complaint names them, `tokens` what its Feedback-ID says it is."""

    kind: Kind
    recipients: tuple[Reported, ...] = ()
    feedback_type: str = ""
    original_id: str = ""
    senders: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()


def read_report(raw: bytes) -> Report:
    """What a mail reports. Never raises: what is malformed reports nothing. Who sent it is not known here: a report is
    to be believed only at an address that nobody could guess (tools/mail/verp.py)."""
    raw = with_line_ends(raw)
    mail = read_mail(raw)
    return (
        _complaint(mail)
        or _bounce(raw, mail)
        or Report("auto_reply" if _is_reply(mail.header) else "report" if _is_report(mail) else "message")
    )


def _complaint(mail: Mail) -> Report | None:
    feedback = read_feedback(mail)
    if feedback is None:
        return None
    return Report(
        kind="report" if feedback.feedback_type in _NO_COMPLAINTS else "complaint",
        recipients=tuple(Reported(each, "", "", "", "", "Unknown", False, "") for each in feedback.recipients),
        feedback_type=feedback.feedback_type,
        original_id=message_id_of(included_header(mail)),
        senders=feedback.senders,
        tokens=feedback.tokens,
    )


def _bounce(raw: bytes, mail: Mail) -> Report | None:
    formal = mail.content_type == "multipart/report"
    daemon = _by_a_daemon(mail.header)
    if not (formal or daemon or _is_titled_so(mail.header)):
        return None
    notice = Notice(read_body(mail.parts).text)
    blocks = read_blocks(mail)
    original_id = message_id_of(included_header(mail))
    if blocks:
        recipients = _of_blocks(blocks, notice)
        failed = any(each.action in _FAILURES for each in recipients)
        return Report("bounce" if failed else "report", recipients, original_id=original_id)
    if formal and not _is_delivery_report(mail):
        return None
    found = _of_notice(raw, mail, notice)
    told = any(each.status or each.reply_code for each in found)
    if not told and not (daemon and (found or _FAILED.search(_subject(mail.header)))):
        return None
    line = _MESSAGE_ID_LINE.search(notice.original)
    return Report("bounce", found, original_id=original_id or (id_in(line.group(1)) if line else ""))


def _of_blocks(blocks: tuple[Block, ...], notice: Notice) -> tuple[Reported, ...]:
    addresses = {block.recipient.lower() for block in blocks}
    said = {address: notice.near(address, addresses) for address in addresses}
    recipients = []
    for block in blocks:
        # a block without an action still has the class of its status
        action = block.action or {"2": "delivered", "4": "delayed"}.get(block.status[:1], "failed")
        around = said[block.recipient.lower()] if action in _FAILURES and block.recipient else ""
        recipients.append(_reported(block.recipient, block.original, action, block.status, block.diagnostic, around))
    return tuple(recipients)


def _of_notice(raw: bytes, mail: Mail, notice: Notice) -> tuple[Reported, ...]:
    addresses = failed_recipients(raw, mail, notice)
    lowered = {address.lower() for address in addresses}
    action = "delayed" if _is_delay(mail.header, notice) else "failed"
    recipients = []
    for address in addresses:
        words = notice.near(address.lower(), lowered)
        recipients.append(_reported(address, "", action, "", "", words))
    return tuple(recipients)


def _reported(address: str, original: str, action: str, status: str, diagnostic: str, around: str) -> Reported:
    found = diagnose(action, status, diagnostic, around)
    words = " ".join((diagnostic or around).split())[: limits.DIAGNOSTIC_CHARS]
    return Reported(address, original, action, found.status, found.reply_code, found.category, found.hard, words)


def _by_a_daemon(header: Header) -> bool:
    """Whether a mail server says it wrote this: a bounce without structure has no other sign."""
    if header.first("x-failed-recipients"):
        return True
    sender = decode_words(text_of(header.first("from"))[: limits.SUBJECT_CHARS]).lower()
    local = sender.rpartition("<")[2].partition("@")[0]
    names = (_NOT_A_LETTER.sub("", local), _NOT_A_LETTER.sub("", sender.partition("<")[0]))
    if any(_DAEMONS.match(name) for name in names):
        return True
    null = header.first("return-path").strip() == b"<>"
    return null and bool(_FAILED.search(_subject(header)))


def _is_titled_so(header: Header) -> bool:
    """Whether a mail opens as a bounce does and answers nothing: gateways send them under any name."""
    answer = header.first("in-reply-to") or header.first("references")
    return not answer and bool(_TITLE.match(_subject(header)))


def _is_delay(header: Header, notice: Notice) -> bool:
    subject = _subject(header).lower()
    return "delay" in subject or "warning" in subject or "will be retried" in notice.text.lower()


def _is_reply(header: Header) -> bool:
    """RFC 3834 section 5, with what is in use beside it."""
    submitted = text_of(header.first("auto-submitted")).partition(";")[0].strip().lower()
    return (
        submitted.startswith("auto-replied")
        or any(header.first(name) for name in _REPLY_FIELDS)
        or header.first("precedence").lower() in (b"auto_reply", b"auto-reply")
        or bool(_AWAY.search(_subject(header)))
    )


def _is_delivery_report(mail: Mail) -> bool:
    """Whether a multipart/report whose status part is missing or broken was to tell of a delivery."""
    stated = mail.parameters.get("report-type", "").lower()
    return stated == "delivery-status" or (not stated and _by_a_daemon(mail.header))


def _is_report(mail: Mail) -> bool:
    return mail.content_type == "multipart/report" or bool(_AGGREGATE.search(_subject(mail.header)))


def _subject(header: Header) -> str:
    return decode_words(text_of(header.first("subject"))[: limits.SUBJECT_CHARS])
