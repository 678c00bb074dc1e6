"""Which mailbox, message and thread a principal may touch. What is another's answers as what does not exist."""

from storage.database import Reader, many, one
from storage.records import Mailbox, Message, Thread
from tools.context import Context
from tools.errors import Refusal


async def mailbox_of(context: Context, mailbox_id: str | None) -> Mailbox:
    """The mailbox asked for, or the only one there is. Raises mailbox_not_found, mailbox_required."""
    bound = context.principal.mailbox_id
    wanted = mailbox_id or bound
    if wanted is None:
        return await _only_mailbox(context)
    mailbox = await one(context.db, Mailbox, "mailbox", id=wanted, account_id=context.principal.account_id)
    if mailbox is None or bound not in (None, wanted):
        raise Refusal("mailbox_not_found", mailbox_id=wanted)
    return mailbox


async def message_of(reader: Reader, mailbox: Mailbox, message_id: str) -> Message:
    """A message of this mailbox that an agent may see. Raises message_not_found."""
    message = await one(reader, Message, "message", id=message_id, mailbox_id=mailbox.id)
    if message is None or hidden_from_agent(message):
        raise Refusal("message_not_found", message_id=message_id)
    return message


async def message_within(context: Context, message_id: str) -> Message | None:
    """A message of the caller's account, or of the one mailbox the caller is bound to; whatever its status."""
    principal = context.principal
    message = await one(context.db, Message, "message_of_account", id=message_id, account_id=principal.account_id)
    return message if message and principal.mailbox_id in (None, message.mailbox_id) else None


async def thread_of(reader: Reader, mailbox: Mailbox, thread_id: str) -> Thread:
    """A thread of this mailbox. Raises thread_not_found."""
    thread = await one(reader, Thread, "thread", id=thread_id, mailbox_id=mailbox.id)
    if thread is None:
        raise Refusal("thread_not_found", thread_id=thread_id)
    return thread


_UNSEEN = frozenset({"pending_inbound_approval", "spam_quarantined", "rejected", "deleted"})


def hidden_from_agent(message: Message) -> bool:
    """Mail that a person has not let in, or that is kept apart as spam, is not there for the agent."""
    return message.direction == "inbound" and message.status in _UNSEEN


async def _only_mailbox(context: Context) -> Mailbox:
    mailboxes = await many(context.db, Mailbox, "mailboxes", account_id=context.principal.account_id)
    if len(mailboxes) == 1:
        return mailboxes[0]
    if not mailboxes:
        raise Refusal("mailbox_not_found", "The account has no mailbox.")
    raise Refusal("mailbox_required", mailboxes={mailbox.id: mailbox.address for mailbox in mailboxes})
