"""A mailbox whose mail is passed on: who set it stands for it, the gate looks, and a bounce finds back once."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from policies.decision import Verdict
from storage.database import Transaction, one
from storage.records import Forwarded, Forwarding, Mailbox, Message
from tools import events, gate, outbox, wires
from tools.context import DAY, Context
from tools.errors import Refusal
from tools.mail import srs
from tools.mail.address import canonical, domain_of
from tools.mail.wire import Recipient, Wire
from tools.outbox import FORWARD, RETURN

THE_SYSTEM = "the system"

_DELIVERED_TO = re.compile(rb"^delivered-to:[ \t]*<?([^\s<>]{1,320})", re.IGNORECASE | re.MULTILINE)


async def pass_on(
    context: Context, transaction: Transaction, mailbox: Mailbox, arrived: Message, wire: Wire, blob: str | None
) -> None:
    """Hand a mail that was let in to whom the mailbox's mail is passed on to, if to anybody."""
    forwarding = await one(transaction, Forwarding, "forwarding", mailbox_id=mailbox.id)
    if forwarding is None or forwarding.confirmed_at is None:
        return
    reason = await _reason_to_stay(transaction, mailbox, arrived, wire)
    if reason:
        await events.about(transaction, context.now(), arrived, "forward.stopped", reason=reason)
        return
    domain, today = domain_of(mailbox.address), context.now() // DAY
    sender = srs.rewritten(wire.sender, domain, _secret(context), today)
    onward = Wire(sender, (Recipient(forwarding.target),), wire.raw)
    message = _handed_on(context, arrived, FORWARD, forwarding.target)
    if not await _hand_on(context, transaction, mailbox, message, onward, blob, forwarding.set_by):
        return
    await events.about(transaction, context.now(), arrived, "message.forwarded", recipient=forwarding.target)
    if sender:
        row = {"address": canonical(sender), "message_id": message.id, "original_sender": wire.sender}
        await transaction.run("note_forwarded", **row, now=message.created_at)


def returns(context: Context, address: str) -> bool:
    """Whether an address is the envelope sender of a mail that we passed on lately."""
    return srs.is_rewritten(address) and srs.original(address, _secret(context), context.now() // DAY) is not None


def refuse(context: Context, sender: str, recipients: Sequence[str]) -> None:
    """Raises Refusal mailbox_not_found for mail to nothing but such addresses that is no bounce: they are no relay."""
    if sender and recipients and all(returns(context, address) for address in recipients):
        raise Refusal("mailbox_not_found", "Bounces alone come back to it.")


async def give_back(context: Context, transaction: Transaction, address: str, wire: Wire, blob: str | None) -> None:
    """Hand the bounce of a mail that was passed on to its sender; of anything but the first bounce an event is all."""
    found = await one(transaction, Forwarded, "forwarded", address=canonical(address))
    passed_on = await one(transaction, Message, "any_message", id=found.message_id) if found else None
    if found is None or passed_on is None:
        return
    if wire.sender or not await transaction.run("give_back", address=found.address, now=context.now()):
        await events.about(transaction, context.now(), passed_on, "forward.bounce_dropped", sender=wire.sender)
        return
    mailbox = await one(transaction, Mailbox, "mailbox", id=passed_on.mailbox_id, account_id=passed_on.account_id)
    assert mailbox is not None
    onward = Wire("", (Recipient(found.original_sender),), wire.raw)
    message = replace(
        _handed_on(context, passed_on, RETURN, found.original_sender), from_email="", from_name="", rfc_message_id=""
    )
    if await _hand_on(context, transaction, mailbox, message, onward, blob, THE_SYSTEM):
        await events.about(transaction, context.now(), passed_on, "forward.returned")


async def _hand_on(
    context: Context,
    transaction: Transaction,
    mailbox: Mailbox,
    message: Message,
    wire: Wire,
    blob: str | None,
    by: str,
) -> bool:
    """Through the gate, with whoever set the forwarding as the one who approves; False if another rule stops it."""
    ruling = await gate.ruling_on(context, transaction, mailbox, message, approver=by)
    if ruling.verdict is not Verdict.ALLOW:
        reason = " ".join(finding.reason for finding in ruling.deciding)
        await events.record(
            transaction, context.now(), mailbox.account_id, "forward.stopped", mailbox_id=mailbox.id, reason=reason
        )
        return False
    await outbox.insert(transaction, message, new_thread=False)
    form = wires.Sealed.of(wire, blob)
    await wires.keep(transaction, message.id, 1, form, "", message.created_at)
    decision = await outbox.decide_on(context, transaction, message, form.digest, ruling, approver=by)
    await outbox.queue(context, transaction, message, decision, wire, message.created_at)
    return True


def _handed_on(context: Context, message: Message, category: str, recipient: str) -> Message:
    """The mail on its way out: its bytes are those of the one that came, so nothing of it is stored twice."""
    people = {"to": [{"email": recipient, "name": ""}], "cc": [], "bcc": []}
    return replace(
        message,
        id=context.new_id("msg"),
        direction="outbound",
        status="queued",
        revision=1,
        in_reply_to="",
        people=json.dumps(people),
        body_text="",
        body_html="",
        new_text="",
        quoted="",
        attachments="[]",
        findings="{}",
        created_at=context.now(),
        category=category,
    )


async def _reason_to_stay(transaction: Transaction, mailbox: Mailbox, arrived: Message, wire: Wire) -> str:
    """Why a mail is not passed on at all; '' where nothing speaks against it."""
    if _was_here(wire.raw, mailbox.address):
        return "It was here before."
    id_ = arrived.rfc_message_id.partition("@")[0]
    # our own mail with a link or a code is for its reader alone: passed on, it would let another agree in their place
    if id_.startswith("ntc_") and any(row["kind"] != "failure" for row in await transaction.rows("notice", id=id_)):
        return "It is for the mailbox's own reader."
    return ""


def _was_here(raw: bytes, address: str) -> bool:
    """Whether the mail was passed on by this mailbox before: forwarding that goes in a circle ends here."""
    header = raw.partition(b"\r\n\r\n")[0]
    return any(canonical(found.decode("latin-1")) == address for found in _DELIVERED_TO.findall(header))


def _secret(context: Context) -> bytes:
    return context.secret.derive("sender rewriting")
