"""A received mail as values for an agent: headers, text, what is new in it, attachments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from tools.mail import limits
from tools.mail.address import Address
from tools.mail.addresslist import looks_ambiguous, read_addresses
from tools.mail.attachments import PartInfo, attachment_info, is_attachment
from tools.mail.body import read_body
from tools.mail.calendar import read_calendars
from tools.mail.charset import text_of
from tools.mail.containers import read_opened
from tools.mail.event import Event
from tools.mail.headers import Header, decode_words
from tools.mail.hidden import Hidden, invisible
from tools.mail.invisible import cleaned
from tools.mail.machine import Machine, machine_of
from tools.mail.quote import split_quotation
from tools.mail.references import is_answer, is_forward, reference_ids
from tools.mail.signature import split_signature
from tools.mail.targets import Link

__all__ = ["Parsed", "PartInfo", "attachment_bytes", "attachment_heads", "parse"]

_MESSAGE_ID = re.compile(rb"<([^<>\s\x00-\x20\x7f]{1,%d})>" % limits.MESSAGE_ID_BYTES)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ADDRESS_FIELDS = ("from", "to", "cc", "reply-to")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a mail says, as text that UTF-8 and PostgreSQL hold. Ids have no angle brackets; '' is absent or malformed.

    `date` is in microseconds since the epoch, UTC. `text` is the body for an agent, `new_text`, `signature` and
    `quoted` its parts, `html` the HTML alternative as it came. `automatic` mail must not be answered by a machine
    (RFC 3834). `defects` are stable codes of what was wrong or left out.
    """

    subject: str
    authors: tuple[Address, ...]
    """Whom From names; the first is shown as the sender."""
    sender_ambiguous: bool
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    date: int | None
    text: str
    html: str
    new_text: str
    signature: str
    quoted: str
    attachments: tuple[PartInfo, ...]
    defects: tuple[str, ...]
    machine: Machine
    """What kind of automatic mail it is."""
    hidden: tuple[Hidden, ...]
    """What a person does not see of it, which is not in `text` either."""
    links: tuple[Link, ...]
    """Where the links of its HTML go."""
    calendar: tuple[Event, ...]
    """The events that it invites to, changes, answers or calls off."""

    @property
    def sender(self) -> Address | None:
        return next(iter(self.authors), None)

    def shown_author(self, envelope_sender: str) -> Address:
        """Who is shown to have written it: where From names nobody, the envelope's sender."""
        return self.sender or Address(envelope_sender)

    @property
    def automatic(self) -> bool:
        return self.machine.automatic


def parse(raw: bytes, *, split: bool = True) -> Parsed:
    """The mail in `raw` (RFC 5322, 2045, 6532). Never raises: what cannot be read is left out, with a defect.

    Without `split` neither quotation nor signature is looked for, and all of the text is new.
    """
    mail = read_opened(raw)
    header = mail.header
    addresses = {name: read_addresses(header.all(name)) for name in _ADDRESS_FIELDS}
    subject, unseen = cleaned(decode_words(text_of(header.first("subject"))))
    date = _date(header.first("date"))
    body = read_body(mail.parts)
    new_text, signature, quoted = _divided(body.text, subject, addresses["from"][0], header, split=split)
    attachments = [attachment_info(part) for part in mail.parts if is_attachment(part) and not part.opened]
    defects = [*mail.defects, *_header_defects(header, subject, date), *body.defects]
    defects += [defect for _, found in addresses.values() for defect in found]
    defects += [defect for _, defect in attachments if defect]
    return Parsed(
        subject=subject[: limits.SUBJECT_CHARS],
        authors=addresses["from"][0],
        sender_ambiguous=looks_ambiguous(header.all("from"), addresses["from"][0]),
        to=addresses["to"][0],
        cc=addresses["cc"][0],
        reply_to=addresses["reply-to"][0],
        message_id=_first_id(header, "message-id"),
        in_reply_to=_first_id(header, "in-reply-to"),
        references=reference_ids(_ids(header, "references"), ""),
        date=date,
        text=body.text,
        html=body.html,
        new_text=new_text,
        signature=signature,
        quoted=quoted,
        attachments=tuple(info for info, _ in attachments),
        defects=tuple(dict.fromkeys(defects)),
        machine=machine_of(mail, subject, body.text),
        hidden=(*invisible(unseen), *body.hidden)[: limits.HIDDEN_PIECES],
        links=body.links,
        calendar=read_calendars(mail.parts, _day(date)),
    )


def _divided(
    text: str, subject: str, authors: Sequence[Address], header: Header, *, split: bool
) -> tuple[str, str, str]:
    """What is new in the text, the signature below that, and what it quotes."""
    if not split or is_forward(subject):  # a forward repeats what its new reader has not seen
        return text, "", ""
    new, quoted = split_quotation(text)
    if quoted.lstrip().startswith(">") and not _answers(header, subject):
        # nobody is named, and nobody has seen it here: a contract, a ticket, what was said elsewhere
        new, quoted = text, ""
    return *split_signature(new, str(authors[0]) if authors else ""), quoted


def _answers(header: Header, subject: str) -> bool:
    return is_answer(subject) or bool(_ids(header, "references") or _ids(header, "in-reply-to"))


def attachment_bytes(raw: bytes, index: int) -> bytes | None:
    """The decoded bytes of the attachment that `parse` gave this index; None when it gave no such."""
    found = (part for part in read_opened(raw).parts if part.index == index and is_attachment(part))
    part = next(found, None)
    return None if part is None else part.decoded()[0]


def attachment_heads(raw: bytes, size: int) -> dict[int, bytes]:
    """The first `size` decoded bytes of each attachment, by the index that `parse` gave it."""
    parts = read_opened(raw).parts
    return {part.index: part.decoded()[0][:size] for part in parts if is_attachment(part)}


def _ids(header: Header, name: str) -> list[str]:
    return [text_of(found) for value in header.all(name) for found in _MESSAGE_ID.findall(value)]


def _first_id(header: Header, name: str) -> str:
    return next(iter(_ids(header, name)), "")


def _date(value: bytes) -> int | None:
    """Microseconds since the epoch; a date without a zone, or of zone -0000, is UTC (RFC 5322 section 3.3)."""
    try:
        date = parsedate_to_datetime(value[: limits.DATE_BYTES].decode("latin-1"))
        return (date.replace(tzinfo=date.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _day(date: int | None) -> str:
    """The day of a date, in ISO 8601; '' where there is none that a calendar has."""
    try:
        return "" if date is None else (_EPOCH + timedelta(microseconds=date)).date().isoformat()
    except OverflowError:
        return ""


def _header_defects(header: Header, subject: str, date: int | None) -> list[str]:
    senders = len(header.all("from"))
    conditions = {
        "no_from": senders == 0,
        "many_from": senders > 1,
        "bad_date": date is None and bool(header.first("date")),
        "header_too_long": len(subject) > limits.SUBJECT_CHARS,
    }
    return [code for code, holds in conditions.items() if holds]
