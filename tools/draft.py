"""From a request to a draft: addresses checked, attachments decoded, errors that name the field."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from storage.records import Mailbox, Message
from tools.content import described, fingerprint
from tools.context import Context, Site
from tools.errors import Refusal
from tools.fields import Outgoing, Upload
from tools.mail.address import Address, AddressError, canonical, domain_of, parse_address
from tools.mail.compose import (
    Attachment,
    AttachmentError,
    ComposeError,
    Draft,
    Rendered,
    compose,
    reply_subject,
    valid_message_id,
)
from tools.mail.parse import parse
from tools.mail.references import reference_ids
from tools.timing import Timing, timing_of, wait_of

_BETWEEN = re.compile(r"[,;]")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A mail ready for the gate: the draft, its rendering, and the message it answers."""

    message_id: str
    draft: Draft
    rendered: Rendered
    attachments: str
    """JSON, as in the `attachments` column: what lies in the rendered bytes."""
    parent: Message | None
    timing: Timing
    category: str = "transactional"
    fingerprint: str = ""
    """What tells it from another. Empty where the same may come twice: a program that speaks SMTP means both."""
    expects: int = 0
    """An answer within so many microseconds after it leaves; 0 is none."""
    by_smtp: bool = False
    """Whoever handed it in learns by mail what failed."""


def prepare(
    context: Context,
    mailbox: Mailbox,
    outgoing: Outgoing,
    *,
    to: Sequence[str],
    subject: str,
    parent: Message | None = None,
) -> Prepared:
    """Check and render a new mail. Raises Refusal with the field that is wrong."""
    message_id = context.new_id("msg")
    timing = timing_of(outgoing.send_at, outgoing.gate_timing, context.now())
    draft = Draft(
        sender=Address(mailbox.address, mailbox.display_name),
        to=addresses("to", to),
        cc=addresses("cc", outgoing.cc),
        bcc=addresses("bcc", outgoing.bcc),
        subject=subject,
        markdown=outgoing.markdown,
        attachments=decode(outgoing.attachments, context.site.max_attachment_bytes),
        message_id=f"{message_id}@{domain_of(mailbox.address)}",
        in_reply_to=parent.rfc_message_id if parent and valid_message_id(parent.rfc_message_id) else None,
        references=references_after(parent) if parent else (),
    )
    check_recipients(draft, context.site.max_recipients)
    rendered = render(context.site, draft)
    attachments = attachments_json(draft, rendered)
    return Prepared(
        message_id=message_id,
        draft=draft,
        rendered=rendered,
        attachments=attachments,
        parent=parent,
        timing=timing,
        category=outgoing.category,
        fingerprint=fingerprint(draft, attachments),
        expects=wait_of(outgoing.expect_reply_within),
    )


def _check_words(draft: Draft) -> None:
    """Refuse words that nobody can want to send. Raises Refusal invalid_request."""
    markdown = draft.markdown
    if draft.subject.isspace():
        raise Refusal("invalid_request", "subject: it shows nothing.", field="subject")
    if not draft.attachments and not any(map(_shows, markdown)):
        raise Refusal("invalid_request", "markdown: it shows nothing.", field="markdown")
    if "\n" not in markdown and "\\n\\n" in markdown:
        reason = "markdown: its line breaks are a backslash and an n; give real ones."
        raise Refusal("invalid_request", reason, field="markdown")


def _shows(character: str) -> bool:
    return character.isprintable() and not character.isspace()


def render(site: Site, draft: Draft) -> Rendered:
    """The bytes of an agent's draft, with what the site adds.

    Raises Refusal invalid_request, invalid_header, invalid_attachment.
    """
    _check_words(draft)
    try:
        return compose(_marked(site, draft))
    except AttachmentError as error:
        raise Refusal("invalid_attachment", str(error)) from error
    except ComposeError as error:
        raise Refusal("invalid_header", str(error)) from error


