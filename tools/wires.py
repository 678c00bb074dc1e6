"""Keeping the exact form of a mail, envelope and bytes, and getting it back."""

from dataclasses import replace

from storage.blobs import INLINE
from storage.database import Reader, Transaction, columns, one
from storage.errors import Missing
from storage.records import Wire as Row
from tools.context import Context
from tools.mail.wire import Wire, digest_of


async def store_large(context: Context, raw: bytes) -> str | None:
    """Put a large mail into the blob store, before the transaction that names it; None for a small one."""
    return await context.blobs.put(raw) if len(raw) > INLINE else None


async def keep(
    transaction: Transaction, message_id: str, revision: int, wire: Wire, blob: str | None, draft: str, now: int
) -> str:
    """Write one revision's wire form; its digest."""
    envelope = wire.envelope()
    digest = digest_of(envelope, wire.raw)
    data = None if blob else wire.raw
    row = Row(message_id, revision, envelope, digest, data, blob, draft, now)
    await transaction.run("insert_wire", **columns(row))
    return digest


async def wire_row(context: Context, reader: Reader, message_id: str, revision: int) -> Row:
    """One revision as stored, with its bytes in `data`. Raises Missing, Damaged, Unavailable."""
    row = await one(reader, Row, "wire", message_id=message_id, revision=revision)
    if row is None:
        raise Missing(f"the stored form of {message_id} is missing")
    return row if row.blob is None else replace(row, data=await context.blobs.get(row.blob))


async def raw_of(context: Context, message_id: str, revision: int) -> bytes:
    """The RFC 5322 bytes of a message. Raises Unavailable."""
    row = await wire_row(context, context.db, message_id, revision)
    return row.data or b""
