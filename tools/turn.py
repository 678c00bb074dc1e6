"""Whose turn it is in a conversation: told by its last mail that a person wrote."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from storage.records import Mailbox, Message
from tools.mail.address import reaches

Turn = Literal["you", "them", "others", "approval", "nobody"]

_QUESTION = re.compile(r"[?？؟](?=[\s\"'”’»)\]*_!]|\Z)|[吗嗎呢か]。?(?=\s|\Z)")
_NOT_SENT = frozenset({"rejected", "cancelled", "send_failed", "bounced"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whose turn it is, with whom, since when (microseconds), whether that mail asks something, and is our own."""

    turn: Turn
    others: tuple[str, ...] = ()
    since: int | None = None
    asks: bool = False
    own: bool = False


def waiting(mailbox: Mailbox, messages: Sequence[Message]) -> Waiting:
    """Who waits for whom, by messages in their order. A machine's mail is nobody's turn: it changes nothing."""
    written = [message for message in messages if not json.loads(message.findings).get("automatic")]
    if not written:
        return Waiting("nobody")
    last = _telling(written)
    people = json.loads(last.people)
    own = last.direction == "outbound"
    if own:
        turn, others = _turn_of_own(last.status), tuple(person["email"] for person in people["to"])
    else:
        turn, others = _turn_of_received(mailbox, people), (last.from_email,)
    return Waiting(turn, others, last.created_at, _asks(last), own)


def _telling(written: Sequence[Message]) -> Message:
    """The last mail; but one of ours that did not leave, after another of ours that did, changes nothing."""
    left = [message for message in written if not _failed(message)]
    return left[-1] if left and left[-1].direction == "outbound" else written[-1]


def _failed(message: Message) -> bool:
    return message.direction == "outbound" and message.status in _NOT_SENT


def _asks(message: Message) -> bool:
    """Whether it has a question in it; who writes nothing below the subject asks there."""
    return _QUESTION.search(message.new_text.strip() or message.subject) is not None


def _turn_of_received(mailbox: Mailbox, people: dict[str, list[dict[str, str]]]) -> Turn:
    """A mail that names the mailbox only among the copies is for others to answer."""
    to, cc = (people[field] for field in ("to", "cc"))
    own, copied = (any(reaches(mailbox.address, person["email"]) for person in group) for group in (to, cc))
    return "others" if copied and to and not own else "you"


def _turn_of_own(status: str) -> Turn:
    if status == "pending_send_approval":
        return "approval"
    return "you" if status in _NOT_SENT else "them"
