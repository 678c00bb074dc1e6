"""A message's attachments: how an agent names one, its bytes, and its text."""

import asyncio
import json
import re

from storage.records import Message
from tools.context import Context
from tools.mail.extract import Extracted
from tools.mail.parse import PartInfo, attachment_bytes
from tools.wires import raw_of

_REFERENCE = re.compile(r"att_([0-9a-z]{1,60})_(\d{1,6})\Z")


def reference(message_id: str, index: int) -> str:
    """The id of an attachment: its message's and its place. Nothing is stored; it opens what its message's id opens."""
    return f"att_{message_id.removeprefix('msg_')}_{index}"


def referred(attachment_id: str) -> tuple[str, int] | None:
    """Message and place that an attachment's id names; None where it is none."""
    found = _REFERENCE.match(attachment_id)
    return (f"msg_{found[1]}", int(found[2])) if found else None


def parts_of(message: Message) -> list[PartInfo]:
    """What is known of each attachment."""
    fields = PartInfo.__dataclass_fields__
    return [
        PartInfo(**{name: value for name, value in part.items() if name in fields})
        for part in json.loads(message.attachments)
    ]


async def attachment_content(context: Context, message: Message, index: int) -> bytes | None:
    """The bytes of an attachment as its sender had them; None where there is none. Raises Unavailable."""
    raw = await raw_of(context, message.id, message.revision)
    return await asyncio.to_thread(attachment_bytes, raw, index)


async def attachment_text(context: Context, message: Message, index: int) -> Extracted:
    """What an attachment says, read by a worker process. Raises Unavailable."""
    content = await attachment_content(context, message, index)
    part = next((part for part in parts_of(message) if part.index == index), None)
    if content is None or part is None:
        return Extracted("", reason="unsupported")
    return await context.workers.text_of(content, part.content_type, part.name)
