"""What the worker hands over: the claim inside both DKIM signatures, and a test key's mail to the sandbox alone."""

from email import message_from_bytes

import pytest

from server.delivery.site_key import SiteKey
from server.delivery.worker import Worker
from tests.conftest import AGENT, Clock, World, eventually
from tests.fakes.signing import Recording, at_work, signers_of, signing_world
from tools.context import Context
from tools.identity import create_key, principal_of
from tools.mail.identity import check
from tools.send import SendRequest, send

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
async def world(context: Context, clock: Clock) -> World:
    """A world whose domain can sign, with an autonomous mailbox."""
    return await signing_world(context, clock)


async def carried(world: World, context: Context) -> tuple[list[bytes], list[bytes]]:
    """What the route and what the sandbox got of a mail sent by `context`."""
    route, sandbox = Recording(), Recording()
    await send(context, SendRequest(to=["bea@example.com"], subject="Offer", markdown="Here it is."))
    async with at_work(Worker(world.system, route, signers_of(world.system), sandbox=sandbox).run()):
        await eventually(lambda: route.carried or sandbox.carried)
    left, stayed = ([raw for _, _, raw in each.carried] for each in (route, sandbox))
    return left, stayed


async def test_the_claim_leaves_inside_each_signature(world: World) -> None:
    (raw,), _ = await carried(world, world.context)
    key = SiteKey(world.system.secret)
    checked = check(raw, {key.id: key.verify})
    assert checked.verified and checked.claim is not None
    assert (checked.claim.mode, checked.claim.approval) == ("autonomous", "none")
    signatures = message_from_bytes(raw).get_all("DKIM-Signature", [])
    assert len(signatures) == 2
    for signature in signatures:
        signed = "".join(signature.split()).partition(";h=")[2].partition(";")[0].split(":")
        assert {"gatepost-identity", "feedback-id", "x-ai-generated"} <= set(signed)


async def test_the_mail_of_a_test_key_goes_to_the_sandbox_alone(world: World) -> None:
    made = await create_key(world.system, world.account.id, "rehearsal", AGENT, world.mailbox.id, sandbox=True)
    principal = await principal_of(world.system, made.text)
    route, sandbox = await carried(world, world.system.acting_as(principal))
    assert (len(route), len(sandbox)) == (0, 1)
