"""API keys: made once, shown once, stored as a hash; and who a key speaks for."""

import base64
from dataclasses import dataclass

from storage.database import Transaction, columns, many, one
from storage.records import ApiKey
from tools import events
from tools.context import Context, Principal, same
from tools.errors import Refusal
from tools.mail.address import canonical
from tools.quorum import oversight_of

SCOPES = ("read", "send", "admin", "oversight", "oversight_read")
_LIVE, _TEST = "gp_", "gp_test_"
_PREFIX = 16
"""Leading characters of a key that are stored in the clear: they find the row and identify the key to people."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; `text` is never seen again."""

    key: ApiKey
    text: str


async def create_key(
    context: Context,
    account_id: str,
    name: str,
    scopes: frozenset[str],
    mailbox_id: str | None = None,
    *,
    sandbox: bool = False,
    person: str = "",
) -> NewKey:
    """Make a key; what comes in with a `sandbox` key never leaves, and one that decides is the hand of one `person`.

    Raises Refusal invalid_scope, scopes_conflict, not_overseer.
    """
    _check_scopes(scopes)
    person = canonical(person)
    if person:
        (await oversight_of(context.db, account_id)).admit(person)
    text = (_TEST if sandbox else _LIVE) + base64.urlsafe_b64encode(context.random(44)).decode().rstrip("=")
    key = ApiKey(
        id=context.new_id("key"),
        account_id=account_id,
        mailbox_id=mailbox_id,
        name=name,
        prefix=text[:_PREFIX],
        hash=context.secret.hash(text),
        scopes=" ".join(sorted(scopes)),
        created_at=context.now(),
        sandbox=int(sandbox),
        person=person,
    )

    async def work(transaction: Transaction) -> None:
        await transaction.run("insert_api_key", **columns(key))
        said = {"mailbox_id": mailbox_id, "key_id": key.id, "scopes": key.scopes, "person": person}
        await events.record(transaction, context.now(), account_id, "key.created", **said)

    await context.db.write(work)
    return NewKey(key, text)


def _check_scopes(scopes: frozenset[str]) -> None:
    if not scopes or not scopes <= set(SCOPES):
        raise Refusal("invalid_scope", f"Given: {', '.join(sorted(scopes)) or 'none'}.")
    if "send" in scopes and scopes & {"oversight", "oversight_read"}:
        raise Refusal("scopes_conflict")


async def principal_of(context: Context, text: str) -> Principal:
    """Who speaks with this key. Raises Refusal invalid_key."""
    key = await one(context.db, ApiKey, "key_by_prefix", prefix=text[:_PREFIX])
    # an unknown key costs the same hash and comparison as a known one
    stored = key.hash if key is not None else context.secret.hash("")
    if not same(stored, context.secret.hash(text)) or key is None:
        raise Refusal("invalid_key")
    scopes = frozenset(key.scopes.split())
    name, sandbox = f"key {key.id}", bool(key.sandbox)
    return Principal(key.account_id, scopes, name, key.mailbox_id, sandbox=sandbox, person=key.person)


async def still_valid(context: Context, principal: Principal) -> bool:
    """Whether the key that somebody speaks with was not revoked meanwhile; whoever speaks without one stays."""
    word, _, id_ = principal.name.partition(" ")
    return word != "key" or bool(await context.db.rows("valid_key", id=id_))


async def revoke_key(context: Context, account_id: str, key_id: str) -> None:
    """Make a key worthless at once. Raises Refusal key_not_found."""

    async def work(transaction: Transaction) -> None:
        if not await transaction.run("revoke_key", id=key_id, account_id=account_id, now=context.now()):
            raise Refusal("key_not_found")
        await events.record(transaction, context.now(), account_id, "key.revoked", key_id=key_id)

    await context.db.write(work)


async def list_keys(context: Context, account_id: str) -> list[ApiKey]:
    return await many(context.db, ApiKey, "keys", account_id=account_id)
