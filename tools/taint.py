"""Which received mails are not to be trusted, what they carry, and which of them a mail on its way out goes back to."""

import json
import re
from collections.abc import Iterator
from typing import Any

from policies.facts import Source
from storage.database import Reader, many
from storage.records import Message, MessageHead
from tools.context import DAY
from tools.mail.address import canonical
from tools.mail.links import links
from tools.mail.signals import STRONG
from tools.mail.targets import host_of

MOST_ANSWERED = 20
"""Mails of a thread that are looked at: the newest."""
REMEMBERED = 30 * DAY
"""So long after a mail what it carried is known as its own."""
MOST_CARRIED = 200
"""Links and files noted of one mail, and looked for in one."""
_URL = re.compile(r"https?://[^\s<>\"')\]]{4,500}", re.IGNORECASE)
_CODES = {
    "ambiguous_sender": "its sender is ambiguous",
    "dmarc_failed": "it failed DMARC",
    "signals": "its text has signs of wanting to steer its reader",
    "spam": "it was marked as spam",
}


def distrust(message: MessageHead) -> tuple[str, ...]:
    """Why a received mail is not to be trusted, in words; empty where nothing speaks against it."""
    return tuple(_CODES[code] for code in _against(message, json.loads(message.findings)))


def carried_by(message: Message) -> tuple[str, ...]:
    """What could be taken from a mail: whom it is from and wants answers for, its links, the digests of its files."""
    people = json.loads(message.people)
    addresses = (message.from_email, *(each["email"] for each in people.get("reply_to", ())))
    named = dict.fromkeys(canonical(address) for address in addresses if address)
    things = (*_links(message), *(f"sha256:{part['sha256']}" for part in json.loads(message.attachments)))
    return (*named, *dict.fromkeys(things[:MOST_CARRIED]))


async def sources(reader: Reader, message: Message, *, new_thread: bool) -> tuple[Source, ...]:
    """The untrusted mails that a mail on its way out answers, or copies from."""
    answered = () if new_thread else await _answered(reader, message)
    return (*answered, *await _copied(reader, message))


async def _answered(reader: Reader, message: Message) -> tuple[Source, ...]:
    of = {"thread_id": message.thread_id, "id": message.id}
    received = await many(reader, MessageHead, "unanswered", **of, limit=MOST_ANSWERED)
    return tuple(Source(each.id, why) for each in received if (why := distrust(each)))


async def _copied(reader: Reader, message: Message) -> tuple[Source, ...]:
    named = {link: host_of(link) or "a link" for link in _links(message)}
    named |= {f"sha256:{part['sha256']}": "a file" for part in json.loads(message.attachments)}
    since = message.created_at - REMEMBERED
    found: dict[str, Source] = {}
    for what, shown in list(named.items())[:MOST_CARRIED]:
        for origin in await many(
            reader, MessageHead, "introduced_by", mailbox_id=message.mailbox_id, what=what, since=since
        ):
            before = found[origin.id].copied if origin.id in found else ()
            found[origin.id] = Source(origin.id, distrust(origin), (*before, shown))
    return tuple(found.values())


def _against(message: MessageHead, findings: dict[str, Any]) -> Iterator[str]:
    auth = findings.get("auth") or {}
    if findings.get("sender_ambiguous"):
        yield "ambiguous_sender"
    if (auth.get("dmarc") or {}).get("result") == "fail":
        yield "dmarc_failed"
    if any(signal["weight"] >= STRONG for signal in findings.get("signals", ())):
        yield "signals"
    if message.status.startswith("spam_"):
        yield "spam"


def _links(message: Message) -> list[str]:
    """The targets of the links in a mail's HTML, and the addresses that stand in its text."""
    text = f"{message.subject}\n{message.body_text}"
    shown = _URL.findall(text) if "://" in text else []
    targets = [target for _, target in links(message.body_html) if _URL.match(target)]
    return [url.rstrip(".,;:!?/")[:500] for url in dict.fromkeys((*targets, *shown))]
