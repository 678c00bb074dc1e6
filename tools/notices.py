"""Mail of the system to a person it knows, on its own path: what it says is rendered when it leaves."""

import json

from storage.database import Transaction, many, one
from storage.records import Approval, Domain, Forwarding, Mailbox, Message, Notice, Upgrade
from tools import failures
from tools.approvals import link_token, message_of
from tools.context import HOUR, MINUTE, Context
from tools.forwarding_consent import LIFE, confirmation_url, status_of
from tools.letter import Letter
from tools.mail.address import Address, canonical
from tools.mail.compose import Draft, compose
from tools.signin import sign_in_url
from tools.views import time_text

LEASE = 10 * MINUTE
RETRY = 5 * MINUTE
GIVE_UP = 48 * HOUR
MAX_SHOWN = 50
"""Recipients named in a notice; the page shows them all."""

QUORUM = "It is risky, so two overseers must approve it, each by a link of their own; one rejection is enough.\n\n"


async def claim(context: Context, limit: int) -> list[Notice]:
    """Take up to `limit` due notices."""
    now = context.now()

    async def work(transaction: Transaction) -> list[Notice]:
        return await many(transaction, Notice, "claim_notices", now=now, lease_until=now + LEASE, limit=limit)

    return await context.db.write(work)


async def release(context: Context, notice: Notice) -> None:
    """Hand a claimed notice back, to be claimed again at once."""

    async def work(transaction: Transaction) -> None:
        await transaction.run("release_notice", id=notice.id, lease_until=notice.lease_until)

    await context.db.write(work)


async def settle(context: Context, notice: Notice, *, sent: bool, reply: str, final: bool) -> None:
    """Write what became of a notice: sent, given up, or to be tried again."""
    now = context.now()
    over = final or now - notice.created_at > GIVE_UP
    state = "sent" if sent else "failed" if over else "queued"

    async def work(transaction: Transaction) -> None:
        await transaction.run("settle_notice", id=notice.id, state=state, due_at=now + RETRY, reply=reply)

    await context.db.write(work)


async def write(context: Context, notice: Notice) -> Letter | None:
    """Render a notice; None when there is nothing left to tell (decided, used or expired meanwhile)."""
    if notice.kind == "failure":
        return await failures.write(context, notice)
    text = await _text(context, notice)
    domains = await many(context.db, Domain, "domains", account_id=notice.account_id)
    if text is None or not domains:
        return None
    domain = domains[0].name
    subject, markdown, link = text
    draft = Draft(
        sender=Address(f"gatepost@{domain}", "Gatepost"),
        to=(Address(notice.recipient),),
        cc=(),
        bcc=(),
        subject=subject,
        markdown=markdown,
        attachments=(),
        message_id=f"{notice.id}@{domain}",
        # RFC 3834 section 5: no machine shall answer it
        headers=(("Auto-Submitted", "auto-generated"),),
    )
    sandbox = any(row["sandbox"] for row in await context.db.rows("sandbox_of_approval", id=notice.subject_id))
    return Letter(f"gatepost@{domain}", notice.recipient, domain, compose(draft).raw, link, sandbox)


async def _text(context: Context, notice: Notice) -> tuple[str, str, str] | None:
    """Subject, markdown and link of a notice."""
    if notice.kind == "approval":
        return await _approval(context, notice)
    if notice.kind == "upgrade":
        return await _upgrade(context, notice)
    if notice.kind == "forwarding":
        return await _forwarding(context, notice)
    link = sign_in_url(context, notice.subject_id)
    body = f"Somebody, presumably you, asked to sign in to Gatepost.\n\n<{link}>\n\nIt works once, for 15 minutes."
    return "Sign in to Gatepost", body, link


async def _approval(context: Context, notice: Notice) -> tuple[str, str, str] | None:
    approval = await one(context.db, Approval, "approval", id=notice.subject_id, account_id=notice.account_id)
    if approval is None or approval.state != "pending":
        return None
    message = await message_of(context.db, approval)
    mailbox = await one(context.db, Mailbox, "mailbox", id=approval.mailbox_id, account_id=notice.account_id)
    assert mailbox is not None
    token = link_token(context, approval.id, approval.revision, notice.recipient)
    link = f"{context.site.base_url}/approve/{token}"
    outbound = approval.direction == "outbound"
    what = "wants to send a mail" if outbound else "has received a mail that waits to be let in"
    # caller text, also where a reason names what it found, stands in a code block: it cannot read as ours
    why = "\n".join(f"    {_plain(reason)}" for reason in json.loads(approval.reasons)["why"])
    # in angle brackets: a token may hold what markdown takes for emphasis, and the link would be another one
    body = (
        f"The mailbox {mailbox.address} {what}.\n\n{_facts(message)}\n\nWhy it waits:\n\n{why}\n\n"
        f"{QUORUM if approval.needed > 1 else ''}Look at all of it and decide here:\n\n<{link}>\n\n"
        f"Opening the link decides nothing. It expires at {time_text(approval.expires_at)}; "
        "what nobody approves is not sent."
    )
    verb = "Approve mail from" if outbound else "Let in mail for"
    return f"{verb} {mailbox.address}?", body, link


def _facts(message: Message) -> str:
    people = json.loads(message.people)
    lines = [f"From: {message.from_email}"]
    for label, group in (("To", "to"), ("Cc", "cc"), ("Bcc", "bcc")):
        lines += [f"{label}: {person['email']}" for person in people[group][:MAX_SHOWN]]
    lines.append(f"Subject: {message.subject[:200]}")
    return "\n".join(f"    {_plain(line)}" for line in lines)


def _plain(text: str) -> str:
    """One line: what a caller wrote cannot begin a paragraph of its own."""
    return " ".join(text.split())


async def _upgrade(context: Context, notice: Notice) -> tuple[str, str, str] | None:
    upgrade = await one(context.db, Upgrade, "upgrade", id=notice.subject_id)
    if upgrade is None or upgrade.used_at is not None or upgrade.expires_at <= context.now():
        return None
    mailbox = await one(context.db, Mailbox, "mailbox", id=upgrade.mailbox_id, account_id=notice.account_id)
    assert mailbox is not None
    code = context.secret.code("upgrade code", upgrade.id)
    body = (
        f"The agent of {mailbox.address} asks for more autonomy: from **{mailbox.mode}** to **{upgrade.mode}**.\n\n"
        f"If you agree, give it this code:\n\n    {code}\n\n"
        "It works once, for 24 hours. If you do not agree, do nothing."
    )
    return f"More autonomy for {mailbox.address}?", body, ""


async def _forwarding(context: Context, notice: Notice) -> tuple[str, str, str] | None:
    forwarding = await one(context.db, Forwarding, "forwarding", mailbox_id=notice.subject_id)
    if forwarding is None or canonical(forwarding.target) != notice.recipient:
        return None
    mailbox = await one(context.db, Mailbox, "mailbox", id=forwarding.mailbox_id, account_id=notice.account_id)
    if mailbox is None or status_of(context, forwarding) != "unconfirmed":
        return None
    link = confirmation_url(context, forwarding)
    body = (
        f"All mail that arrives for\n\n    {mailbox.address}\n\nis to be passed on to you, at\n\n"
        f"    {forwarding.target}\n\nNothing is passed on unless you agree here:\n\n<{link}>\n\n"
        f"Opening the link changes nothing. It expires at {time_text(forwarding.asked_at + LIFE)}. If you agree, the "
        "same link ends it whenever you like. If you do not know what this is about, do nothing."
    )
    return f"Do you want the mail of {mailbox.address}?", body, link
