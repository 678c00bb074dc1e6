"""The one way in: arrived mail to messages, in one transaction (DESIGN section 4)."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from policies.impersonation import Caution
from policies.inbound import Fate, accept, fate_of
from policies.spam import Judgement
from storage.database import Transaction
from storage.records import BEGINNING, Mailbox, Message
from tools import approvals, events, expected, forwarding, messages, returned, wires
from tools.acquaintance import named_by, note_arrival, note_mentions
from tools.addressee import Addressee, addressee
from tools.authentication import facts_of, kept_form, refuse, verified
from tools.caution import cautions_about
from tools.context import Context
from tools.findings import findings_of, telling
from tools.mail.address import Address, reaches
from tools.mail.auth.verdict import Authentication
from tools.mail.invisible import cleaned
from tools.mail.machine import without_sender
from tools.mail.parse import Parsed, parse
from tools.mail.references import reference_ids
from tools.mail.reports import Report, read_report
from tools.mail.wire import Recipient, Wire
from tools.scanner import Envelope
from tools.screening import Screened, judged, screened, spam_findings, with_spam
from tools.threads import Joined, join
from tools.wires import Sealed, sealed

SMALL = 32 * 1024
"""Up to this many bytes a mail is parsed on the event loop; larger ones in a thread."""


STATUS = {
    Fate.DELIVER: "unread",
    Fate.FLAG: "spam_flagged",
    Fate.HOLD: "pending_inbound_approval",
    Fate.QUARANTINE: "spam_quarantined",
    # whoever accepted it before anybody asked keeps it, out of the agent's sight
    Fate.REJECT: "spam_quarantined",
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail as the listener took it: envelope, bytes, and who brought it."""

    sender: str
    """MAIL FROM; empty for the null sender."""
    recipients: tuple[str, ...]
    raw: bytes
    peer: dict[str, str | bool] = field(default_factory=dict)
    """The listener's findings: `ip`, `helo`, `tls`."""
    id: str = ""
    """Whoever brings a mail again says the same; empty where nobody does."""
    accepted: bool = False
    """A service that the domain named brings it: its sender was told already that it is taken."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A mail after it was looked at, once for all who get it."""

    arrival: Arrival
    parsed: Parsed
    authentication: Authentication | None
    cautions: Mapping[str, Sequence[Caution]]
    """By mailbox: what one that knows the sender sees differently."""
    seen: Screened
    forms: Mapping[str, Sealed]
    """By mailbox: the mail as it is stored."""
    findings: Mapping[str, Any]
    """What was found out about it, but for what differs between mailboxes."""
    letter: Message
    """The message it becomes, but for the same."""
    named: Sequence[str]
    """Whom it speaks of."""

    @property
    def believed(self) -> bool:
        """Whether nothing says that the author is another than it seems."""
        failed = self.authentication is not None and self.authentication.dmarc.result == "fail"
        return not failed and not self.parsed.sender_ambiguous


def envelope_of(arrival: Arrival) -> Envelope:
    """What a scanner is told beside the mail."""
    ip, helo = (str(arrival.peer.get(name, "")) for name in ("ip", "helo"))
    return Envelope(arrival.sender, arrival.recipients, ip, helo)


async def expects(context: Context, address: str) -> bool:
    """Whether mail for this address is ours: a mailbox, the envelope sender of one of our deliveries, or a domain's
    address for feedback reports."""
    if returned.bounced_delivery(context, address) is not None or forwarding.returns(context, address):
        return True
    if await addressee(context.db, address) is not None:
        return True
    return await returned.feedback_domain(context.db, address) is not None


async def receive(context: Context, arrival: Arrival) -> tuple[str, ...] | None:
    """Store a mail for each mailbox it is for; when this returns, it is durable. The ids of the messages it became, or
    None for one that was stored before.

    Raises Unavailable, and Refusal: unauthenticated_sender where nobody takes a mail that fails DMARC, unknown_sender
    where nobody does before that is known, mailbox_not_found where only bounces are taken.
    """
    forwarding.refuse(context, arrival.sender, arrival.recipients)
    small = len(arrival.raw) <= SMALL
    parsed = parse(arrival.raw) if small else await asyncio.to_thread(parse, arrival.raw)
    back = [address for address in arrival.recipients if returned.concerns(context, address)]
    report = await asyncio.to_thread(read_report, arrival.raw) if back else Report("message")
    authentication = await verified(context, arrival.peer, arrival.sender, arrival.raw, parsed)
    addressees = await _addressees(context, arrival.recipients)
    mailboxes = [each.mailbox for each in addressees]
    if not back:
        refuse(context, mailboxes, authentication, may_defer=not arrival.accepted)
    sender = parsed.shown_author(arrival.sender)
    cautions = {
        mailbox.id: await cautions_about(context.db, mailbox, sender, parsed, authentication) for mailbox in mailboxes
    }
    seen = await screened(context, arrival.raw, envelope_of(arrival), parsed, authentication)
    kept = kept_form(context, arrival.raw, authentication)
    blob = await wires.store_large(context, kept)
    forms = {each.id: await sealed(Wire(arrival.sender, (Recipient(each.address),), kept), blob) for each in mailboxes}
    findings = _findings(arrival, parsed, authentication, seen)
    letter = _letter(context, arrival, parsed, sender, findings)
    looked = Looked(arrival, parsed, authentication, cautions, seen, forms, findings, letter, named_by(letter))

    async def work(transaction: Transaction) -> tuple[str, ...] | None:
        if addressees and not await _is_new(transaction, context.now(), addressees[0], arrival):
            return None
        for address in back:
            await returned.look(context, transaction, address, report, arrival.raw)
        for address in filter(partial(forwarding.returns, context), arrival.recipients):
            wire = Wire(arrival.sender, (Recipient(address),), kept)
            await forwarding.give_back(context, transaction, address, wire, blob)
        return tuple([await _deliver(context, transaction, each, looked) for each in addressees])

    return await context.db.write(work)


