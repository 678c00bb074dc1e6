"""Mail handed in over SMTP (RFC 6409): the mailbox's address and an API key sign in, and the gate decides."""

import asyncio
import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from server.room import Room
from server.smtp.arguments import announced, read_argument
from server.smtp.conversation import Answer, Connections, Patience, several
from server.smtp.listener import Listener
from server.smtp.peers import Bounds, Peers
from server.smtp.service import Log, Service, Tls
from storage.database import one
from storage.errors import StorageError
from storage.records import Mailbox
from tools.context import Context, Principal
from tools.errors import Refusal
from tools.gate import Submitted
from tools.identity import principal_of
from tools.limits import check_sending, halts
from tools.mail.address import AddressError, canonical, parse_address
from tools.stops import EVERYBODY
from tools.submit_raw import check_recipient, submit_raw

log: Log = structlog.get_logger("gatepost.submission")

CONNECTIONS = 500
RECHECK_SECONDS = 1.0
"""A key that was revoked is worthless on an open connection too, after this time at most."""
TRIES = 3
LOCAL_FAULT = b"451 4.4.2 Local fault, nothing was stored; try again later"
WRONG = b"535 5.7.8 Wrong mailbox address or API key"
UNREADABLE = b"501 5.5.2 Called off, or not the base64 of a response"
"""Also to "*", by which a client calls signing in off (RFC 4954 section 4)."""
_PARAMETERS = frozenset({"SIZE", "BODY", "SMTPUTF8", "AUTH"})


@dataclass(frozen=True, slots=True)
class Member:
    """Who has signed in."""

    principal: Principal
    mailbox: Mailbox
    key: str
    checked_at: float
    """The loop's time."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What every submission connection of this server is offered."""

    context: Context
    hostname: str
    max_message_bytes: int
    tls: Tls
    plain: bool
    """Sign-in without TLS is allowed."""
    bounds: Bounds = field(default_factory=lambda: Bounds(CONNECTIONS))


