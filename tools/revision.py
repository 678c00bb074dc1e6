"""Changing a mail that has not left: a new draft, a new wire form, a new digest; the old one stays."""

import difflib
import json
from dataclasses import dataclass

from storage.database import Transaction
from storage.records import BEGINNING, Message
from storage.records import Wire as WireRow
from tools import wires
from tools.context import Context
from tools.draft import addresses, attachments_json, check_recipients, draft_json, people_json, recipients, render
from tools.mail.address import Address
from tools.mail.compose import Attachment, Draft, Rendered
from tools.mail.parse import attachment_bytes
from tools.mail.wire import Recipient, Wire


@dataclass(frozen=True, slots=True)
class Edit:
    """What may be changed of a mail: its addresses as written, its subject, its markdown."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    subject: str
    markdown: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A mail as changed, ready to be written; `blob` names its bytes when they are large."""

    number: int
    draft: Draft
    rendered: Rendered
    attachments: str
    blob: str | None
    changes: str
    """The difference to the revision before, for people."""


async def revise(context: Context, message: Message, old: WireRow, edit: Edit) -> Revision:
    """Check and render a changed mail; attachments stay. Raises Refusal with the field that is wrong."""
    draft = Draft(
        sender=Address(message.from_email, message.from_name),
        to=addresses("to", edit.to),
        cc=addresses("cc", edit.cc),
        bcc=addresses("bcc", edit.bcc),
        subject=edit.subject,
        markdown=edit.markdown,
        attachments=_attachments(message, old.data or b""),
        message_id=message.rfc_message_id,
        in_reply_to=message.in_reply_to or None,
        references=tuple(message.reference_ids.split()),
    )
    check_recipients(draft, context.site.max_recipients)
    rendered = render(context.site, draft)
    blob = await wires.store_large(context, rendered.raw)
    changes = difference(old.draft, draft_json(draft))
    return Revision(old.revision + 1, draft, rendered, attachments_json(draft, rendered), blob, changes)


async def write(
    context: Context, transaction: Transaction, message: Message, revision: Revision, copies: tuple[Recipient, ...]
) -> tuple[Wire, str]:
    """Store a revision as the message's present one; its wire form and digest."""
    draft, rendered = revision.draft, revision.rendered
    wire = Wire(message.from_email, (*map(Recipient, recipients(draft)), *copies), rendered.raw)
    form = wires.Sealed.of(wire, revision.blob)
    await wires.keep(transaction, message.id, revision.number, form, draft_json(draft), context.now())
    await transaction.run(
        "revise_message",
        id=message.id,
        revision=revision.number,
        people=people_json(draft),
        subject=draft.subject,
        attachments=revision.attachments,
        size=len(rendered.raw),
        beginning=rendered.text[:BEGINNING],
    )
    await transaction.run(
        "revise_text",
        id=message.id,
        markdown=draft.markdown,
        body_text=rendered.text,
        body_html=rendered.html,
        new_text=rendered.text,
    )
    return wire, form.digest


def difference(before: str, after: str) -> str:
    """Two drafts (as in the `draft` column) as a unified difference."""
    return "\n".join(
        difflib.unified_diff(_lines(before), _lines(after), "as the agent wrote it", "as edited", lineterm="")
    )


def _attachments(message: Message, raw: bytes) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(part["name"], part["content_type"], attachment_bytes(raw, part["index"]) or b"")
        for part in json.loads(message.attachments)
    )


def _lines(draft: str) -> list[str]:
    fields = json.loads(draft)
    heads = [f"{name}: {', '.join(fields[name])}" for name in ("to", "cc", "bcc")]
    return [*heads, f"subject: {fields['subject']}", "", *fields["markdown"].splitlines()]
