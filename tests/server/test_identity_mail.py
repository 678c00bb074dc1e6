"""What the worker hands over: the claim inside both DKIM signatures, and a test key's mail to the sandbox alone."""

import asyncio
from email import message_from_bytes

import pytest

from policies.modes import Mode
from server.delivery.outcome import Outcome, Sent
from server.delivery.signers import Signers
from server.delivery.site_key import SiteKey
from server.delivery.worker import Worker
from server.domains import new_signing_keys, passphrase
from tests.conftest import AGENT, Clock, World, eventually
from tools.accounts import create_account, create_mailbox
from tools.context import Context
from tools.identity import create_key, principal_of
from tools.mail.identity import check
from tools.send import SendRequest, send

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


class Keeping:
    """A carrier that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def deliver(self, sender: str, recipient: str, raw: bytes) -> Outcome:
        self.mails.append(raw)
        return Sent(250, "2.0.0", "kept", "mx.example.net")

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def world(context: Context, clock: Clock) -> World:
    """A world whose domain can sign, with an autonomous mailbox."""
    account = await create_account(context, "agents.example", "boss@example.org", new_signing_keys(context))
    mailbox = await create_mailbox(context, account.id, "ada", "agents.example", mode=Mode.AUTONOMOUS)
    made = await create_key(context, account.id, "agent", AGENT, mailbox.id)
    acting = context.acting_as(await principal_of(context, made.text))
    return World(acting, context, clock, account, mailbox, made.text)


async def carried(world: World, context: Context) -> tuple[list[bytes], list[bytes]]:
    """What the route and what the sandbox got of a mail sent by `context`."""
    route, sandbox = Keeping(), Keeping()
    await send(context, SendRequest(to=["bea@example.com"], subject="Offer", markdown="Here it is."))
    signers = Signers(world.system, passphrase(world.system.secret))
    task = asyncio.create_task(Worker(world.system, route, signers, sandbox=sandbox).run())
    try:
        await eventually(lambda: route.mails or sandbox.mails)
    finally:
        task.cancel()
        await asyncio.wait([task])
    return route.mails, sandbox.mails


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
