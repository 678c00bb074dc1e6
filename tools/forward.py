"""`forward`: a message of the mailbox passed on with a note, through the same gate as any other mail."""

import asyncio
import base64
import json
import re
from functools import partial
from typing import Any

from pydantic import Field

from storage.records import Message
from tools import wires
from tools.access import mailbox_of, message_of
from tools.context import Context
from tools.errors import Refusal
from tools.fields import MAX_MARKDOWN, MAX_SUBJECT, MessageId, Outgoing, Recipients, SubmissionResult, Upload
from tools.mail.compose import VALUE_LIMIT, forward_subject
from tools.mail.parse import attachment_bytes
from tools.operation import Operation
from tools.submission import hand_in
from tools.views import time_text

MOST_TEXT = 100_000
"""So much of the text is repeated, in characters; all of it is in the original as an attachment."""
ORIGINAL = "message/rfc822"

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_LINE = 72


class ForwardRequest(Outgoing):
    """A message to pass on."""

    message_id: MessageId = Field(description="The message to forward (msg_…), from check_inbox or list_thread.")
    to: Recipients
    markdown: str = Field(
        default="", description="Your own note above it, in markdown; may be empty.", max_length=MAX_MARKDOWN
    )
    subject: str | None = Field(
        default=None, description="Another subject than 'Fwd: …'.", min_length=1, max_length=MAX_SUBJECT
    )
    as_attachment: bool = Field(
        default=False,
        description="Attach the original mail whole, with its headers, in place of repeating its text and files.",
    )
    include_attachments: bool = Field(default=True, description="Pass its files on, when its text is repeated.")


async def forward(context: Context, request: ForwardRequest) -> SubmissionResult:
    """Hand in a new mail with what the message says, and its files. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    message = await message_of(context.db, mailbox, request.message_id)
    whole = request.as_attachment
    files = await _files(context, message, request) if whole or request.include_attachments else []
    body = request.markdown if whole else f"{request.markdown}\n\n{_repeated(message)}".lstrip()
    outgoing = request.model_copy(
        update={"markdown": body or "The mail is attached.", "attachments": [*request.attachments, *files]}
    )
    subject = request.subject or forward_subject(message.subject)
    return await hand_in(context, "forward", mailbox, outgoing, to=request.to, subject=subject)


async def _files(context: Context, message: Message, request: ForwardRequest) -> list[Upload]:
    """The original, or its files. Raises Refusal attachments_too_large."""
    parts = json.loads(message.attachments)
    if not request.as_attachment and not parts:
        return []
    limit = context.site.max_attachment_bytes
    if (message.size if request.as_attachment else sum(part["size"] for part in parts)) > limit:
        raise Refusal("attachments_too_large", "Those of the message count too.", limit_bytes=limit)
    raw = await wires.raw_of(context, message.id, message.revision)
    if request.as_attachment:
        return [_upload(_file_name(message.subject), ORIGINAL, raw)]
    return await asyncio.to_thread(partial(_uploads, parts, raw))


def _uploads(parts: list[dict[str, Any]], raw: bytes) -> list[Upload]:
    return [
        _upload(part["name"] or "file", part["content_type"], attachment_bytes(raw, part["index"]) or b"")
        for part in parts
    ]


def _upload(name: str, content_type: str, content: bytes) -> Upload:
    return Upload(name=name, content_type=content_type, content_base64=base64.b64encode(content).decode())


def _file_name(subject: str) -> str:
    """A file name of the words of a subject."""
    words = re.findall(r"\w+", subject[:VALUE_LIMIT])
    return (" ".join(words)[:_LINE].strip() or "message") + ".eml"


def _repeated(message: Message) -> str:
    """What a message says, as markdown that means nothing but its characters: what a stranger wrote sets no links."""
    people = json.loads(message.people)
    heads = (
        ("From", _person({"email": message.from_email, "name": message.from_name})),
        ("Date", time_text(message.created_at)),
        ("Subject", message.subject),
        ("To", ", ".join(map(_person, people["to"]))),
        ("Cc", ", ".join(map(_person, people["cc"]))),
    )
    lines = ["---------- Forwarded message ----------", *(f"{name}: {value}" for name, value in heads if value), ""]
    lines += message.body_text[:MOST_TEXT].splitlines()
    if len(message.body_text) > MOST_TEXT:
        lines.append("[The rest is left out.]")
    return "\n".join(_PUNCTUATION.sub(r"\\\1", line.strip()) for line in lines)


def _person(entry: dict[str, str]) -> str:
    return f"{entry['name']} <{entry['email']}>" if entry["name"] else entry["email"]


FORWARD = Operation(
    name="forward",
    title="Forward a mail",
    summary=(
        "Pass a message of the mailbox on to somebody, with its files and a note of yours, as text or whole as an "
        "attachment. Starts a new thread. The same oversight as for send applies: a held mail must not be sent again."
    ),
    request=ForwardRequest,
    result=SubmissionResult,
    run=forward,
    scope="send",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/forward/{message_id}",
    success=202,
)
