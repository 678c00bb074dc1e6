"""A message's attachments: how an agent names one, and its bytes."""

import asyncio
import json
import re

from storage.database import Reader
from storage.records import Mailbox, Message, MessageHead
from tools.access import message_of
from tools.context import Context
from tools.errors import Refusal
from tools.mail.parse import PartInfo, attachment_bytes
from tools.wires import raw_of

_REFERENCE = re.compile(r"att_([0-9a-z]{1,60})_(\d{1,6})\Z", re.ASCII)


def reference(message_id: str, index: int) -> str:
    """The id of an attachment: its message's 80 random bits and its place. Nothing is stored for it, and it opens
    nothing to a key that may not read the message."""
    return f"att_{message_id.removeprefix('msg_')}_{index}"


def parts_of(message: MessageHead) -> list[PartInfo]:
    """What is known of each attachment."""
    fields = PartInfo.__dataclass_fields__
    return [
        PartInfo(**{name: value for name, value in part.items() if name in fields})
        for part in json.loads(message.attachments)
    ]


async def attachment_of(reader: Reader, mailbox: Mailbox, attachment_id: str) -> tuple[Message, PartInfo]:
    """The message and the part that an id names. Raises attachment_not_found."""
    named = _REFERENCE.match(attachment_id)
    if named is None:
        raise Refusal("attachment_not_found", attachment_id=attachment_id)
    try:
        message = await message_of(reader, mailbox, f"msg_{named[1]}")
    except Refusal as refusal:
        raise Refusal("attachment_not_found", attachment_id=attachment_id) from refusal
    for part in parts_of(message):
        if part.index == int(named[2]):
            return message, part
    raise Refusal("attachment_not_found", attachment_id=attachment_id)


async def attachment_content(context: Context, message: Message, index: int) -> bytes:
    """The bytes of an attachment as its sender had them. Raises attachment_not_found, Unavailable."""
    raw = await raw_of(context, message.id, message.revision)
    content = await asyncio.to_thread(attachment_bytes, raw, index)
    if content is None:
        raise Refusal("attachment_not_found")
    return content
