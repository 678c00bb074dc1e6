"""Who decides on an account's held mail, how many of them must approve it, and who has."""

import json
from dataclasses import dataclass

from policies.decision import Finding
from policies.outbound import decide
from policies.quorum import RISKY, approvals_missing, approvals_needed, risky
from storage.database import Reader, Transaction, many, one
from storage.records import Account, Approval, ApprovalVote, Mailbox, Message
from tools.context import Context
from tools.errors import Refusal
from tools.facts import gather


@dataclass(frozen=True, slots=True)
class Oversight:
    """The people who oversee an account, and which rules are risky to them."""

    overseers: tuple[str, ...]
    """Addresses in canonical form: the overseer, and the second one if one is named."""
    rules: frozenset[str]

    def needed(self, findings: tuple[Finding, ...]) -> int:
        """How many of them must approve a mail that these findings hold."""
        return approvals_needed(findings, len(self.overseers), self.rules)

    def risky(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Those of the findings that need a second person."""
        return risky(findings, self.rules)

    def asked(self, needed: int) -> tuple[str, ...]:
        """Whom a mail is put before when so many must approve it."""
        return self.overseers[:needed]

    def admit(self, person: str) -> None:
        """Raises Refusal not_overseer for who is none, or none any longer."""
        if person not in self.overseers:
            raise Refusal("not_overseer")


async def oversight_of(reader: Reader, account_id: str) -> Oversight:
    """The account's oversight as it is now."""
    account = await one(reader, Account, "account", id=account_id)
    assert account is not None
    overseers = (account.overseer, account.second_overseer) if account.second_overseer else (account.overseer,)
    named = account.risky_rules
    return Oversight(overseers, RISKY if named is None else frozenset(json.loads(named)))


async def approvers_of(reader: Reader, approval: Approval) -> tuple[str, ...]:
    """The overseers who approved the approval's present revision, the first of them first."""
    oversight = await oversight_of(reader, approval.account_id)
    votes = await many(reader, ApprovalVote, "votes", approval_id=approval.id, revision=approval.revision)
    return tuple(vote.reviewer for vote in votes if vote.reviewer in oversight.overseers)


async def tally(reader: Reader, approval: Approval) -> str:
    """How many have approved, of how many that must: `1 of 2`."""
    given = approval.needed if approval.state == "approved" else len(await approvers_of(reader, approval))
    return f"{given} of {approval.needed}"


async def awaited(reader: Reader, approval: Approval) -> list[str]:
    """Those who were asked and have not approved yet."""
    oversight = await oversight_of(reader, approval.account_id)
    approvers = await approvers_of(reader, approval)
    return [each for each in oversight.asked(approval.needed) if each not in approvers]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an approval stands after a vote."""

    approval: Approval
    approvers: tuple[str, ...]
    """The overseers who approved this revision."""
    missing: int
    """How many more must."""
    cast: ApprovalVote | None
    """The vote as written; None when this person had given it before."""


async def vote(context: Context, transaction: Transaction, approval: Approval, revision: int, by: str) -> Standing:
    """Count a person's approval of the revision they saw. Raises Refusal already_decided, not_overseer."""
    # locked: of two last votes at once, or a vote and an edit, the later one sees what the earlier one did
    current = await one(transaction, Approval, "lock_approval", id=approval.id, account_id=approval.account_id)
    if current is None or (current.state, current.revision) != ("pending", revision):
        raise Refusal("already_decided")
    if current.expires_at <= context.now():
        raise Refusal("already_decided")
    oversight = await oversight_of(transaction, current.account_id)
    oversight.admit(by)
    cast = await one(transaction, ApprovalVote, "insert_vote", approval_id=current.id, reviewer=by, now=context.now())
    approvers = await approvers_of(transaction, current)
    return Standing(current, approvers, approvals_missing(approvers, oversight.overseers, current.needed), cast)


async def needed_after_edit(
    context: Context, transaction: Transaction, oversight: Oversight, approval: Approval
) -> int:
    """How many must approve what was edited: more where the edit made it risky, never fewer than before."""
    if approval.needed >= len(oversight.overseers):
        return approval.needed
    message = await one(transaction, Message, "any_message", id=approval.message_id)
    mailbox = await one(transaction, Mailbox, "mailbox", id=approval.mailbox_id, account_id=approval.account_id)
    assert message is not None and mailbox is not None
    findings = decide(await gather(context, transaction, mailbox, message)).findings
    needed = oversight.needed(findings)
    if needed > approval.needed:
        reasons = json.loads(approval.reasons)
        reasons["why"] += [finding.reason for finding in oversight.risky(findings)]
        raised = json.dumps(reasons, ensure_ascii=False)
        await transaction.run("raise_quorum", id=approval.id, needed=needed, reasons=raised)
    return max(needed, approval.needed)
