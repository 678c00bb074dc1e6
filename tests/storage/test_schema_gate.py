"""The schema as the last gate: no SQL queues a mail without an allow decision of its own, on either database."""

from dataclasses import dataclass

import pytest

from policies.modes import Mode
from storage.database import Database
from tests.conftest import World
from tools.context import MINUTE
from tools.send import SendRequest, send

DELIVERY = """
INSERT INTO delivery (id, account_id, message_id, decision_id, verdict, recipient, is_copy, state, due_at, created_at)
VALUES ('dlv_forged', '{account}', '{message}', {decision}, {verdict}, 'eve@evil.example', 0, 'queued', 0, 0);
"""
HOLD = "(SELECT id FROM decision WHERE message_id = '{held}')"
ALLOW = "(SELECT id FROM decision WHERE message_id = '{queued}')"


@dataclass(frozen=True, slots=True)
class Mails:
    """A mail that is held and one that is queued, each with one decision and the latter with one delivery."""

    account: str
    held: str
    queued: str

    def delivery(self, message: str, decision: str, verdict: str) -> str:
        """The statement that would queue a mail."""
        decision = decision.format(held=self.held, queued=self.queued)
        return DELIVERY.format(account=self.account, message=message, decision=decision, verdict=verdict)


@pytest.fixture
async def mails(world: World) -> Mails:
    held = await _send(world, "pending_send_approval")
    world.clock.at += 2 * MINUTE
    await world.in_mode(Mode.AUTONOMOUS)
    queued = await _send(world, "queued")
    return Mails(world.account.id, held, queued)


async def _send(world: World, status: str) -> str:
    result = await send(world.context, SendRequest(to=["bea@example.com"], subject="Offer", markdown="Here it is."))
    assert result.status == status
    return result.message_id


FORGERIES = {
    "with its own hold decision": (HOLD, "'allow'", "foreign key constraint"),
    "saying that hold is enough": (HOLD, "'hold'", "check constraint"),
    "saying nothing of a verdict": (HOLD, "NULL", "not.null constraint"),
    "with another mail's allow decision": (ALLOW, "'allow'", "foreign key constraint"),
    "with a decision that does not exist": ("'dec_none'", "'allow'", "foreign key constraint"),
    "with no decision": ("NULL", "'allow'", "not.null constraint"),
}


@pytest.mark.parametrize(("decision", "verdict", "refusal"), FORGERIES.values(), ids=FORGERIES)
async def test_a_held_mail_cannot_be_queued(
    world: World, mails: Mails, decision: str, verdict: str, refusal: str
) -> None:
    await _refused(world.system.db, mails.delivery(mails.held, decision, verdict), refusal)
    assert await world.system.db.rows("deliveries", message_id=mails.held) == []


CHANGES = {
    "moving a delivery to it": "UPDATE delivery SET message_id = '{held}' WHERE message_id = '{queued}';",
    "moving an allow decision to it": "UPDATE decision SET message_id = '{held}' WHERE message_id = '{queued}';",
    "taking back what a delivery stands on": "UPDATE decision SET verdict = 'deny' WHERE message_id = '{queued}';",
    "removing what a delivery stands on": "DELETE FROM decision WHERE message_id = '{queued}';",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_delivery_stays_with_its_decision(world: World, mails: Mails, change: str) -> None:
    db = world.system.db
    before = await db.rows("deliveries", message_id=mails.queued)
    await _refused(db, change.format(held=mails.held, queued=mails.queued), "foreign key constraint")
    assert await db.rows("deliveries", message_id=mails.queued) == before
    assert await db.rows("deliveries", message_id=mails.held) == []


async def _refused(db: Database, statement: str, refusal: str) -> None:
    """Run a statement that the database must not take; print its words."""
    with pytest.raises(Exception, match=f"(?i){refusal}") as refused:
        await db.script(statement)
    print(f"{type(db).__name__}: {refused.value}")


async def test_the_statement_itself_is_good(world: World, mails: Mails) -> None:
    """With the mail's own allow decision the same INSERT is taken, so what is refused above is the forgery."""
    await world.system.db.script(mails.delivery(mails.queued, ALLOW, "'allow'"))
    assert len(await world.system.db.rows("deliveries", message_id=mails.queued)) == 2
