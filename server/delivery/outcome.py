"""What became of one delivery attempt, as a value."""

from dataclasses import dataclass, field

from tools.mail.classify import Category


@dataclass(frozen=True, slots=True)
class Answer:
    """A remote's reply: code, enhanced code (RFC 3463, or empty), its words, its host name.

    The words are one line of at most 500 printable characters. A code of 0 says that no remote spoke: the enhanced
    code and the words are then our own.
    """

    code: int
    enhanced: str
    text: str
    host: str
    tls: str = field(default="", kw_only=True)
    """What the line had: TLS version, cipher, and what vouched for the certificate (server/delivery/security.py);
    `none` in the clear, empty where it did not come to that."""


@dataclass(frozen=True, slots=True)
class Sent(Answer):
    """The remote took the mail over."""


@dataclass(frozen=True, slots=True)
class Deferred(Answer):
    """Not taken now: try again by the schedule."""

    category: Category


@dataclass(frozen=True, slots=True)
class Bounced(Answer):
    """Refused for good."""

    category: Category


@dataclass(frozen=True, slots=True)
class Uncertain(Answer):
    """The line was lost after the final dot and before the reply: perhaps taken, so never tried again by itself."""


Outcome = Sent | Deferred | Bounced | Uncertain
