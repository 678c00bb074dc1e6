"""What attached files say: read once, looked through for signs of steering, and kept beside their message."""

import asyncio
import json
import zlib
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from storage.database import Transaction, columns, one
from storage.records import AttachmentText, Message
from tools.access import hidden_from_agent
from tools.acquaintance import MOST_MENTIONED, note_named
from tools.context import Context
from tools.distrusting import add_signals
from tools.documents import attachment_content, parts_of, reference
from tools.errors import Refusal
from tools.mail import limits
from tools.mail.extract import Extracted
from tools.mail.mentions import mentioned
from tools.mail.parse import PartInfo
from tools.mail.signals import Field, Signal, find_signals

TEXT, HIDDEN = "attachment_text", "attachment_hidden"
"""The fields that signs in files name: what the file shows, and what it hides."""
_STEP = limits.SIGNAL_CHARS - 2_000
"""A file is looked through a piece at a time, and each piece repeats the end of the one before."""
_FOR_NOW = frozenset({"timed_out", "needs_documents_extra"})
"""Why a file could not be read this time, and may be the next."""


@dataclass(frozen=True, slots=True)
class FileText:
    """What a file says, as `tools.mail.extract.Extracted` tells it, and the signs of steering in it as JSON values."""

    text: str
    truncated: bool
    reason: str
    signals: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was read just now: its row, and the addresses that it names."""

    row: AttachmentText
    names: list[str]


async def attachment_text(context: Context, message: Message, index: int) -> FileText:
    """What an attachment says. Whoever asks first has it read by a worker, and the message learns what was found.

    Raises attachment_not_found, Unavailable.
    """
    part = next((part for part in parts_of(message) if part.index == index), None)
    if part is None:
        raise Refusal("attachment_not_found")
    kept = await _kept(context, message, index)
    if kept is None:
        async with context.workers.places.one(message.account_id):
            # whoever was here before may have read it
            kept = await _kept(context, message, index) or await _read(context, message, part)
    return await asyncio.to_thread(_unpacked, kept)


async def _kept(context: Context, message: Message, index: int) -> AttachmentText | None:
    return await one(
        context.db, AttachmentText, "attachment_text", message_id=message.id, revision=message.revision, place=index
    )


async def _read(context: Context, message: Message, part: PartInfo) -> AttachmentText:
    """What a file says, read now, and kept for the next who asks."""
    content = await attachment_content(context, message, part.index)
    found = await context.workers.text_of(content, part.content_type, part.name)
    read = await asyncio.to_thread(_looked_through, message, part.index, found)
    if found.reason not in _FOR_NOW:
        await context.db.write(partial(_keep, context, read))
    return read.row


def signs_in(found: Extracted) -> list[Signal]:
    """The signs of steering in a file, the heaviest of each code, by the rules for a mail's own text. Linear."""
    heaviest: dict[str, Signal] = {}
    for start in range(0, len(found.text), _STEP):
        for signal in find_signals([Field(TEXT, found.text[start : start + limits.SIGNAL_CHARS])]):
            known = heaviest.get(signal.code)
            if known is None or known.weight < signal.weight:
                heaviest[signal.code] = replace(signal, start=signal.start + start, end=signal.end + start)
    # sheets and columns are hidden for honest reasons: a light sign alone is none there, and any other is strong
    hidden = find_signals([Field(HIDDEN, found.unseen)]) and find_signals([Field(HIDDEN, found.unseen, unseen=True)])
    return sorted((*hidden, *heaviest.values()), key=lambda signal: -signal.weight)[: limits.SIGNALS]


def _looked_through(message: Message, index: int, found: Extracted) -> _Read:
    whose = {"attachment_id": reference(message.id, index)}
    signals = [asdict(signal) | whose for signal in signs_in(found)]
    row = AttachmentText(
        message_id=message.id,
        revision=message.revision,
        place=index,
        # a small file may unfold to a long text, and one that does packs as well again
        packed=zlib.compress(found.text.encode()),
        truncated=int(found.truncated),
        reason=found.reason,
        signals=json.dumps(signals, ensure_ascii=False),
    )
    return _Read(row, mentioned(found.text, MOST_MENTIONED))


async def _keep(context: Context, read: _Read, transaction: Transaction) -> None:
    """Keep a text that an agent may see. What waits for a person is read again when it was let in: only then does
    the mailbox hear of the addresses that it names."""
    message = await one(transaction, Message, "message_to_mark", id=read.row.message_id)
    if message is None or message.revision != read.row.revision:
        return
    if not hidden_from_agent(message):
        if not await transaction.run("keep_attachment_text", **columns(read.row)):
            return
        if message.direction == "inbound":
            await note_named(transaction, message, read.names)
    if message.direction == "inbound":
        await add_signals(context, transaction, message, json.loads(read.row.signals))


def _unpacked(row: AttachmentText) -> FileText:
    text = zlib.decompress(row.packed).decode()
    return FileText(text, bool(row.truncated), row.reason, json.loads(row.signals))
