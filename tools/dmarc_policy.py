"""`set_dmarc_policy`: what becomes of mail to a mailbox that fails DMARC."""

from pydantic import BaseModel, Field

from storage.database import Transaction
from storage.records import Mailbox
from tools import events
from tools.access import mailbox_of
from tools.authentication import DMARC_POLICIES
from tools.context import Context
from tools.errors import Refusal
from tools.fields import Next
from tools.operation import MailboxId, Model, Operation


class DmarcPolicyRequest(Model):
    """The policy to put in force."""

    policy: str = Field(
        description="accept: deliver it, marked. quarantine: keep it from the agent. reject: refuse it. "
        "It is never treated worse than the domain in From asks for."
    )
    mailbox_id: MailboxId = None


class DmarcPolicyResult(BaseModel):
    """Where the mailbox stands."""

    mailbox_id: str
    policy: str = Field(description="The policy in force.")
    next: Next


async def set_policy(context: Context, mailbox: Mailbox, policy: str, by: str) -> None:
    """Put a policy in force. Whether it may is the caller's question. Raises Refusal invalid_dmarc_policy."""
    if policy not in DMARC_POLICIES:
        raise Refusal("invalid_dmarc_policy", f"Given: {policy!r}.")

    async def work(transaction: Transaction) -> None:
        await transaction.run("set_dmarc_policy", id=mailbox.id, dmarc_policy=policy)
        await events.record(
            transaction,
            context.now(),
            mailbox.account_id,
            "mailbox.dmarc_policy_changed",
            mailbox_id=mailbox.id,
            was=mailbox.dmarc_policy,
            policy=policy,
            by=by,
        )

    await context.db.write(work)


async def set_dmarc_policy(context: Context, request: DmarcPolicyRequest) -> DmarcPolicyResult:
    """Put a policy in force for a mailbox. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    await set_policy(context, mailbox, request.policy, context.principal.name)
    return DmarcPolicyResult(
        mailbox_id=mailbox.id, policy=request.policy, next="It is in force for mail that arrives from now on."
    )


SET_DMARC_POLICY = Operation(
    name="set_dmarc_policy",
    title="Set the policy for forged mail",
    summary=(
        "Say what becomes of mail to a mailbox whose From fails DMARC: accept (delivered, marked as unverified), "
        "quarantine or reject. The domain's own wish is the upper bound."
    ),
    request=DmarcPolicyRequest,
    result=DmarcPolicyResult,
    run=set_dmarc_policy,
    scope="govern",
    method="PUT",
    path="/v1/mailboxes/{mailbox_id}/dmarc-policy",
    idempotent=True,
    open_world=False,
)
