"""Every way to narrow `check_inbox`, alone and together, finds what a look at each mail finds; on both databases."""

import itertools
from dataclasses import dataclass

import pytest

from policies.modes import Mode
from tests.conftest import World
from tools import few
from tools.check_inbox import InboxRequest, check_inbox
from tools.receive import Arrival, receive
from tools.send import SendRequest, send
from tools.tags import TagRequest, named, tag

INBOUND = ("unread", "read", "archived", "spam_flagged", "deleted")
HIDDEN = ("pending_inbound_approval", "spam_quarantined", "rejected")
OUTBOUND = ("queued", "sent", "bounced", "rejected")
SENDERS = ("Ann@example.com", "bob@example.com", "ada@agents.example")
TAGS: tuple[dict[str, str], ...] = ({}, {"todo": ""}, {"todo": "now"}, {"customer": "acme"}, {"todo": "now", "x": "y"})
WANTED_TAGS = (None, "todo", "todo=now", "todo=", "customer=x")


@dataclass(frozen=True)
class Mail:
    id: str
    direction: str
    status: str
    sender: str
    tags: dict[str, str]

    def fits(self, wanted: InboxRequest) -> bool:
        hidden = self.direction == "inbound" and self.status in HIDDEN
        return (
            not hidden
            and wanted.direction in ("any", self.direction)
            and (wanted.status == self.status if wanted.status else self.status != "deleted")
            and wanted.sender in (None, self.sender)
            and (wanted.tag is None or named(self.tags, wanted.tag))
        )


async def library(world: World) -> list[Mail]:
    """Mail of each status from each sender, some of it tagged; the newest first."""
    await world.in_mode(Mode.AUTONOMOUS)
    kinds = [("inbound", status, sender) for status in (*INBOUND, *HIDDEN) for sender in SENDERS[:2]]
    kinds += [("outbound", status, SENDERS[2]) for status in OUTBOUND]
    for number, (direction, _, sender) in enumerate(kinds):
        if direction == "inbound":
            raw = f"From: {sender}\r\nSubject: Mail {number}\r\n\r\nHello\r\n".encode()
            await receive(world.system, Arrival("a@example.com", (world.mailbox.address,), raw))
        else:
            await send(world.context, SendRequest(to=["zoe@example.com"], subject="Hi", markdown=f"Mail {number}"))
    ids = await listed(world, InboxRequest(direction="any", limit=7))
    found = []
    for number, (id_, (direction, status, sender)) in enumerate(zip(ids, reversed(kinds), strict=True)):
        tags = TAGS[number % len(TAGS)]
        await tag(world.context, TagRequest(message_id=id_, tags=tags))
        await world.system.db.script(f"UPDATE message SET status = '{status}' WHERE id = '{id_}';")
        found.append(Mail(id_, direction, status, sender, tags))
    return found


async def listed(world: World, wanted: InboxRequest) -> list[str]:
    """The ids of all pages."""
    found = []
    while True:
        page = await check_inbox(world.context, wanted)
        found += [each.message_id for each in page.messages]
        if page.next_cursor is None:
            return found
        wanted = wanted.model_copy(update={"cursor": page.next_cursor})


@pytest.mark.parametrize("most", [2_000, 3, 0], ids=["all few", "some few", "all many"])
async def test_what_is_narrowed_is_what_fits_in_its_order(
    world: World, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = await library(world)
    monkeypatch.setattr(few, "FEW", most)
    statuses = (None, *INBOUND, *OUTBOUND)
    for direction, status, sender, wanted_tag in itertools.product(
        ("inbound", "outbound", "any"), statuses, (None, *SENDERS), WANTED_TAGS
    ):
        wanted = InboxRequest.model_validate(
            {"direction": direction, "status": status, "sender": sender, "tag": wanted_tag, "limit": 2}
        )
        assert await listed(world, wanted) == [each.id for each in mails if each.fits(wanted)], wanted


async def test_who_asks_for_sent_mail_among_what_came_in_is_told_where_it_is(world: World) -> None:
    await send(world.context, SendRequest(to=["zoe@example.com"], subject="Hi", markdown="Held"))
    page = await check_inbox(world.context, InboxRequest(status="pending_send_approval"))
    assert not page.messages and "direction 'outbound'" in page.next
    page = await check_inbox(world.context, InboxRequest(status="pending_send_approval", direction="outbound"))
    assert len(page.messages) == 1 and "read_message" in page.next
