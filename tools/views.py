"""Messages as an agent sees them: mail text only in fields that say it is untrusted."""

import json
from datetime import UTC, datetime

from storage.records import MessageHead
from tools import noticed
from tools.documents import parts_of, reference
from tools.fields import AttachmentInfo, ListedMessage, MessageSummary, Person
from tools.mail.attachments import PartInfo

PREVIEW = 160
LISTED_PEOPLE = 10
"""A mail may have a thousand recipients, and a list fifty mails."""


def moment(microseconds: int) -> datetime:
    """A time of the database as a datetime, UTC."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def time_text(microseconds: int) -> str:
    """ISO 8601, UTC, to the millisecond."""
    return moment(microseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def summary(message: MessageHead) -> MessageSummary:
    """The message in a list, with the first of its recipients."""
    people = json.loads(message.people)
    return MessageSummary(
        message_id=message.id,
        thread_id=message.thread_id,
        direction="inbound" if message.direction == "inbound" else "outbound",
        status=message.status,
        sender=Person(email=message.from_email, name_untrusted=message.from_name),
        to=persons(people["to"][:LISTED_PEOPLE]),
        subject_untrusted=message.subject,
        preview_untrusted=" ".join(message.beginning.split())[:PREVIEW],
        has_attachments=message.attachments != "[]",
        created_at=time_text(message.created_at),
    )


def listed(message: MessageHead) -> ListedMessage:
    """The summary with what was found out about the sender."""
    findings = json.loads(message.findings)
    return ListedMessage(
        **dict(summary(message)),
        verified_domain=noticed.verified_domain(findings),
        warnings=noticed.warnings(message, findings),
    )


def persons(entries: list[dict[str, str]]) -> list[Person]:
    return [Person(email=entry["email"], name_untrusted=entry["name"]) for entry in entries]


def attachment_infos(message: MessageHead) -> list[AttachmentInfo]:
    return [attachment_info(message, part) for part in parts_of(message)]


def attachment_info(message: MessageHead, part: PartInfo) -> AttachmentInfo:
    return AttachmentInfo(
        attachment_id=reference(message.id, part.index),
        name_untrusted=part.name,
        content_type_untrusted=part.content_type,
        seen_type=part.seen_type,
        size=part.size,
        sha256=part.sha256,
    )
