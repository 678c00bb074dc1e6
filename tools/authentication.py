"""Verifying arrived mail before it is stored, and refusing it where its own domain and every mailbox want that."""

from collections.abc import Sequence
from typing import Literal

from policies.facts import Inbound
from policies.inbound import Fate, accept, fate_of
from policies.modes import Mode
from storage.records import Mailbox
from tools.context import Context
from tools.errors import Refusal
from tools.mail.auth.results import results_field, without_claims
from tools.mail.auth.spf import Sender
from tools.mail.auth.verdict import Authentication
from tools.mail.headers import has_mbox_line
from tools.mail.parse import Parsed

Peer = dict[str, str | bool]

DMARC_POLICIES: dict[str, Literal["accept", "quarantine", "reject"]] = {
    "accept": "accept",
    "quarantine": "quarantine",
    "reject": "reject",
}


async def verified(context: Context, peer: Peer, sender: str, raw: bytes, parsed: Parsed) -> Authentication | None:
    """The verdict on a mail with its envelope sender; None where nobody verifies, or it is of the sandbox."""
    ip = str(peer.get("ip", ""))
    authenticator = context.authenticator
    if authenticator is None or context.principal.sandbox or not authenticator.concerns(ip):
        return None
    client = Sender(ip, str(peer.get("helo", "")), sender, context.site.hostname)
    # also the envelope's sender, where it is shown, is held to what its domain asks for
    author = parsed.shown_author(sender)
    return await authenticator.authenticate(
        raw, client, author, ambiguous=parsed.sender_ambiguous, others=parsed.authors[1:]
    )


def kept_form(context: Context, raw: bytes, authentication: Authentication | None) -> bytes:
    """The mail with our Authentication-Results on top, and without those that others wrote in our name (RFC 8601)."""
    raw = without_claims(raw, context.site.hostname)
    # a line that an exporter of mailboxes left on top has to stay there to be known as such
    if authentication is None or has_mbox_line(raw):
        return raw
    return results_field(context.site.hostname, authentication.methods()) + raw


def facts_of(mailbox: Mailbox, authentication: Authentication | None) -> Inbound:
    """What the rules for arrived mail may know of it."""
    return Inbound(
        Mode(mailbox.mode),
        dmarc_disposition=authentication.dmarc.disposition if authentication else "none",
        dmarc_policy=DMARC_POLICIES[mailbox.dmarc_policy],
    )


def refuse(
    context: Context, mailboxes: Sequence[Mailbox], authentication: Authentication | None, *, may_defer: bool
) -> None:
    """Raises Refusal where no mailbox takes the mail, as one that does keeps it for all: unauthenticated_sender, or
    unknown_sender where `may_defer` and the site wants to know first (RFC 9989 leaves it to whoever gets the mail)."""
    if authentication is None or not mailboxes:
        return
    if may_defer and context.site.defer_unknown and authentication.dmarc.is_open:
        if all(mailbox.dmarc_policy != "accept" for mailbox in mailboxes):
            raise Refusal("unknown_sender")
    elif authentication.dmarc.disposition == "reject":
        fates = [fate_of(accept(facts_of(mailbox, authentication))) for mailbox in mailboxes]
        if all(fate is Fate.REJECT for fate in fates):
            raise Refusal("unauthenticated_sender")
