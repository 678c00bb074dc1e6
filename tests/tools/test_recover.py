"""After a crash: what a dead process had claimed is due again, and the log says that it may arrive twice."""

import json

from policies.modes import Mode
from tests.conftest import World
from tools import deliver
from tools.send import SendRequest, send


async def test_what_was_interrupted_is_due_again_and_says_so(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    sent = await send(world.context, SendRequest(to=["a@example.com", "b@example.net"], subject="Hi", markdown="x"))
    (claimed,) = await deliver.claim(world.system, "dead", 1)
    await deliver.recover(world.system)
    again = await deliver.claim(world.system, "alive", 10)
    assert claimed.id in {delivery.id for delivery in again} and len(again) == 2
    rows = await world.system.db.rows("events", account_id=world.account.id, after=0, limit=99)
    (event,) = [row for row in rows if row["type"] == "delivery.interrupted"]
    assert event["message_id"] == sent.message_id
    assert json.loads(event["data"]) == {"delivery_id": claimed.id, "may_arrive_twice": True}
