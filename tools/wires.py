"""Keeping the exact form of a mail, envelope and bytes, and getting it back."""

import asyncio
from dataclasses import dataclass, replace

from storage.blobs import INLINE
from storage.database import Reader, Transaction, columns, one
from storage.errors import Missing
from storage.records import Wire as Row
from tools.context import Context
from tools.mail.wire import Wire, digest_of


@dataclass(frozen=True, slots=True)
class Sealed:
    """A wire form ready to be written: its envelope as text, its digest, and its bytes' name if they are large."""

    wire: Wire
    envelope: str
    digest: str
    blob: str | None

    @classmethod
    def of(cls, wire: Wire, blob: str | None) -> "Sealed":
        envelope = wire.envelope()
        return cls(wire, envelope, digest_of(envelope, wire.raw), blob)


async def store_large(context: Context, raw: bytes) -> str | None:
    """Put a large mail into the blob store, before the transaction that names it; None for a small one."""
    return await context.blobs.put(raw) if len(raw) > INLINE else None


async def sealed(wire: Wire, blob: str | None) -> Sealed:
    """The form, before the transaction that writes it: to hash a large mail takes 2 ms a MB, in which nobody else could
    write."""
    return await asyncio.to_thread(Sealed.of, wire, blob) if blob else Sealed.of(wire, None)


async def keep(transaction: Transaction, message_id: str, revision: int, form: Sealed, draft: str, now: int) -> None:
    """Write one revision's wire form."""
    data = None if form.blob else form.wire.raw
    row = Row(message_id, revision, form.envelope, form.digest, data, form.blob, draft, now)
    await transaction.run("insert_wire", **columns(row))


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
