"""Idempotency keys: the same request again gives the same answer and makes nothing new."""

import hashlib
from typing import Any

from storage.database import Transaction, one
from storage.records import Idempotency, Mailbox, MessageHead
from tools.context import Context
from tools.errors import Refusal
from tools.operation import Model


def request_hash(operation: str, request: Model) -> str:
    """What tells one request from another: the operation and all its arguments but the key and the key's mailbox."""
    body = request.model_dump_json(exclude={"idempotency_key", "mailbox_id"})
    return hashlib.sha256(f"{operation}\x1f{body}".encode()).hexdigest()


def key_of(mailbox: Mailbox, key: str | None) -> str | None:
    """A key as it is kept: agents of two mailboxes may choose the same."""
    return None if key is None else f"{mailbox.id} {key}"


async def recall(
    context: Context, transaction: Transaction, key: str | None, hash_: str, message_id: str
) -> str | None:
    """Remember a request under its key; the message an earlier one made, if there was one.

    Raises Refusal idempotency_conflict when the key was used for something else.
    """
    if key is None:
        return None
    account_id = context.principal.account_id
    new = await transaction.run(
        "remember_request",
        account_id=account_id,
        key=key,
        request_hash=hash_,
        message_id=message_id,
        created_at=context.now(),
    )
    if new:
        return None
    earlier = await one(transaction, Idempotency, "remembered_request", account_id=account_id, key=key)
    if earlier is None or earlier.request_hash != hash_:
        raise Refusal("idempotency_conflict", **await _made(context, transaction, earlier))
    return earlier.message_id


async def _made(context: Context, transaction: Transaction, earlier: Idempotency | None) -> dict[str, Any]:
    """Which mail a key made, and how it stands."""
    if earlier is None:
        return {}
    of = {"id": earlier.message_id, "account_id": context.principal.account_id}
    message = await one(transaction, MessageHead, "message_of_account", **of)
    return {"message_id": message.id, "status": message.status} if message is not None else {}


async def forget(context: Context, transaction: Transaction, key: str | None) -> None:
    """Free a key whose request came to nothing: what is denied today may be allowed when it is asked again."""
    if key is not None:
        await transaction.run("forget_request", account_id=context.principal.account_id, key=key)
