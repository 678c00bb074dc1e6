"""Tags: what an agent notes on a message for itself, as a name and perhaps a value."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from storage.database import Reader, Transaction
from tools import events
from tools.access import mailbox_of, message_of
from tools.context import Context
from tools.errors import Refusal
from tools.fields import MessageId
from tools.operation import MailboxId, Model, Operation

MOST = 32
"""Tags of one message."""
RESERVED = "gatepost."
"""Begins the names of tags that the server alone sets."""

Name = Annotated[
    str,
    Field(
        description="Small letters, digits, and . _ - between them.", max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$"
    ),
]
Value = Annotated[str, Field(max_length=256)]


def folded(wanted: str) -> str:
    """A wanted tag, as a name or as name=value, with its name as names are set: in small letters."""
    name, equals, value = wanted.partition("=")
    return f"{name.lower()}{equals}{value}"


Wanted = Annotated[
    Annotated[str, AfterValidator(folded)] | None,
    Field(description="Only messages with this tag, as a name or as name=value.", max_length=330),
]


class TagRequest(Model):
    """What to note on a message, and what to take off."""

    message_id: MessageId
    tags: dict[Name, Value] = Field(
        default={}, description="Tags to set, each with its value or ''. Others stay as they are.", max_length=MOST
    )
    remove: list[Name] = Field(default=[], description="Names of tags to take off.", max_length=MOST)
    mailbox_id: MailboxId = None


class TagsRequest(Model):
    """Whose tags to show."""

    message_id: MessageId
    mailbox_id: MailboxId = None


class UntagRequest(Model):
    """Which tag to take off."""

    message_id: MessageId
    name: Name
    mailbox_id: MailboxId = None


class Tags(BaseModel):
    """A message with all of its tags."""

    message_id: str
    tags: dict[str, str] = Field(description="Each tag's value, '' where it has none.")


async def tag(context: Context, request: TagRequest) -> Tags:
    """Set and take off tags, all or none. Raises Refusal tag_reserved, too_many_tags."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    for name in (*request.tags, *request.remove):
        if name.startswith(RESERVED):
            raise Refusal("tag_reserved", tag=name)

    async def work(transaction: Transaction) -> dict[str, str]:
        message = await message_of(transaction, mailbox, request.message_id)
        before = (await tags_of(transaction, [message.id]))[message.id]
        for name in request.remove:
            await transaction.run("take_tag_off", message_id=message.id, name=name)
        for name, value in request.tags.items():
            await transaction.run("set_tag", message_id=message.id, mailbox_id=mailbox.id, name=name, value=value)
        after = (await tags_of(transaction, [message.id]))[message.id]
        if len(after) > MOST:
            raise Refusal("too_many_tags", most=MOST)
        if after != before:
            changed = {name: value for name, value in after.items() if before.get(name) != value}
            said = {"tags": after, "set": changed, "by": context.principal.name}
            await events.about(transaction, context.now(), message, "message.tagged", **said)
        return after

    return Tags(message_id=request.message_id, tags=await context.db.write(work))


async def untag(context: Context, request: UntagRequest) -> Tags:
    """Take one tag off. Raises Refusal tag_reserved."""
    wanted = TagRequest(message_id=request.message_id, remove=[request.name], mailbox_id=request.mailbox_id)
    return await tag(context, wanted)


async def get_tags(context: Context, request: TagsRequest) -> Tags:
    """The tags of a message. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    message = await message_of(context.db, mailbox, request.message_id)
    return Tags(message_id=message.id, tags=(await tags_of(context.db, [message.id]))[message.id])


async def tags_of(reader: Reader, message_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of each of these messages, by their ids."""
    found: dict[str, dict[str, str]] = {message_id: {} for message_id in message_ids}
    for row in await reader.rows("tags_of", message_ids=json.dumps(list(message_ids))):
        found[row["message_id"]][row["name"]] = row["value"]
    return found


def named(tags: Mapping[str, str], wanted: str) -> bool:
    """Whether a wanted tag, as a name or as name=value, is among these."""
    name, equals, value = wanted.partition("=")
    return name in tags and (not equals or tags[name] == value)


TAG = Operation(
    name="tag",
    title="Tag a message",
    summary=(
        "Set tags on a message and take others off: notes for yourself, such as customer=acme or follow-up, by which "
        "search and check_inbox find it again. Answers with all its tags; with neither, it only shows them."
    ),
    request=TagRequest,
    result=Tags,
    run=tag,
    scope="send",
    method="PUT",
    path="/v1/mailboxes/{mailbox_id}/emails/{message_id}/tags",
    idempotent=True,
    open_world=False,
)

GET_TAGS = Operation(
    name="get_tags",
    title="Show a message's tags",
    summary="The tags of a message, each with its value.",
    request=TagsRequest,
    result=Tags,
    run=get_tags,
    scope="read",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/emails/{message_id}/tags",
    read_only=True,
    idempotent=True,
    open_world=False,
    mcp=False,
)

UNTAG = Operation(
    name="untag",
    title="Take a tag off",
    summary="Take one tag off a message; one that is not there is no error.",
    request=UntagRequest,
    result=Tags,
    run=untag,
    scope="send",
    method="DELETE",
    path="/v1/mailboxes/{mailbox_id}/emails/{message_id}/tags/{name}",
    idempotent=True,
    open_world=False,
    mcp=False,
)
