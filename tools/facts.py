"""Gathering the facts about a mail on its way out: rows and the mail itself in, what the rules look at out."""

import json

from policies.facts import Outbound
from policies.modes import Mode
from storage.database import Reader
from storage.records import Mailbox, Message
from tools.acquaintance import acquaintance, company_of
from tools.content import content_of, repeated
from tools.context import Context
from tools.conversation import conversation
from tools.limits import allowance
from tools.mail.address import canonical, matches
from tools.region import origin_of
from tools.suppressing import suppressed_among
from tools.taint import sources


async def gather(
    context: Context,
    reader: Reader,
    mailbox: Mailbox,
    message: Message,
    *,
    requested: bool = False,
    approver: str | None = None,
    leaves_at: int | None = None,
    new_thread: bool = False,
) -> Outbound:
    """Everything the outbound rules may look at. `message` need not be stored yet; it leaves now, or at `leaves_at`.

    In a `new_thread`, one that the mail begins, there is nothing that it could answer.
    """
    addressed = addressed_by(message)
    patterns = [row["pattern"] for row in await reader.rows("allowlist", mailbox_id=mailbox.id)]
    company = frozenset() if new_thread else await company_of(reader, message)
    correspondents, familiar = await acquaintance(reader, mailbox, addressed, patterns, company)
    return Outbound(
        mode=Mode(mailbox.mode),
        recipients=addressed,
        strangers=tuple(each for each in addressed if not any(matches(pattern, each) for pattern in patterns)),
        requested=requested,
        approver=approver,
        category=message.category,
        suppressed=await suppressed_among(reader, message.account_id, addressed),
        allowance=await allowance(context, reader, mailbox, leaves_at),
        content=content_of(message),
        correspondents=correspondents,
        familiar_domains=familiar,
        repeated=await repeated(reader, message),
        trusted_category=bool(mailbox.transactional),
        origin=origin_of(context),
        conversation=await conversation(reader, message, context.now(), new_thread=new_thread),
        sources=await sources(reader, message, new_thread=new_thread),
    )


def addressed_by(message: Message) -> tuple[str, ...]:
    """Everybody a message addresses in To, Cc and Bcc, each once; automatic copies are not among them."""
    people = json.loads(message.people)
    everybody = (*people["to"], *people["cc"], *people["bcc"])
    return tuple({canonical(person["email"]): person["email"] for person in everybody}.values())
