"""Signs that a mail's author poses as somebody else, looked for when it arrives: later its sender is known."""

from policies.impersonation import Author, Caution, cautions
from storage.database import Reader
from storage.records import Mailbox
from tools.acquaintance import acquaintance
from tools.mail.address import Address
from tools.mail.auth.verdict import Authentication
from tools.mail.parse import Parsed


async def cautions_about(
    reader: Reader, mailbox: Mailbox, sender: Address, parsed: Parsed, authentication: Authentication | None
) -> tuple[Caution, ...]:
    """What should make this mailbox's reader careful about whom the mail is shown to be from; nothing about nobody."""
    if not sender.email:
        return ()
    [known], familiar = await acquaintance(reader, mailbox, [sender.email], ())
    return cautions(
        Author(
            sender.email,
            known.domain,
            sender.name,
            reply_to=tuple(each.email for each in parsed.reply_to),
            known=known.known,
            domain_known=known.domain in familiar,
            verified=bool(authentication.verified_domain) if authentication else None,
            familiar=familiar,
        )
    )
