"""Mail under limits: handed in, and counted."""

from dataclasses import replace

from policies.windows import Limits
from tests.conftest import World
from tools.context import Context
from tools.errors import Refusal
from tools.limits import allowance
from tools.send import SendRequest, send
from tools.views import time_text

TEN = Limits(mailbox_per_day=10)


def limited(world: World, table: Limits, undo_seconds: int = 0) -> Context:
    """The agent's context where these limits hold."""
    return replace(world.context, site=replace(world.context.site, limits=table, undo_seconds=undo_seconds))


def mail(number: int, at: int | None = None, recipients: int = 1, mailbox_id: str | None = None) -> SendRequest:
    """A mail that differs from those of other numbers; `at` is when it is to leave, None at once."""
    to = [f"a{number}-{each}@example.com" for each in range(recipients)]
    send_at = time_text(at) if at else None
    return SendRequest(to=to, subject=f"Hi {number}", markdown=f"Mail {number}", send_at=send_at, mailbox_id=mailbox_id)


async def handed_in(
    context: Context, number: int, at: int | None = None, recipients: int = 1, mailbox_id: str | None = None
) -> str:
    """What becomes of such a mail: its status, or the code of the refusal."""
    try:
        return (await send(context, mail(number, at, recipients, mailbox_id))).status
    except Refusal as refusal:
        return refusal.code


async def used(world: World, at: int) -> int:
    """Places of the mailbox that are taken in the day around `at`."""
    context = limited(world, TEN)
    found = await allowance(context, context.db, world.mailbox, at)
    return next(window.used for window in found.windows if (window.subject, window.span) == ("mailbox", "day"))
