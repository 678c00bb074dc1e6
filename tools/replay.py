"""Idempotency keys: the same request again gives the same answer and makes nothing new."""

import hashlib
from typing import Any

from storage.database import Transaction, one
from storage.records import Idempotency, MessageHead
from tools.context import Context
from tools.errors import Refusal
from tools.operation import Model


def request_hash(operation: str, request: Model) -> str:
    """What tells one request from another: the operation and all its arguments but the key."""
    body = request.model_dump_json(exclude={"idempotency_key"})
    return hashlib.sha256(f"{operation}\x1f{body}".encode()).hexdigest()


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
    """Which mail a key made, and how it stands, as far as the caller may see it."""
    principal = context.principal
    if earlier is None:
        return {}
    message = await one(
        transaction, MessageHead, "message_of_account", id=earlier.message_id, account_id=principal.account_id
    )
    if message is None or principal.mailbox_id not in (None, message.mailbox_id):
        return {}
    return {"message_id": message.id, "status": message.status}


async def forget(context: Context, transaction: Transaction, key: str | None) -> None:
    """Free a key whose request came to nothing: what is denied today may be allowed when it is asked again."""
    if key is not None:
        await transaction.run("forget_request", account_id=context.principal.account_id, key=key)