class Submission(Service):
    """One connection of a client that hands mail in."""

    log = log
    local_fault = LOCAL_FAULT

    def __init__(self, terms: Terms, connections: Connections, room: Room, peers: Peers) -> None:
        super().__init__(
            max_message_bytes=terms.max_message_bytes,
            connections=connections,
            room=room,
            patience=Patience(),
            peers=peers,
            tls=terms.tls,
        )
        self._terms = terms
        self._shut = False
        """Everybody's sending is stopped."""
        self._peer = ""
        self._greeted = False
        self._tries = 0
        self._member: Member | None = None
        self._more: Callable[[bytes], Answer] | None = None
        """What takes the next line, in the middle of AUTH."""
        self._sender = False
        self._beside_others = True
        """The recipients so far may have more beside them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        super().connection_made(transport)

    def greeting(self) -> Answer:
        return self._enter(self._peer) or self._greeting()

    async def _greeting(self) -> bytes:
        try:
            self._shut = bool(await halts(self._terms.context.db, EVERYBODY))
        except StorageError:
            return b"421 4.3.0 Local fault; try again later"
        return self._no_mail() if self._shut else f"220 {self._terms.hostname} ESMTP Gatepost submission".encode()

    def _no_mail(self) -> bytes:
        # RFC 7504 section 3; in a greeting there is no enhanced code (RFC 2034 section 4)
        return f"521 {self._terms.hostname} does not accept mail: all sending is stopped".encode()

    def command(self, line: bytes) -> Answer:
        if self._more is not None:
            more, self._more = self._more, None
            return more(line)
        verb, _, argument = line.partition(b" ")
        if self._shut and verb.upper() != b"QUIT":
            return self._no_mail()
        match verb.upper():
            case b"EHLO" | b"HELO":
                return self._hello(verb.upper() == b"EHLO", argument)
            case b"MAIL":
                return self._mail_from(argument)
            case b"RCPT":
                return self._rcpt_to(argument)
            case b"DATA":
                return self._data(argument)
            case b"AUTH":
                return self._auth(argument)
            case b"STARTTLS":
                return self._start_tls(argument)
        return self._lesser(verb.upper())

    def mail(self, content: bytes) -> Answer:
        recipients = tuple(self._recipients)
        assert self._member is not None
        return self._hand_in(self._member, recipients, content)

    def who(self) -> dict[str, object]:
        member = self._member
        by, sender = (member.principal.name, member.mailbox.address) if member else (None, None)
        return {"ip": self._peer, "by": by, "sender": sender, "recipients": self._recipients}

    def whose(self) -> str:
        return self._member.principal.account_id if self._member is not None else ""

    def forget(self) -> None:
        self._sender = False
        self._recipients = []

    def unknown_again(self) -> None:
        self._greeted, self._member = False, None

    def _hello(self, extended: bool, name: bytes) -> bytes:
        if not name.strip():
            return b"501 5.5.4 Say who you are"
        self.forget()
        self._greeted = True
        lines = [self._terms.hostname]
        if extended:
            lines += ["PIPELINING", f"SIZE {self._terms.max_message_bytes}", "8BITMIME", "SMTPUTF8"]
            lines += ["ENHANCEDSTATUSCODES"]
            if self._offers_tls:
                lines.append("STARTTLS")
            if self._may_sign_in:
                lines.append("AUTH PLAIN LOGIN")
        return several(250, lines)

    @property
    def _may_sign_in(self) -> bool:
        return self._secured or self._terms.plain

    def _auth(self, argument: bytes) -> Answer:
        if not self._greeted or self._member is not None or self._sender:
            return b"503 5.5.1 Not now"
        if not self._may_sign_in:
            return b"538 5.7.11 Encryption is needed for this; use STARTTLS first"
        mechanism, _, initial = argument.partition(b" ")
        if mechanism.upper() == b"PLAIN":
            if initial:
                return self._plain(initial)
            self._more = self._plain
            return b"334 "
        if mechanism.upper() == b"LOGIN":
            if initial:
                return self._login_user(initial)
            self._more = self._login_user
            return b"334 VXNlcm5hbWU6"
        return b"504 5.5.4 PLAIN or LOGIN"

    def _plain(self, line: bytes) -> Answer:
        # RFC 4616: authorisation identity, name and password, between NULs
        match (_decoded(line) or b"").split(b"\0"):
            case [_, user, password]:
                return self._sign_in(user, password)
        return UNREADABLE

    def _login_user(self, line: bytes) -> Answer:
        user = _decoded(line)
        if user is None:
            return UNREADABLE
        self._more = lambda line: self._login_password(user, line)
        return b"334 UGFzc3dvcmQ6"

    def _login_password(self, user: bytes, line: bytes) -> Answer:
        password = _decoded(line)
        return UNREADABLE if password is None else self._sign_in(user, password)

    async def _sign_in(self, user: bytes, password: bytes) -> bytes:
        context, key = self._terms.context, password.decode("utf-8", "replace")
        try:
            context.guesses.check(context.now(), self._peer, key)
        except Refusal as refusal:
            return f"421 4.7.0 Too many wrong sign-ins from your network; wait {refusal.retry_after} s".encode()
        member = await self._look_up(user.decode("utf-8", "replace"), key)
        if member is None:
            context.guesses.wrong(context.now(), self._peer)
            self._tries += 1
            return WRONG if self._tries < TRIES else b"421 4.7.0 Too many wrong sign-ins"
        context.guesses.right(self._peer, key)
        self._member = member
        return b"235 2.7.0 Welcome"

    async def _look_up(self, user: str, key: str) -> Member | None:
        """Who this is; None, whatever of it is wrong. Raises Refusal when they are right and the account is stopped."""
        context = self._terms.context
        now = asyncio.get_running_loop().time()
        if "\0" in user + key:
            return None
        try:
            principal = await principal_of(context, key)
        except Refusal:
            return None
        mailbox = await one(context.db, Mailbox, "mailbox_by_address", address=canonical(user))
        if mailbox is None or mailbox.account_id != principal.account_id or not principal.may("send"):
            return None
        if principal.mailbox_id not in (None, mailbox.id):
            return None
        # told only to who has the key: whether an account is suspended is nobody else's business
        check_sending(await halts(context.db, mailbox.account_id))
        return Member(principal, mailbox, key, now)

    def _mail_from(self, argument: bytes) -> Answer:
        if not self._greeted:
            return b"503 5.5.1 Say EHLO first"
        if not self._may_sign_in:
            return b"530 5.7.0 Use STARTTLS first"
        if self._member is None:
            return b"530 5.7.0 Sign in first"
        if self._sender:
            return b"503 5.5.1 One MAIL at a time"
        path = read_argument(argument, b"FROM:")
        if path is None or not path.parameters.keys() <= _PARAMETERS:
            return b"501 5.5.4 Syntax: MAIL FROM:<address>"
        if (announced(path.parameters.get("SIZE", "")) or 0) > self._terms.max_message_bytes:
            return b"552 5.3.4 The mail is larger than %d bytes" % self._terms.max_message_bytes
        if canonical(path.address) != self._member.mailbox.address:
            return f"550 5.1.0 Only <{self._member.mailbox.address}> can send here".encode()
        if asyncio.get_running_loop().time() > self._member.checked_at + RECHECK_SECONDS:
            return self._checked_again(self._member)
        self._sender = True
        return b"250 2.1.0 OK"

    async def _checked_again(self, member: Member) -> bytes:
        self._member = await self._look_up(member.mailbox.address, member.key)
        if self._member is None:
            return b"421 4.7.0 The API key was revoked"
        self._sender = True
        return b"250 2.1.0 OK"

    def _rcpt_to(self, argument: bytes) -> Answer:
        if not self._sender or self._member is None:
            return b"503 5.5.1 Say MAIL first"
        path = read_argument(argument, b"TO:")
        if path is None or path.parameters:
            return b"501 5.5.4 Syntax: RCPT TO:<address>"
        if len(self._recipients) >= self._terms.context.site.max_recipients:
            return b"452 4.5.3 Too many recipients, send the rest in another mail"
        try:
            recipient = parse_address(path.address).email
        except AddressError:
            return b"501 5.1.3 Bad recipient address syntax"
        return self._take(self._member, recipient)

    async def _take(self, member: Member, recipient: str) -> bytes:
        beside_others = await check_recipient(self._terms.context, member.mailbox, recipient)
        if self._recipients and not (beside_others and self._beside_others):
            # RFC 5321 section 4.5.3.1.10: the client sends the rest in another mail
            return b"452 4.5.3 Who unsubscribed gets a mail of their own, send the rest in another mail"
        self._recipients.append(recipient)
        self._beside_others = beside_others
        return b"250 2.1.5 OK"

    async def _hand_in(self, member: Member, recipients: tuple[str, ...], content: bytes) -> bytes:
        context = self._terms.context.acting_as(member.principal, self._peer)
        async with context.places.one(member.principal.account_id):
            # a client that hangs up after the final dot does not cancel this: nobody does
            submitted = await submit_raw(context, member.mailbox, recipients, content)
        log.info("mail handed in", **self.who(), message=submitted.message.id, status=submitted.message.status)
        return accepted(submitted)


def bounds(files: int) -> Bounds:
    """What is counted, in a process that may have so many files open."""
    return Bounds(min(CONNECTIONS, files // 12))


def accepted(submitted: Submitted) -> bytes:
    """The reply to a mail that the gate took: on its way, or waiting for a person."""
    id_ = submitted.message.id
    if submitted.approval is not None:
        return f"250 2.0.0 Held for approval as {id_}; do not resend".encode()
    return f"250 2.0.0 Queued as {id_}".encode()


class SubmissionListener(Listener):
    """The submission port."""

    def __init__(self, terms: Terms) -> None:
        room = Room(max_message_bytes=terms.max_message_bytes)
        peers = Peers(terms.bounds, asyncio.get_running_loop().time)
        connections = Connections()
        super().__init__(lambda: Submission(terms, connections, room, peers), connections)


def _decoded(line: bytes) -> bytes | None:
    """Base64, where "=" alone is the empty response (RFC 4954 section 4); None for what is none, and for "*"."""
    try:
        return base64.b64decode(line.replace(b"=", b"", 1) if line == b"=" else line, validate=True)
    except binascii.Error:
        return None
