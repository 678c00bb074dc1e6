"""What attached files say, indexed behind the mail itself: to read a file takes as long as a thousand mails."""

import asyncio

from storage.database import Transaction, one
from storage.errors import Damaged, Missing
from storage.records import Message
from tools.attachment_text import attachment_text
from tools.context import Context
from tools.documents import parts_of
from tools.errors import Refusal
from tools.indexing import words_of

FILES = 10
"""Of one message so many are read."""
FILE_CHARS = 32 * 1024
"""So much of each is indexed."""


async def index_files(context: Context) -> bool:
    """Read and index the files of one message, the newest that waits for it; False where none does.

    Raises Unavailable.
    """
    message = await one(context.db, Message, "message_with_waiting_files")
    if message is None:
        return False
    texts = [await _text(context, message, part.index) for part in parts_of(message)[:FILES]]
    said = [text for text in texts if text]
    entry = await asyncio.to_thread(words_of, message, said) if said else None

    async def work(transaction: Transaction) -> None:
        now = await one(transaction, Message, "any_message", id=message.id)
        # one that was changed in the meantime waits on, with its new files
        if entry is not None and now is not None and now.revision == message.revision:
            await transaction.run(
                "index_message", message_id=message.id, revision=message.revision, files_wait=0, words=entry
            )
        else:
            await transaction.run("files_read", message_id=message.id, revision=message.revision)

    await context.db.write(work)
    return True


async def _text(context: Context, message: Message, index: int) -> str:
    try:
        return (await attachment_text(context, message, index)).text[:FILE_CHARS]
    except (Missing, Damaged, Refusal):
        # the rest of the mail can still be found
        return ""