async def _is_new(transaction: Transaction, now: int, who: Addressee, arrival: Arrival) -> bool:
    """Whether the mail did not come before, by its id; it is remembered for a day."""
    return not arrival.id or bool(
        await transaction.run(
            "remember_request",
            account_id=who.mailbox.account_id,
            key=f"inbound {arrival.id}",
            request_hash="",
            message_id="",
            created_at=now,
        )
    )


async def _addressees(context: Context, addresses: Sequence[str]) -> list[Addressee]:
    """Who gets the mail, each mailbox once."""
    found: dict[str, Addressee] = {}
    for address in addresses:
        ours = returned.is_ours_alone(context, address) or forwarding.returns(context, address)
        who = None if ours else await addressee(context.db, address)
        if who is not None:
            found.setdefault(who.mailbox.id, who)
    return list(found.values())


async def _deliver(context: Context, transaction: Transaction, who: Addressee, looked: Looked) -> str:
    """The id of the message."""
    mailbox = who.mailbox
    joined = await join(context, transaction, mailbox, looked.parsed, believed=looked.believed)
    judgement = await judged(transaction, mailbox.id, joined.answered_thread, looked.letter.from_email, looked.seen)
    ruling = accept(with_spam(context, facts_of(mailbox, looked.authentication), judgement))
    fate = fate_of(ruling)
    message = _message(context, who, joined, looked, judgement, STATUS[fate])
    await messages.store(transaction, message)
    form = looked.forms[mailbox.id]
    await wires.keep(transaction, message.id, 1, form, "", message.created_at)
    if fate is Fate.HOLD:
        await approvals.hold(context, transaction, message, ruling.deciding)
    elif fate is Fate.DELIVER:
        await note_arrival(transaction, message, _others_named(looked, mailbox))
        await expected.answered(transaction, message)
        await events.about(transaction, context.now(), message, "message.received")
        await forwarding.pass_on(context, transaction, mailbox, message, form.wire, form.blob)
    else:
        # nobody is woken by it, and it makes nobody known; but what an agent may read it may also be tricked by
        if fate is Fate.FLAG:
            await note_mentions(transaction, message, _others_named(looked, mailbox))
        await events.about(transaction, context.now(), message, f"message.{message.status}")
    return message.id


def _message(
    context: Context, who: Addressee, joined: Joined, looked: Looked, judgement: Judgement, status: str
) -> Message:
    """The message in one mailbox."""
    findings = dict(looked.findings) | who.as_findings()
    if thread := joined.as_findings():
        findings["thread"] = thread
    if judgement.points:
        findings["spam"] = spam_findings(judgement)
    if cautions := looked.cautions.get(who.mailbox.id):
        findings["warnings"] = [asdict(caution) for caution in cautions]
    return replace(
        looked.letter,
        id=context.new_id("msg"),
        account_id=who.mailbox.account_id,
        mailbox_id=who.mailbox.id,
        thread_id=joined.thread_id,
        status=status,
        findings=json.dumps(findings, ensure_ascii=False),
        created_at=context.now(),
    )


def _others_named(looked: Looked, mailbox: Mailbox) -> list[str]:
    """Without the mailbox itself, which nearly every mail names."""
    return [address for address in looked.named if not reaches(mailbox.address, address)]


def _letter(
    context: Context, arrival: Arrival, parsed: Parsed, sender: Address, findings: Mapping[str, Any]
) -> Message:
    """What is the same of the message in every mailbox."""
    return Message(
        id="",
        account_id="",
        mailbox_id="",
        thread_id="",
        direction="inbound",
        status="",
        revision=1,
        rfc_message_id=parsed.message_id,
        in_reply_to=parsed.in_reply_to,
        reference_ids=" ".join(reference_ids(parsed.references, parsed.in_reply_to)),
        from_email=sender.email,
        from_name=cleaned(sender.name)[0],
        people=_people(parsed),
        subject=parsed.subject,
        markdown="",
        body_text=parsed.text,
        body_html=parsed.html,
        new_text=parsed.new_text,
        beginning=parsed.new_text[:BEGINNING],
        quoted=parsed.quoted,
        attachments=json.dumps([asdict(part) for part in parsed.attachments], ensure_ascii=False),
        findings=json.dumps(findings, ensure_ascii=False),
        size=len(arrival.raw),
        created_at=0,
        sandbox=int(context.principal.sandbox),
    )


def _findings(
    arrival: Arrival, parsed: Parsed, authentication: Authentication | None, seen: Screened
) -> dict[str, Any]:
    """What was found out about the mail whoever gets it, a key for each topic."""
    machine = parsed.machine if arrival.sender else without_sender(parsed.machine)
    findings = arrival.peer | telling(findings_of(parsed, machine, seen))
    return findings if authentication is None else findings | {"auth": authentication.as_findings()}


def _people(parsed: Parsed) -> str:
    groups = (("to", parsed.to), ("cc", parsed.cc), ("bcc", ()), ("reply_to", parsed.reply_to))
    return json.dumps(
        {name: [{"email": each.email, "name": cleaned(each.name)[0]} for each in group] for name, group in groups},
        ensure_ascii=False,
    )
