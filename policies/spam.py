"""How much a mail looks like spam: what is known of it in, points with their reasons out."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which scores on mail is marked, and kept apart."""

    flag: float = 5.0
    quarantine: float = 10.0


@dataclass(frozen=True, slots=True)
class Traits:
    """What the mail itself shows, the same for everybody who gets it."""

    subject: str = ""
    dated: bool = True
    identified: bool = True
    """It has a Message-ID."""
    anonymous: bool = False
    """Its From names nobody."""
    ambiguous_sender: bool = False
    """Mail programs may disagree on whom its From names."""
    verified: bool = False
    """Its From is of a domain that proved to have sent it."""
    dmarc_failed: bool = False
    spf_failed: bool = False
    links: int = 0
    disguised_links: bool = False
    """One shows another host than it goes to."""
    shortened_links: bool = False
    bare_ip_links: bool = False
    hidden_text: bool = False
    steering: bool = False
    """Its text has strong signs of wanting to steer the reader."""
    bulk: bool = False
    unsubscribable: bool = False
    programs: bool = False
    """A file of it can be run."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the mailbox knows of the sender."""

    known: bool = False
    domain_known: bool = False
    answers_us: bool = False
    """The mail goes on with a conversation in which the mailbox wrote."""
    reported: int = 0
    """How much more often its mail was reported as spam than asked for."""
    domain_reported: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One reason: its code, and what it adds or takes away."""

    code: str
    points: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """The score, None where whoever was to be asked did not answer, and what led to it, the heaviest first."""

    score: float | None
    points: tuple[Point, ...] = ()


_STEERING = Point("steering", 2.0)
_SHOUTED = 8
"""Capital letters that make a subject loud, if it has no small ones."""
_MANY_LINKS = 40


def judge(traits: Traits, standing: Standing) -> Judgement:
    """The score of our own."""
    return _summed((*_of_form(traits), *_of_content(traits), *_of_sender(traits, standing), *_of_reports(standing)))


def with_steering(before: Judgement) -> Judgement:
    """A score of our own after the mail was found to want to steer its reader; that counts once."""
    return before if _STEERING in before.points else _summed((*before.points, _STEERING))


def judge_scanned(scanned: float | None, name: str, standing: Standing) -> Judgement:
    """The score of a scanner by its name, with what the mailbox was told about the sender."""
    if scanned is None:
        return Judgement(None, (Point(f"{name}_unavailable", 0.0),))
    return _summed((Point(name, scanned), *_of_reports(standing)))


def _summed(points: tuple[Point, ...]) -> Judgement:
    ordered = sorted(points, key=lambda point: -abs(point.points))
    return Judgement(round(sum(point.points for point in points), 1), tuple(ordered))


def _of_form(traits: Traits) -> Iterator[Point]:
    conditions = (
        ("no_date", 1.0, not traits.dated),
        ("no_message_id", 1.0, not traits.identified),
        ("no_sender", 2.0, traits.anonymous),
        ("ambiguous_sender", 3.0, traits.ambiguous_sender),
        ("dmarc_failed", 4.0, traits.dmarc_failed),
        ("spf_failed", 1.5, traits.spf_failed and not traits.verified),
    )
    return (Point(code, points) for code, points, holds in conditions if holds)


def _of_content(traits: Traits) -> Iterator[Point]:
    letters = [letter for letter in traits.subject if letter.isalpha()]
    conditions = (
        ("shouting_subject", 1.5, len(letters) >= _SHOUTED and all(letter.isupper() for letter in letters)),
        ("disguised_link", 2.5, traits.disguised_links),
        ("shortened_link", 1.0, traits.shortened_links),
        ("bare_ip_link", 2.5, traits.bare_ip_links),
        ("many_links", 0.5, traits.links > _MANY_LINKS),
        ("hidden_text", 2.0, traits.hidden_text),
        (_STEERING.code, _STEERING.points, traits.steering),
        ("bulk_without_unsubscribe", 1.5, traits.bulk and not traits.unsubscribable),
        ("program_attached", 5.0, traits.programs),
    )
    return (Point(code, points) for code, points, holds in conditions if holds)


def _of_sender(traits: Traits, standing: Standing) -> Iterator[Point]:
    """Who is believed and known is given credit; who only says a known name is not."""
    if standing.answers_us and not traits.dmarc_failed:
        yield Point("answers_us", -3.0)
    if traits.verified and standing.known:
        yield Point("known_sender", -3.0)
    elif traits.verified and standing.domain_known:
        yield Point("known_domain", -1.5)


def _of_reports(standing: Standing) -> Iterator[Point]:
    if standing.reported > 0:
        yield Point("sender_reported", 10.0)
    elif standing.reported < 0:
        yield Point("sender_wanted", -10.0)
    # a domain may be many people's, so one report says little about it
    if standing.domain_reported > 1:
        yield Point("domain_reported", 3.0)
