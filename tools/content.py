"""What a mail on its way out says, as the rules look at it; and what tells it from another."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from policies.facts import Content, File, Link
from storage.database import Reader
from storage.records import Message
from tools.context import MINUTE
from tools.mail.address import canonical
from tools.mail.compose import Draft
from tools.mail.links import links
from tools.mail.parse import PartInfo, attachment_heads

HEAD_BYTES = 48
"""So much of an attachment tells what it is; the label of a private key fits."""


def described(raw: bytes, parts: Sequence[PartInfo]) -> str:
    """The `attachments` column of a mail on its way out: what `parse` found, with each one's first bytes in hex."""
    if not parts:
        return "[]"
    heads = attachment_heads(raw, HEAD_BYTES)
    return json.dumps([asdict(part) | {"head": heads[part.index].hex()} for part in parts], ensure_ascii=False)


def content_of(message: Message) -> Content | None:
    """The content of an outbound message; None, which holds it, when the first bytes of a file were not kept."""
    parts = json.loads(message.attachments)
    if any("head" not in part for part in parts):
        return None
    return Content(
        subject=message.subject,
        text=message.body_text,
        links=tuple(Link(shown, target) for shown, target in links(message.body_html)),
        files=tuple(File(part["name"], part["content_type"], bytes.fromhex(part["head"])) for part in parts),
    )


def fingerprint(draft: Draft, attachments: str) -> str:
    """The same for two mails that say the same to the same people, whatever their ids."""
    everybody = {canonical(address.email) for address in (*draft.to, *draft.cc, *draft.bcc)}
    files = [part["sha256"] for part in json.loads(attachments)]
    said = json.dumps([sorted(everybody), draft.subject, draft.markdown, files])
    return hashlib.sha256(said.encode()).hexdigest()


async def repeated(reader: Reader, message: Message) -> str:
    """The same mail that the mailbox handed in in the minute before, if it was not refused or withdrawn; or ''."""
    if not message.fingerprint:
        return ""
    rows = await reader.rows(
        "handed_in_since",
        mailbox_id=message.mailbox_id,
        fingerprint=message.fingerprint,
        id=message.id,
        since=message.created_at - MINUTE,
        until=message.created_at,
    )
    return rows[0]["id"] if rows else ""
