"""Mail coming in: RCPT asks whether the address is ours, DATA hands the mail to the one way in."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import cast

import structlog

from server.room import AT_ONCE, LARGE, Room
from server.smtp.arguments import Argument, announced, normal, normal_sender, read_argument
from server.smtp.conversation import TLS_SECONDS, Answer, Connections, Patience, several
from server.smtp.listener import Listener
from server.smtp.peers import Bounds, Peers
from server.smtp.proxy import read_proxy
from server.smtp.service import Log, Service, Tls
from server.trail import trail
from tools.context import Context
from tools.greylist import must_wait
from tools.mail.address import AddressError, domain_of
from tools.mail.hops import MAX_RECEIVED, hops
from tools.mail.network import is_within
from tools.places import Places
from tools.receive import Arrival, expects, receive

log: Log = structlog.get_logger("gatepost.smtp")

LOCAL_FAULT = b"451 4.3.0 Local fault, nothing was stored; try again later"
RECIPIENTS = 100
"""RFC 5321 section 4.5.3.1.8 asks for at least as many."""
HELO_LIMIT = 255
"""RFC 5321 section 4.5.3.1.2."""
_OF_HTTP = frozenset({b"GET", b"POST", b"PUT", b"HEAD", b"CONNECT", b"OPTIONS"})
_BODIES = ("7BIT", "8BITMIME")


@dataclass(frozen=True, slots=True)
class Terms:
    """What every connection of this listener is offered."""

    context: Context
    hostname: str
    max_message_bytes: int
    tls: Tls = None
    bounds: Bounds = field(default_factory=Bounds)
    patience: Patience = field(default_factory=Patience)
    proxies: Sequence[IPv4Network | IPv6Network] = ()
    """Who must say by the PROXY protocol whom they speak for."""
    greylist_minutes: int = 0
    """How long mail of unknown networks has to wait; 0 is not at all."""

    def trusts(self, address: str) -> bool:
        """Whether the address is a load balancer's."""
        return is_within(address, self.proxies)


@dataclass(frozen=True, slots=True)
class Shared:
    """What the connections of one listener have in common."""

    peers: Peers
    room: Room = field(default_factory=Room)
    large: Places = field(default_factory=lambda: Places(AT_ONCE, 1))
    connections: Connections = field(default_factory=Connections)