def _marked(site: Site, draft: Draft) -> Draft:
    """With the site's header and footer. They are rendered alone: the draft stays what was written, so that an edit
    does not add them again, and the wire form that is shown and decided has them."""
    headers = (*draft.headers, ("X-AI-Generated", "true")) if site.ai_header else draft.headers
    markdown = f"{draft.markdown.rstrip()}\n\n---\n\n{site.footer}\n" if site.footer else draft.markdown
    return replace(draft, headers=headers, markdown=markdown)


def addresses(field: str, texts: Iterable[str]) -> tuple[Address, ...]:
    """Parse addresses; who is named twice in a field gets one mail. Raises Refusal invalid_address."""
    found: dict[str, Address] = {}
    for text in texts:
        try:
            address = parse_address(text)
        except AddressError as error:
            several = text.count("@") > 1 and _BETWEEN.search(text) is not None
            reason = "One string holds several addresses: make each an item of the list." if several else error
            raise Refusal("invalid_address", f"{field}: {reason}", field=field) from error
        found.setdefault(canonical(address.email), address)
    return tuple(found.values())


def decode(uploads: Sequence[Upload], limit: int) -> tuple[Attachment, ...]:
    """Decode attachments, at most `limit` bytes together. Raises Refusal."""
    # base64 is four characters for three bytes: the size is known before anything is decoded
    if sum(len(upload.content_base64) for upload in uploads) * 3 // 4 > limit + 3 * len(uploads):
        raise Refusal("attachments_too_large", limit_bytes=limit)
    decoded = []
    for upload in uploads:
        try:
            # programs break it into lines (RFC 2045 section 6.8)
            content = base64.b64decode("".join(upload.content_base64.split()), validate=True)
        except binascii.Error as error:
            raise Refusal("invalid_attachment", f"{upload.name!r}: content_base64 is not base64.") from error
        decoded.append(Attachment(upload.name, upload.content_type, content))
    if sum(len(attachment.content) for attachment in decoded) > limit:
        raise Refusal("attachments_too_large", limit_bytes=limit)
    return tuple(decoded)


def check_recipients(draft: Draft, limit: int) -> None:
    """At least one recipient, at most `limit`. Raises Refusal."""
    count = len(recipients(draft))
    if not count:
        raise Refusal("missing_recipient")
    if count > limit:
        raise Refusal("too_many_recipients", f"It has {count}.", limit=limit)


def recipients(draft: Draft) -> tuple[str, ...]:
    """Everybody the draft addresses, each once."""
    everybody = (*draft.to, *draft.cc, *draft.bcc)
    return tuple({canonical(address.email): address.email for address in everybody}.values())


def references_after(parent: Message) -> tuple[str, ...]:
    """The References of a reply: the parent's and the parent's own id (RFC 5322 section 3.6.4).

    An id that a stranger wrote in 8-bit characters cannot go into ours, and must not stand in the way of an answer.
    """
    earlier = reference_ids(parent.reference_ids.split(), parent.in_reply_to)
    return tuple(filter(valid_message_id, dict.fromkeys((*earlier, parent.rfc_message_id))))


def subject_of_reply(parent: Message) -> str:
    return reply_subject(parent.subject)


def attachments_json(draft: Draft, rendered: Rendered) -> str:
    """The `attachments` column, read back from the bytes that will leave."""
    parts = parse(rendered.raw).attachments if draft.attachments else ()
    return described(rendered.raw, parts)


def people_json(draft: Draft) -> str:
    """The `people` column of a draft."""
    return json.dumps(
        {
            field: [{"email": address.email, "name": address.name} for address in group]
            for field, group in (("to", draft.to), ("cc", draft.cc), ("bcc", draft.bcc))
        },
        ensure_ascii=False,
    )


def draft_json(draft: Draft) -> str:
    """What a person may edit, for the `draft` column of a wire form."""
    return json.dumps(
        {
            "to": [str(address) for address in draft.to],
            "cc": [str(address) for address in draft.cc],
            "bcc": [str(address) for address in draft.bcc],
            "subject": draft.subject,
            "markdown": draft.markdown,
        },
        ensure_ascii=False,
    )
