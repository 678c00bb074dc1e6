"""Everything a rule may look at. The caller gathers it; a rule never looks anything up."""

from dataclasses import dataclass
from typing import Literal

from policies.modes import Mode
from policies.windows import Window


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A recipient that is on the account's list of suppressions."""

    address: str
    reason: str
    """`manual`, `unsubscribe`, `complaint` or `bounce`."""
    transactional_only: bool = False
    """Bulk and broadcast mail alone is stopped."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the mail: the text it shows and the address it goes to."""

    shown: str
    target: str


@dataclass(frozen=True, slots=True)
class File:
    """An attachment: the name and type it is given, and its first bytes."""

    name: str
    content_type: str
    head: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail says: its subject, its plain text, its links, its attachments."""

    subject: str
    text: str
    links: tuple[Link, ...] = ()
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Correspondent:
    """What the mailbox knows of one recipient."""

    address: str
    domain: str
    allowlisted: bool
    known: bool
    """It wrote to the mailbox, or was written to, before."""
    introduced: bool
    """A mail that the mailbox received shows it."""
    introduced_by: str = ""
    """The id of that mail."""

    @property
    def vouched_for(self) -> bool:
        return self.allowlisted or self.known


@dataclass(frozen=True, slots=True)
class Halt:
    """Something that keeps an account from sending: the kill switch, or a pause for its reputation."""

    kind: Literal["stopped", "paused"]
    reason: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much a mailbox may send at a moment, and whether it may at all."""

    now: int
    """Microseconds since the epoch."""
    windows: tuple[Window, ...] = ()
    """Those in which the mail would leave."""
    halts: tuple[Halt, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the request to send comes from, and which regions are served."""

    places: tuple[str, ...]
    """ISO 3166 codes: the country, then its parts, such as `UA-43`; empty is unknown."""
    allowed: frozenset[str] = frozenset()
    """If any are named, no others are served."""
    denied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Conversation:
    """The thread that a mail goes on with; as it is for a new one."""

    answers: str = ""
    """The kind of automatic mail it answers, or `agent`; empty is a person's mail, or none."""
    certain: bool = True
    """False where only words say so."""
    paused: bool = False
    """Nothing follows in the thread until a person resumes it."""
    arrived: int = 0
    """Messages of the other side within the time that policies/loops.py counts them in."""
    sent: int = 0
    """Messages of ours within that time."""


@dataclass(frozen=True, slots=True)
class Source:
    """A received mail that what is to be sent goes back to, and why that mail is not trusted."""

    message_id: str
    distrust: tuple[str, ...]
    """In words, such as "it failed DMARC"; never text of the mail."""
    copied: tuple[str, ...] = ()
    """What is taken from it: hosts of links, and "a file"; never more of its text. Empty where the mail answers it."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """The facts about a mail on its way out."""

    mode: Mode
    recipients: tuple[str, ...]
    """Everybody the agent addresses: To, Cc and Bcc; automatic copies are not among them."""
    strangers: tuple[str, ...]
    """Those of the recipients whom no allowlist entry of the mailbox covers."""
    requested: bool = False
    """The agent itself asked for a person's approval."""
    approver: str | None = None
    """Who approved this very wire form; None before anybody has."""
    category: str = "transactional"
    """What kind of mail the agent says it is."""
    suppressed: tuple[Suppressed, ...] | None = None
    """Those of the recipients that are on the account's list of suppressions; None is unknown."""
    content: Content | None = None
    """What the mail says; None is unknown, here and below."""
    correspondents: tuple[Correspondent, ...] | None = None
    """One for each recipient."""
    familiar_domains: tuple[str, ...] | None = None
    """The account's own domains, and those of the mailbox's correspondents."""
    repeated: str | None = None
    """The id of the same mail, handed in within the last minute; empty where there was none."""
    allowance: Allowance | None = None
    """The limits, what is used of them, and what stops sending; None is unknown."""
    trusted_category: bool | None = None
    """The operator lets this mailbox name a category that passes an unsubscription; None is unknown."""
    origin: Origin | None = None
    """None where no region is asked for; an unknown one is an `Origin` without places."""
    conversation: Conversation | None = None
    """What it answers; None is unknown."""
    sources: tuple[Source, ...] | None = None
    """The mails nobody should trust that it answers or copies from; None is unknown."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """The facts about a mail that has arrived."""

    mode: Mode
    approver: str | None = None
    spam_score: float | None = None
    """None is unknown: nobody could be asked."""
    flag_from: float = 5.0
    """From this score on it is marked."""
    quarantine_from: float = 10.0
    """From this score on it is kept apart."""
    dmarc_disposition: Literal["none", "quarantine", "reject"] = "none"
    """What the domain in From asks for, as the mail failed; `none` where it passed."""
    dmarc_policy: Literal["accept", "quarantine", "reject"] = "accept"
    """The worst that the mailbox lets follow from it."""


def content_of(facts: Outbound) -> Content:
    """The mail's content. Raises LookupError when nobody gathered it, and then the mail is held."""
    if facts.content is None:
        raise LookupError("nobody read the mail's content")
    return facts.content