class Inbound(Service):
    """One connection of a server that brings mail."""

    log = log
    local_fault = LOCAL_FAULT

    def __init__(self, terms: Terms, shared: Shared) -> None:
        super().__init__(
            max_message_bytes=terms.max_message_bytes,
            connections=shared.connections,
            room=shared.room,
            patience=terms.patience,
            peers=shared.peers,
            tls=terms.tls,
        )
        self._terms = terms
        self._shared = shared
        self.ip = ""
        """Whose connection it is, as an address."""
        self._header: bytearray | None = None
        """What came of the PROXY header so far; None when none is waited for."""
        self._helo = ""
        self._sender: str | None = None

    # -- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.ip = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._terms.trusts(self.ip):
            super().connection_made(transport)
            return
        self._header = bytearray()
        self._connections.add(self)
        self._transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(TLS_SECONDS, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._header is None:
            super().data_received(data)
            return
        self._header += data
        transport = self._open()
        try:
            source = read_proxy(bytes(self._header))
        except ValueError:
            log.warning("a proxy sent no usable PROXY header", ip=self.ip)
            transport.abort()
            return
        if source is None:
            return
        rest, self._header = bytes(self._header[source.length :]), None
        self.ip = source.address or self.ip
        if self._timer is not None:
            self._timer.cancel()
        super().connection_made(transport)
        super().data_received(rest)

    # -- Conversation

    def greeting(self) -> bytes:
        return self._enter(self.ip) or f"220 {self._terms.hostname} ESMTP Gatepost".encode()

    def who(self) -> dict[str, object]:
        return {"ip": self.ip, "helo": self._helo, "sender": self._sender, "recipients": self._recipients}

    def refused(self, reply: bytes, *, blamed: bool) -> None:
        super().refused(reply, blamed=blamed)
        if blamed:
            self._peers.blame(self._network)

    def whose(self) -> str:
        # a tenant has domains of its own, and to look up which would take a way to the database
        return domain_of(self._recipients[0])

    def forget(self) -> None:
        self._sender = None
        self._recipients = []

    def unknown_again(self) -> None:
        self._helo = ""

    def command(self, line: bytes) -> Answer:
        verb, _, argument = line.partition(b" ")
        match verb.upper():
            case b"EHLO" | b"HELO":
                return self._hello(verb.upper() == b"EHLO", argument)
            case b"MAIL":
                return self._mail_from(argument)
            case b"RCPT":
                return self._rcpt_to(argument)
            case b"DATA":
                return self._data(argument)
            case b"STARTTLS":
                return self._start_tls(argument)
        return self._lesser(verb.upper())

    def mail(self, content: bytes) -> Answer:
        peer: dict[str, str | bool] = {"ip": self.ip, "helo": self._helo, "tls": self._secured}
        arrival = Arrival(self._sender or "", tuple(self._recipients), content, peer)
        if hops(content) > MAX_RECEIVED:
            return b"554 5.4.6 Too many Received fields: the mail goes in a circle"
        return self._store(arrival) if len(content) < LARGE else self._store_large(arrival)

    # -- the commands

    def _lesser(self, verb: bytes) -> bytes:
        match verb:
            case b"HELP":
                return b"214 2.0.0 EHLO MAIL RCPT DATA RSET NOOP STARTTLS VRFY QUIT; RFC 5321 says how"
            case b"AUTH":
                return b"502 5.5.1 Mail comes in here; it is handed in on the submission port"
            case b"EXPN" | b"TURN" | b"ETRN":
                return b"502 5.5.1 Not here"
        if verb in _OF_HTTP:
            # a browser, or a page that makes one talk to us
            return self.last(b"554 5.5.1 This is no web server")
        return super()._lesser(verb)

    def _hello(self, extended: bool, name: bytes) -> bytes:
        helo = name.strip().decode("utf-8", "replace")
        if not helo.isprintable() or not 0 < len(helo) <= HELO_LIMIT:
            return b"501 5.5.4 Say who you are"
        self.forget()
        self._helo = helo
        if not extended:
            return b"250 " + self._terms.hostname.encode()
        lines = [self._terms.hostname, "PIPELINING", f"SIZE {self._terms.max_message_bytes}", "8BITMIME", "SMTPUTF8"]
        if self._offers_tls:
            lines.append("STARTTLS")
        return several(250, [*lines, "ENHANCEDSTATUSCODES"])

    def _mail_from(self, text: bytes) -> bytes:
        if not self._helo:
            return b"503 5.5.1 Say EHLO first"
        if self._sender is not None:
            return b"503 5.5.1 One MAIL at a time"
        argument = read_argument(text, b"FROM:")
        if argument is None:
            return b"501 5.5.4 Syntax: MAIL FROM:<address>"
        unfit = self._unfit(argument)
        if unfit:
            return unfit
        try:
            sender = normal_sender(argument.address) if argument.address else ""
        except AddressError:
            return b"501 5.1.7 Bad sender address syntax"
        if not sender.isascii() and "SMTPUTF8" not in argument.parameters:
            return b"553 5.6.7 The address needs SMTPUTF8"
        self._sender = sender
        return b"250 2.1.0 OK"

    def _unfit(self, argument: Argument) -> bytes:
        """What is wrong with the parameters of MAIL; empty if nothing is."""
        for name, value in argument.parameters.items():
            match name:
                case "SIZE":
                    size = announced(value)
                    if size is None:
                        return b"501 5.5.4 SIZE is a number"
                    if size > self._terms.max_message_bytes:
                        return b"552 5.3.4 The mail is larger than %d bytes" % self._terms.max_message_bytes
                case "BODY":
                    if value.upper() not in _BODIES:
                        return b"501 5.5.4 BODY is 7BIT or 8BITMIME"
                case "SMTPUTF8":
                    if value:
                        return b"501 5.5.4 SMTPUTF8 takes no value"
                case _:
                    return b"555 5.5.4 No such parameter of MAIL"
        return b""

    def _rcpt_to(self, text: bytes) -> Answer:
        if self._sender is None:
            return b"503 5.5.1 Say MAIL first"
        argument = read_argument(text, b"TO:")
        if argument is None:
            return b"501 5.5.4 Syntax: RCPT TO:<address>"
        if argument.parameters:
            return b"555 5.5.4 RCPT takes no parameter"
        if len(self._recipients) >= RECIPIENTS:
            return b"452 4.5.3 Too many recipients, send the rest in another mail"
        if argument.address.lower() == "postmaster":
            return self._look_up_postmaster()
        try:
            return self._look_up(normal(argument.address))
        except AddressError:
            return b"501 5.1.3 Bad recipient address syntax"

    async def _look_up_postmaster(self) -> bytes:
        """RFC 5321 section 4.5.1: without a domain it is this host's, or that of the first domain above it."""
        domain = self._terms.hostname.lower()
        while "." in domain:
            if await expects(self._terms.context, f"postmaster@{domain}"):
                return await self._look_up(f"postmaster@{domain}")
            domain = domain.partition(".")[2]
        return b"550 5.1.1 <postmaster>: no such mailbox here"

    async def _look_up(self, recipient: str) -> bytes:
        if not await expects(self._terms.context, recipient):
            return f"550 5.1.1 <{recipient}>: no such mailbox here".encode()
        minutes = self._terms.greylist_minutes
        if minutes and await must_wait(self._terms.context, self.ip, self._sender or "", recipient, minutes):
            return f"451 4.7.1 <{recipient}>: greylisted; come again in {minutes} minutes".encode()
        self._recipients.append(recipient)
        return b"250 2.1.5 OK"

    async def _store(self, arrival: Arrival) -> bytes:
        # a peer that hangs up after the final dot does not cancel this: nobody does
        messages = await receive(self._terms.context, arrival)
        log.info("mail stored", **trail(arrival, messages))
        return b"250 2.0.0 OK, stored"

    async def _store_large(self, arrival: Arrival) -> bytes:
        async with self._shared.large.one(domain_of(arrival.recipients[0])):
            return await self._store(arrival)


class InboundListener(Listener):
    """The port for mail that other servers bring."""

    def __init__(self, terms: Terms) -> None:
        room = Room(max_message_bytes=terms.max_message_bytes)
        shared = Shared(Peers(terms.bounds, asyncio.get_running_loop().time), room)
        super().__init__(lambda: Inbound(terms, shared), shared.connections)
