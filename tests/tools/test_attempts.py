"""What is kept of each attempt, and where it is shown."""

from policies.modes import Mode
from tests.conftest import World
from tools import deliver
from tools.audit import life_of
from tools.context import DAY
from tools.deliver import Settlement
from tools.message_status import StatusRequest, message_status
from tools.send import SendRequest, send

GREYLISTED = Settlement("deferred", 451, "4.7.1", "Later", "GreyListed", "mx1.example.com", 0, "none")
TAKEN = Settlement("sent", 250, "2.0.0", "taken", "", "mx2.example.com", 0, "TLSv1.3 TLS_AES_256_GCM_SHA384 dane")


async def test_each_attempt_tells_of_its_line(world: World) -> None:
    """The last one's is in the status; both are in the audit."""
    await world.in_mode(Mode.AUTONOMOUS)
    request = SendRequest(to=["bob@example.com"], subject="Hi", markdown="Hello")
    message_id = (await send(world.context, request)).message_id
    asked = StatusRequest(message_id=message_id)
    (untried,) = (await message_status(world.context, asked)).deliveries
    assert (untried.attempts, untried.tls) == (0, "")
    for settlement in (GREYLISTED, TAKEN):
        (claimed,) = await deliver.claim(world.system, "worker", 10)
        assert await deliver.settle(world.system, claimed, settlement)
        (status,) = (await message_status(world.context, asked)).deliveries
        assert status.tls == settlement.tls
        world.clock.at += DAY
    tried = (await life_of(world.system, world.account.id, message_id)).tried
    assert [(each.recipient, each.attempt.number, each.attempt.host, each.attempt.tls) for each in tried] == [
        ("bob@example.com", 1, "mx1.example.com", "none"),
        ("bob@example.com", 2, "mx2.example.com", "TLSv1.3 TLS_AES_256_GCM_SHA384 dane"),
    ]
