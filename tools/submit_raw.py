"""A mail handed in as bytes, over SMTP: checked, made ready, and passed through the same gate as any other."""

import asyncio
import re
from collections.abc import Sequence

from policies.suppression import EXEMPT, applies
from storage.database import one
from storage.records import Mailbox, Message
from tools.content import described
from tools.context import Context, Site
from tools.draft import Prepared, check_recipients
from tools.errors import Refusal
from tools.gate import Submission, Submitted, submit
from tools.mail.address import Address, canonical, domain_of
from tools.mail.category import CATEGORIES, CATEGORY_FIELDS, category_of
from tools.mail.compose import Draft, Rendered, valid_message_id
from tools.mail.limits import HEADER_BYTES, HEADER_FIELDS
from tools.mail.parse import Parsed, parse
from tools.suppressing import suppressed_among
from tools.timing import Timing

SMALL = 32 * 1024
"""Up to this many bytes a mail is read on the event loop; larger ones in a thread."""

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
OURS = (b"gatepost-identity", b"feedback-id", b"x-ai-generated")
"""Fields that speak for the site: nobody else writes them."""
_DROPPED = frozenset({b"bcc", b"resent-bcc", b"return-path", *CATEGORY_FIELDS, *OURS})


async def submit_raw(context: Context, mailbox: Mailbox, recipients: Sequence[str], raw: bytes) -> Submitted:
    """Hand in the RFC 5322 bytes `raw`, with CRLF line ends, for the recipients of its envelope. Raises Refusal."""
    parsed = _read(raw) if len(raw) <= SMALL else await asyncio.to_thread(_read, raw)
    _check(context, mailbox, parsed, raw)
    message_id = context.new_id("msg")
    own_id = parsed.message_id if valid_message_id(parsed.message_id) else ""
    rfc_id = own_id or f"{message_id}@{domain_of(mailbox.address)}"
    fields, rest = _split(raw)
    draft = _draft(parsed, recipients, rfc_id)
    check_recipients(draft, context.site.max_recipients)
    prepared = Prepared(
        message_id=message_id,
        draft=draft,
        rendered=Rendered(
            _made_ready(context.site, fields, None if own_id else rfc_id) + rest, parsed.text, parsed.html
        ),
        attachments=described(raw, parsed.attachments),
        parent=await _parent(context, mailbox, parsed),
        timing=Timing(),
        category=_category(fields),
        by_smtp=True,
    )
    return await submit(context, mailbox, Submission(prepared))


async def check_recipient(context: Context, mailbox: Mailbox, address: str) -> bool:
    """Whether mail may go to the recipient beside others; False where the mail's category, which is not known yet,
    decides whether it may go at all: whom the gate may refuse shall stop nobody else.

    Raises Refusal recipient_suppressed where no mail may go.
    """
    for entry in await suppressed_among(context.db, mailbox.account_id, (address,)):
        if all(applies(entry, category) for category in CATEGORIES - EXEMPT):
            if not mailbox.transactional or all(applies(entry, category) for category in EXEMPT):
                raise Refusal("recipient_suppressed", f"{address} ({entry.reason}).")
            return False
    return True


def _read(raw: bytes) -> Parsed:
    # what in it is quoted matters to readers of mail, not to its sender
    return parse(raw, split=False)


def _check(context: Context, mailbox: Mailbox, parsed: Parsed, raw: bytes) -> None:
    """The mail can be carried as it is, and is from who hands it in. Raises Refusal."""
    # a bare CR or LF is how one mail becomes two at a careless receiver (SMTP smuggling)
    if not raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n"):
        raise Refusal("malformed_mail", "It has a bare CR or LF.")
    if parsed.sender is None or parsed.sender_ambiguous or canonical(parsed.sender.email) != mailbox.address:
        raise Refusal("wrong_sender", f"The From field must be {mailbox.address} alone.")
    limit = context.site.max_attachment_bytes
    if sum(part.size for part in parsed.attachments) > limit:
        raise Refusal("attachments_too_large", limit_bytes=limit)


def _draft(parsed: Parsed, recipients: Sequence[str], rfc_id: str) -> Draft:
    """What the mail says, with the envelope's recipients and nobody else: who is not in a field had a blind copy."""
    waiting = {canonical(address): address for address in recipients}

    def named(field: tuple[Address, ...]) -> tuple[Address, ...]:
        found = [(waiting.pop(canonical(each.email), None), each.name) for each in field]
        return tuple(Address(email, name) for email, name in found if email is not None)

    to, cc = named(parsed.to), named(parsed.cc)
    assert parsed.sender is not None
    return Draft(
        sender=parsed.sender,
        to=to,
        cc=cc,
        bcc=tuple(map(Address, waiting.values())),
        subject=parsed.subject,
        markdown=parsed.text,
        attachments=(),
        message_id=rfc_id,
        in_reply_to=parsed.in_reply_to if valid_message_id(parsed.in_reply_to) else None,
        references=tuple(filter(valid_message_id, parsed.references)),
    )


async def _parent(context: Context, mailbox: Mailbox, parsed: Parsed) -> Message | None:
    """The newest message of this mailbox that the mail refers to."""
    for rfc_id in dict.fromkeys((parsed.in_reply_to, *reversed(parsed.references))):
        if not rfc_id:
            continue
        found = await one(context.db, Message, "message_by_rfc_id", mailbox_id=mailbox.id, rfc_message_id=rfc_id)
        if found is not None:
            return found
    return None


def _split(raw: bytes) -> tuple[list[bytes], bytes]:
    """The fields of the header, and all that comes after them. Raises Refusal malformed_mail."""
    header, blank, body = raw.partition(b"\r\n\r\n")
    if len(header) > HEADER_BYTES:
        raise Refusal("malformed_mail", "Its header is too long.")
    fields = _FIELD_END.split(header.removesuffix(b"\r\n"))
    if len(fields) > HEADER_FIELDS:
        raise Refusal("malformed_mail", "Its header has too many fields.")
    return fields, blank + body or b"\r\n"


def _category(fields: list[bytes]) -> str:
    try:
        return category_of(fields)
    except ValueError as error:
        raise Refusal("malformed_mail", str(error)) from error


def _made_ready(site: Site, fields: list[bytes], new_id: str | None) -> bytes:
    """The header without the fields that are not for the mail's readers or not its author's, and with those that are
    due: a Message-ID (RFC 6409 section 8.3), and the site's mark of agents' mail."""
    dropped = _DROPPED if new_id is None else _DROPPED | {b"message-id"}
    kept = [field for field in fields if field.partition(b":")[0].rstrip(b" \t").lower() not in dropped]
    if new_id is not None:
        kept.append(b"Message-ID: <" + new_id.encode() + b">")
    if site.ai_header:
        kept.append(b"X-AI-Generated: true")
    return b"\r\n".join(kept)
