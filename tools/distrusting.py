"""Signs of steering that are found in a mail's files behind its commit: they count as if its text had had them."""

import json
from dataclasses import replace
from typing import Any

from policies.spam import Judgement, Point, with_steering
from storage.database import Transaction
from storage.records import Message
from tools import events
from tools.acquaintance import named_by, note_mentions
from tools.context import Context
from tools.mail import limits
from tools.mail.address import canonical
from tools.mail.signals import STRONG
from tools.screening import spam_findings
from tools.taint import distrust

Findings = dict[str, Any]


async def add_signals(
    context: Context, transaction: Transaction, message: Message, signals: list[dict[str, Any]]
) -> None:
    """Write signs into a received message's findings, with what follows from a strong one. `message` is locked."""
    findings: Findings = json.loads(message.findings)
    known = findings.get("signals", [])
    new = [signal for signal in signals if signal not in known]
    if not new:
        return
    findings["signals"] = sorted([*known, *new], key=lambda signal: -int(signal["weight"]))[: limits.SIGNALS]
    status = message.status
    if any(signal["weight"] >= STRONG for signal in new):
        status = _judged_again(context, message, findings)
    marked = replace(message, findings=json.dumps(findings, ensure_ascii=False), status=status)
    await transaction.run("set_findings", id=message.id, findings=marked.findings)
    if status != message.status:
        await transaction.run("move_message", id=message.id, was=message.status, status=status)
    if distrust(marked) and not distrust(message):
        await _distrusted(transaction, marked)
    type_ = "message.signals" if status == message.status else f"message.{status}"
    await events.about(transaction, context.now(), message, type_)


def _judged_again(context: Context, message: Message, findings: Findings) -> str:
    """Count the sign in the score of our own, noted in `findings`; the status that follows.

    What a scanner scored stays so. What somebody has read, or a person let in, stays where it is.
    """
    if context.scanner is not None and not message.sandbox:
        return message.status
    spam = findings.get("spam", {"score": 0.0, "reasons": []})
    before = Judgement(spam["score"], tuple(Point(each["code"], each["points"]) for each in spam["reasons"]))
    after = with_steering(before)
    findings["spam"] = spam_findings(after)
    flag, quarantine = context.site.spam.flag, context.site.spam.quarantine
    if message.status != "unread" or (before.score or 0.0) >= flag or (after.score or 0.0) < flag:
        return message.status
    return "spam_quarantined" if (after.score or 0.0) >= quarantine else "spam_flagged"


async def _distrusted(transaction: Transaction, message: Message) -> None:
    """The mail makes its sender no longer known, and what it carried is remembered as its own."""
    if message.from_email:
        await transaction.run(
            "forget_acquaintance",
            mailbox_id=message.mailbox_id,
            address=canonical(message.from_email),
            met_at=message.created_at,
        )
    await note_mentions(transaction, message, named_by(message))
