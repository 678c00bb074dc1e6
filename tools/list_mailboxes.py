"""`list_mailboxes`: which address a key reads and writes through, and what becomes of mail there."""

from typing import Literal

from pydantic import BaseModel, Field

from policies.modes import Mode
from storage.database import many
from storage.records import Mailbox
from tools.access import mailbox_of
from tools.context import Context
from tools.fields import Limit, Next
from tools.operation import Model, Operation
from tools.paging import NextCursor, cursor_after, paged, position

ModeName = Literal["read_only", "gated_all", "gated_send", "monitored", "autonomous"]
_NEXT = {
    Mode.READ_ONLY: "You may read; to send something, ask with request_approval.",
    Mode.GATED_ALL: "A person decides on what arrives and on what you send.",
    Mode.GATED_SEND: "A person decides on what you send, unless all of its recipients are on the allowlist.",
    Mode.MONITORED: "What you send leaves at once; the overseer gets a copy.",
    Mode.AUTONOMOUS: "What you send leaves at once.",
}


class MailboxesRequest(Model):
    """Which page."""

    limit: Limit = 20
    cursor: str | None = Field(default=None, description="next_cursor of the page before.", max_length=200)


class MailboxInfo(BaseModel):
    """A mailbox."""

    mailbox_id: str = Field(description="Pass it as mailbox_id where there are several.")
    address: str = Field(description="The e-mail address that others write to.")
    name: str = Field(description="The name that others see as the sender's; '' where none is set.")
    mode: ModeName = Field(description="The oversight mode.")
    next: Next


class MailboxPage(BaseModel):
    """The key's mailboxes, the newest first."""

    mailboxes: list[MailboxInfo]
    next_cursor: NextCursor


async def list_mailboxes(context: Context, request: MailboxesRequest) -> MailboxPage:
    """The mailbox that the key is bound to, or all of its account. Raises Refusal."""
    if context.principal.mailbox_id is not None:
        return MailboxPage(mailboxes=[_info(await mailbox_of(context, None))], next_cursor=None)
    before_at, before_id = position(request.cursor)
    found = await many(
        context.db,
        Mailbox,
        "mailbox_page",
        account_id=context.principal.account_id,
        before_at=before_at,
        before_id=before_id,
        limit=request.limit + 1,
    )
    page, next_cursor = paged(found, request.limit, cursor_after)
    return MailboxPage(mailboxes=[_info(mailbox) for mailbox in page], next_cursor=next_cursor)


def _info(mailbox: Mailbox) -> MailboxInfo:
    mode = Mode(mailbox.mode)
    return MailboxInfo(
        mailbox_id=mailbox.id,
        address=mailbox.address,
        name=mailbox.display_name,
        mode=mode.value,
        next=_NEXT[mode],
    )


LIST_MAILBOXES = Operation(
    name="list_mailboxes",
    title="Show your mailboxes",
    summary="Tell which e-mail address is yours, and whether a person decides on what you send from it.",
    request=MailboxesRequest,
    result=MailboxPage,
    run=list_mailboxes,
    scope="read",
    method="GET",
    path="/v1/mailboxes",
    read_only=True,
    idempotent=True,
    open_world=False,
)
