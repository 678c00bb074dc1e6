"""What every verb is given: the database, the clock, the secret, and who asks."""

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from policies.reputation import Thresholds
from policies.spam import Thresholds as SpamThresholds
from policies.windows import Limits
from storage.blobs import Blobs
from storage.database import Database
from tools.guesses import Guesses
from tools.mail.auth.authenticator import Authenticator
from tools.places import Places
from tools.scanner import Scanner
from tools.workers import Workers

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

CALLS, CALLS_OF_ONE = 48, 24
"""So many calls are at work at once, and so many of one account: more of them would only wait for each other."""

HERE = "this machine"
"""The origin of a request that came over no network."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_FROM_BASE32 = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET.encode())


def system_clock() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Secret:
    """The server's secret and what is derived from it; the secret itself is not in the database."""

    key: bytes = field(repr=False)

    def derive(self, purpose: str, *parts: str) -> bytes:
        """32 bytes for one purpose. Without the secret they cannot be found, so they need not be stored."""
        # the parts are joined by a character that none of them holds, so that two lists never read the same
        text = "\x1f".join((purpose, *parts))
        return hmac.digest(self.key, text.encode(), hashlib.sha256)

    def token(self, purpose: str, *parts: str) -> str:
        """A 256-bit token for a link, derived so that a notice can be rendered again after a crash."""
        return base64.urlsafe_b64encode(self.derive(purpose, *parts)).decode().rstrip("=")

    def code(self, purpose: str, *parts: str) -> str:
        """Eight characters for a person to type, such as `7d2m-4v8x`."""
        number = int.from_bytes(self.derive(purpose, *parts)[:5], "big")
        text = "".join(_ALPHABET[number >> shift & 31] for shift in range(35, -5, -5))
        return f"{text[:4]}-{text[4:]}"

    def hash(self, text: str) -> str:
        """What is stored of a key, token or code: HMAC-SHA-256, hex."""
        return self.derive("stored hash", text).hex()


def same(stored: str, computed: str) -> bool:
    """Compare two hashes in constant time."""
    return hmac.compare_digest(stored.encode(), computed.encode())


@dataclass(frozen=True, slots=True)
class Regions:
    """From where mail may be handed in, by codes of ISO 3166."""

    places_of: Callable[[str], tuple[str, ...]]
    """The country of an address and its parts; empty where that is not known."""
    allowed: frozenset[str]
    denied: frozenset[str]


@dataclass(frozen=True, slots=True)
class Site:
    """What a verb may know of the installation."""

    base_url: str
    """Where people reach the web pages, without a trailing slash."""
    hostname: str = "localhost"
    """The server's name among mail servers."""
    approval_hours: int = 72
    reminder_hours: int = 24
    """A person who has not decided by then is reminded once; 0 is never."""
    undo_seconds: int = 0
    """How long a mail of a monitored or autonomous mailbox waits, so that it can be withdrawn."""
    max_recipients: int = 50
    max_attachment_bytes: int = 10_000_000
    """All attachments of one mail together."""
    limits: Limits = field(default_factory=Limits)
    """How much may leave."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    """When sending pauses by itself."""
    ai_header: bool = True
    """Whether agents' mail says `X-AI-Generated: true`."""
    footer: str = ""
    """Markdown below the text of agents' mail."""
    regions: Regions | None = None
    """None lets mail be handed in from everywhere."""
    spam: SpamThresholds = field(default_factory=SpamThresholds)
    """From which scores on arrived mail is marked, and kept apart."""
    defer_unknown: bool = False
    """Whether mail whose author's policy cannot be looked up has to come again, where a mailbox would follow it."""
    quarantine_days: int = 30
    """How long mail that is kept apart is kept."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: an API key, or the overseer on the web or on the machine."""

    account_id: str
    scopes: frozenset[str]
    name: str
    """For the audit: `key key_…`, or the overseer's address."""
    mailbox_id: str | None = None
    """The one mailbox the key is bound to."""
    sandbox: bool = False
    """A test key: what it hands in never leaves."""
    person: str = ""
    """For a key that decides: the overseer whose hand it is; empty is the account's first."""

    def may(self, scope: str) -> bool:
        """Whether the principal holds the scope."""
        return not self.scopes.isdisjoint(held_by(scope))


def held_by(scope: str) -> tuple[str, ...]:
    """The scopes of keys that hold a scope of operations; `admin` reads, `oversight` sees what it decides on."""
    return {
        "read": ("read", "admin"),
        "oversight_read": ("oversight_read", "oversight"),
        # no key has this scope by name: the kill switch may be thrown by whoever can do harm or prevent it
        "stop": ("send", "admin", "oversight"),
        # nor these: whoever reads mail may say that it is spam, whoever oversees may see what was kept apart
        "screen": ("send", "admin", "oversight"),
        "review": ("admin", "oversight", "oversight_read"),
        # what is for operator and overseer alike, and never for an agent
        "govern": ("admin", "oversight"),
    }.get(scope, (scope,))


NOBODY = Principal(account_id="", scopes=frozenset(), name="the system")


@dataclass(frozen=True, slots=True)
class Context:
    """The first argument of every verb."""

    db: Database
    blobs: Blobs
    secret: Secret
    site: Site
    clock: Callable[[], int] = system_clock
    random: Callable[[int], bytes] = os.urandom
    principal: Principal = NOBODY
    origin: str = ""
    """The address that the request came from, or HERE; empty is unknown."""
    workers: Workers = field(default_factory=Workers)
    """Who reads attached files."""
    places: Places = field(default_factory=lambda: Places(CALLS, CALLS_OF_ONE))
    """Where calls are at work."""
    searches: Places = field(default_factory=lambda: Places(2, 1))
    """Where mail is searched: SQLite has two readers for what takes long, and an account has one of them."""
    guesses: Guesses = field(default_factory=Guesses)
    """Wrong keys and links."""
    authenticator: Authenticator | None = None
    """Verifies arrived mail; None verifies nothing."""
    scanner: Scanner | None = None
    """Scores arrived mail for spam; None is our own score."""

    def acting_as(self, principal: Principal, origin: str = "") -> "Context":
        return replace(self, principal=principal, origin=origin)

    def now(self) -> int:
        return self.clock()

    def new_id(self, prefix: str) -> str:
        """A sortable id: the prefix, 48 bits of milliseconds and 80 random bits, in 26 base32 characters."""
        # four bytes before them make it whole groups of five bits: six characters that say nothing
        number = bytes(4) + (self.now() // 1000).to_bytes(6, "big") + self.random(10)
        return f"{prefix}_{base64.b32encode(number)[6:].translate(_FROM_BASE32).decode()}"
