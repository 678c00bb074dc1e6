"""`usage`: the limits on sending, and how much of them is used."""

from pydantic import BaseModel, Field

from policies.windows import Window
from tools.access import mailbox_of
from tools.context import Context
from tools.limits import counted, halts
from tools.operation import MailboxId, Model, Operation
from tools.views import time_text


class UsageRequest(Model):
    """Whose usage."""

    mailbox_id: MailboxId = None


class WindowUsage(BaseModel):
    """One limit."""

    limited: str = Field(description="What is limited: mailbox, domain or account.")
    window: str = Field(description="hour, day or month, in UTC.")
    limit: int | None = Field(description="Recipients in the window; null is no limit.")
    used: int
    remaining: int | None
    stage: int | None = Field(description="The warming tier that sets the limit, from 1; null when it is none.")
    resets_at: str


class Usage(BaseModel):
    """How much may be sent now."""

    sending: str = Field(description="on, stopped, or paused for the reputation's sake.")
    reasons: list[str] = Field(description="Why sending is not on.")
    limits: list[WindowUsage]


async def usage(context: Context, request: UsageRequest) -> Usage:
    """The limits that hold for a mailbox. Raises Refusal."""
    mailbox = await mailbox_of(context, request.mailbox_id)
    found = await halts(context.db, mailbox.account_id)
    kinds = {halt.kind for halt in found}
    return Usage(
        sending="stopped" if "stopped" in kinds else "paused" if kinds else "on",
        reasons=[halt.reason for halt in found],
        limits=[_shown(window) for window in await counted(context, context.db, mailbox)],
    )


def _shown(window: Window) -> WindowUsage:
    return WindowUsage(
        limited=window.subject,
        window=window.span,
        limit=window.limit,
        used=window.used,
        remaining=window.remaining,
        stage=window.stage,
        resets_at=time_text(window.ends_at),
    )


USAGE = Operation(
    name="usage",
    title="Ask how much may be sent",
    summary=(
        "Tell how many recipients may still be written to in this hour, day and month, when the limits reset, and "
        "whether sending is stopped. Use it after a 429, or before many mails."
    ),
    request=UsageRequest,
    result=Usage,
    run=usage,
    scope="read",
    method="GET",
    path="/v1/usage",
    read_only=True,
    idempotent=True,
    open_world=False,
)
