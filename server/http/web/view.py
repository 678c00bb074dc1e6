"""What an approval page shows: everything that would leave, read from the wire form and not from the draft."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from policies.evidence import quoted
from storage.database import Row, many, one, record
from storage.errors import Unavailable
from storage.records import Approval, Mailbox, Message, Schedule
from tools import noticed, quorum, wires
from tools.approvals import message_of
from tools.context import Context
from tools.mail.address import Address, canonical
from tools.mail.parse import Parsed, parse
from tools.mail.wire import Wire

SIGNS = 5
"""Signs of steering that are shown of one mail."""
EARLIER = 10
"""Messages of the thread that are shown."""
HEAD_BYTES = 16 * 1024
"""So much of the header fields is shown as it stands."""


@dataclass(frozen=True, slots=True)
class Line:
    """One recipient: how it is addressed, its address, and the name the mail gives it."""

    label: str
    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """What is known of who really wrote a message."""

    told: str
    """Whether they are verified, and by what."""
    cautions: tuple[str, ...] = ()
    """Signs that they pose as somebody else, each a sentence."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A message of the thread before this one, and what is known of its sender."""

    message: Message
    author: Author


@dataclass(frozen=True, slots=True)
class Shown:
    """An approval with all that a person decides on."""

    approval: Approval
    state: str
    message: Message
    mailbox: Mailbox
    why: tuple[str, ...]
    note: str
    sender: str
    """MAIL FROM of the envelope."""
    lines: tuple[Line, ...]
    parsed: Parsed
    head: str
    digest: str
    draft: dict[str, str]
    """What the edit form begins with: addresses one a line."""
    earlier: tuple[Earlier, ...]
    author: Author
    send_at: int | None
    """When it would leave, for a scheduled mail."""
    approvers: tuple[str, ...]
    """Who has approved this revision."""

    @property
    def outbound(self) -> bool:
        return self.approval.direction == "outbound"


@dataclass(frozen=True, slots=True)
class Entry:
    """An approval in a list: what it is about, and the envelope's recipients without automatic copies."""

    approval: Approval
    subject: str
    sender: str
    recipients: tuple[str, ...]
    given: int
    """How many people have approved it as it is."""


def entry(row: Row) -> Entry:
    """A row of the queries `waiting` and `decided`."""
    recipients = Wire.of(row["envelope"], b"").recipients
    addressed = tuple(each.address for each in recipients if not each.copy)
    return Entry(record(Approval, row), row["subject"], row["from_email"], addressed, row["given"])


def state_of(context: Context, approval: Approval) -> str:
    """The approval's state; one whose time is over can no longer be decided, swept up or not."""
    overdue = approval.state == "pending" and approval.expires_at <= context.now()
    return "expired" if overdue else approval.state


async def load(context: Context, approval: Approval) -> Shown:
    """All of an approval page. Raises Unavailable when the stored form is missing or damaged."""
    message = await message_of(context.db, approval)
    mailbox = await one(context.db, Mailbox, "mailbox", id=approval.mailbox_id, account_id=approval.account_id)
    assert mailbox is not None
    row = await wires.wire_row(context, context.db, message.id, approval.revision)
    wire = Wire.of(row.envelope, row.data or b"")
    if wire.digest() != row.digest:
        raise Unavailable(f"the stored form of {message.id} is damaged")
    parsed = await asyncio.to_thread(parse, wire.raw)
    schedule = await one(context.db, Schedule, "schedule", message_id=message.id)
    reasons = json.loads(approval.reasons)
    return Shown(
        approval=approval,
        state=state_of(context, approval),
        message=message,
        mailbox=mailbox,
        why=tuple(reasons["why"]),
        note=reasons["note"],
        sender=wire.sender,
        lines=recipient_lines(wire, parsed, unnamed="Bcc" if message.direction == "outbound" else "Delivered to"),
        parsed=parsed,
        head=_head(wire.raw),
        digest=row.digest,
        draft=_draft(row.draft),
        earlier=await _earlier(context, message),
        author=author_of(message),
        send_at=schedule.send_at if schedule else None,
        approvers=await quorum.approvers_of(context.db, approval),
    )


def recipient_lines(wire: Wire, parsed: Parsed, unnamed: str) -> tuple[Line, ...]:
    """Who gets the mail, by the envelope; whoever no header field names is labelled `unnamed`.

    Names in the header fields that the envelope does not have get no mail from this, and are shown as just that.
    """
    to, cc = _by_address(parsed.to), _by_address(parsed.cc)
    lines = []
    for recipient in wire.recipients:
        key = canonical(recipient.address)
        name = (to.get(key) or cc.get(key) or Address("")).name
        label = "Automatic copy" if recipient.copy else "To" if key in to else "Cc" if key in cc else unnamed
        lines.append(Line(label, recipient.address, name))
    served = {canonical(recipient.address) for recipient in wire.recipients}
    named = {**cc, **to}
    return (*lines, *(Line("Named only", each.email, each.name) for key, each in named.items() if key not in served))


def author_of(message: Message) -> Author:
    """What is known of who really wrote a message, as it was found out when it arrived."""
    if message.direction == "outbound":
        return Author("from this mailbox")
    findings = json.loads(message.findings)
    domain, checked = noticed.verified_domain(findings), noticed.verdicts(findings)
    told = f"verified to be of {domain}" if domain else "not verified"
    told += f" ({checked})" if checked else ""
    peer = " ".join(str(findings[key]) for key in ("helo", "ip") if findings.get(key))
    cautions = (*(str(caution["text"]) for caution in findings.get("warnings", ())), *_screened(message, findings))
    return Author(f"{told}; brought by {peer}" if peer else told, cautions)


def _screened(message: Message, findings: dict[str, Any]) -> Iterator[str]:
    """What screening saw in a mail: signs of steering with the words they are about, and why it counts as spam."""
    for signal in findings.get("signals", ())[:SIGNS]:
        yield f"{signal['reason']} In its {signal['field'].replace('_', ' ')}: “{quoted(signal['excerpt'])}”"
    if message.status.startswith("spam_"):
        spam = findings.get("spam", {})
        reasons = ", ".join(each["code"].replace("_", " ") for each in spam.get("reasons", ()))
        yield f"It counts as spam: score {spam.get('score')} ({reasons or 'it was reported'})."


async def _earlier(context: Context, message: Message) -> tuple[Earlier, ...]:
    found = await many(
        context.db,
        Message,
        "earlier_in_thread",
        thread_id=message.thread_id,
        mailbox_id=message.mailbox_id,
        created_at=message.created_at,
        id=message.id,
        limit=EARLIER,
    )
    return tuple(Earlier(each, author_of(each)) for each in found)


def _by_address(addresses: tuple[Address, ...]) -> dict[str, Address]:
    return {canonical(address.email): address for address in addresses}


def _head(raw: bytes) -> str:
    """The header fields as they stand in the mail."""
    return raw[:HEAD_BYTES].replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode(errors="replace")


def _draft(text: str) -> dict[str, str]:
    if not text:
        return {}
    fields = json.loads(text)
    people = {name: "\n".join(fields[name]) for name in ("to", "cc", "bcc")}
    return people | {"subject": fields["subject"], "markdown": fields["markdown"]}
