"""An event of a calendar as values, and what a mail does with it, in words (RFC 5545, 5546)."""

from dataclasses import dataclass

from tools.mail.caltime import Moment

_ANSWERS = {
    "ACCEPTED": "accepts",
    "DECLINED": "declines",
    "TENTATIVE": "accepts, but not for certain,",
    "DELEGATED": "sends somebody else to",
}
_MEANINGS = {
    "ADD": "adds {} to a series",
    "COUNTER": "proposes a change of {}",
    "DECLINECOUNTER": "declines the change that was proposed of {}",
    "REFRESH": "asks for the latest version of {}",
}


@dataclass(frozen=True, slots=True)
class Person:
    """The organizer or an attendee. `partstat` is NEEDS-ACTION, ACCEPTED, DECLINED, TENTATIVE or DELEGATED."""

    email: str
    name: str
    partstat: str
    role: str
    rsvp: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an invitation, as its sender wrote it. '' and None are absent.

    `meaning` says in our words what the mail does with it. `method` is REQUEST, REPLY, CANCEL, COUNTER or PUBLISH. The
    end of an all-day event is the first day after it (section 3.6.1).

    `recurrence` is the rule of a series as text, `excluded` what it leaves out and `added` what it has beside. Its
    `occurrences` are the next ten starts, on the day the mail was written or later, without any that is left out,
    called off or moved elsewhere; `more_occurrences`: there are more, or the rule cannot be followed. `recurrence_id`
    names the one occurrence that the mail is about; `and_later`: it is about all later ones too. Each of these times
    is UTC where that can be known, and else on the clock.
    """

    meaning: str
    method: str
    uid: str
    sequence: int
    status: str
    summary: str
    location: str
    description: str
    url: str
    organizer: Person | None
    attendees: tuple[Person, ...]
    start: Moment | None
    end: Moment | None
    duration: str
    recurrence: str
    excluded: tuple[str, ...]
    added: tuple[str, ...]
    occurrences: tuple[str, ...]
    more_occurrences: bool
    recurrence_id: Moment | None
    and_later: bool


def is_series(event: Event) -> bool:
    """Whether it takes place more than once."""
    return bool(event.recurrence or event.added) and event.recurrence_id is None


def is_called_off(event: Event) -> bool:
    """Whether nothing takes place any more of what the mail is about."""
    return event.method == "CANCEL" or event.status == "CANCELLED"


def meaning(event: Event) -> str:
    """What the mail does with the event (RFC 5546 section 1.4), in words."""
    about = "a series" if is_series(event) else "an event"
    if event.recurrence_id is not None:
        about = "an occurrence of a series and all later ones" if event.and_later else "one occurrence of a series"
    if is_called_off(event):
        return f"calls off {about}"
    if event.method == "REPLY":
        answer = event.attendees[0].partstat if event.attendees else ""
        return f"{_ANSWERS.get(answer, 'answers an invitation to')} {about}"
    if event.method == "REQUEST":
        return f"{'changes' if event.sequence or event.recurrence_id else 'invites to'} {about}"
    return _MEANINGS.get(event.method, "tells of {}").format(about)
