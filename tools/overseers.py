"""Naming a second overseer, and which rules' mail needs both: for the server's operator alone (DESIGN section 11)."""

import json
from collections.abc import Iterable

from policies.outbound import RULES
from storage.database import Transaction
from storage.records import Account
from tools import events
from tools.context import Context
from tools.draft import addresses
from tools.errors import Refusal
from tools.mail.address import canonical

RULE_NAMES = tuple(str(getattr(rule, "__name__", rule)) for rule in RULES)
"""Every rule about mail on its way out, by the name its findings have."""


async def name_second_overseer(context: Context, account: Account, address: str | None, by: str) -> str:
    """Name the second overseer, or with None nobody; their address as kept. What waits already is asked as it was.

    Raises Refusal invalid_address, same_overseer, overseer_address.
    """
    kept = canonical(addresses("address", (address,))[0].email) if address else ""
    if kept == account.overseer:
        raise Refusal("same_overseer")

    async def work(transaction: Transaction) -> None:
        if kept and await transaction.rows("mailbox_by_address", address=kept):
            raise Refusal("overseer_address", address=kept)
        await transaction.run("name_second_overseer", id=account.id, second_overseer=kept)
        now, was = context.now(), account.second_overseer
        await events.record(transaction, now, account.id, "account.second_overseer", was=was, address=kept, by=by)

    await context.db.write(work)
    return kept


async def name_risky_rules(context: Context, account: Account, names: Iterable[str] | None, by: str) -> None:
    """Name the rules whose mail both overseers must approve; None is those of the program. Raises unknown_rule."""
    rules = None if names is None else sorted(set(names))
    unknown = [name for name in rules or () if name not in RULE_NAMES]
    if unknown:
        raise Refusal("unknown_rule", f"Given: {', '.join(unknown)}.")
    kept = None if rules is None else json.dumps(rules)

    async def work(transaction: Transaction) -> None:
        await transaction.run("name_risky_rules", id=account.id, risky_rules=kept)
        await events.record(transaction, context.now(), account.id, "account.risky_rules", rules=rules, by=by)

    await context.db.write(work)
