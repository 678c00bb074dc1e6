"""An SMTP session until its first mail: greeting, EHLO, STARTTLS, AUTH."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address
from ssl import SSLCertVerificationError, SSLContext, SSLObject

from server.delivery.line import Line
from server.delivery.outcome import Bounced, Deferred
from server.delivery.replies import Garbled, Refused, Reply
from server.delivery.reply import lost, refused
from server.delivery.routes import Host
from tools.mail.classify import Step

PATIENCE: Mapping[Step, float] = {
    "greeting": 300,
    "ehlo": 300,
    "starttls": 120,
    "auth": 300,
    "mail": 300,
    "rcpt": 300,
    "data": 120,
    "content": 600,
}
"""The seconds to wait for a reply, after RFC 5321 section 4.5.3.2. Who opens or uses a session has a bound besides."""


class NoSignIn(Exception):
    """The host offers no way to sign in that is known here."""


# ValueError: a host name that cannot be encoded
FAILURES = (Refused, NoSignIn, Garbled, OSError, ValueError)


class Session:
    """Whoever has it must end it with `quit` or `abort`."""

    def __init__(self, host: Host, address: str, helo_name: str) -> None:
        self.host = host
        self.step: Step = "greeting"
        self.is_local = False
        self.protection = ""
        """What `Answer.tls` says of it; whoever has secured it writes it down."""
        self._address = address
        self._helo_name = helo_name
        self._line = Line()
        self._extensions: dict[str, str] = {}

    @property
    def alive(self) -> bool:
        return self._line.alive

    @property
    def tls(self) -> SSLObject | None:
        """The encrypted line, with what is known of the other end; None while it is in the clear."""
        return self._line.tls

    def offers(self, extension: str) -> bool:
        """Whether the reply to EHLO has this keyword, in lower case here."""
        return extension in self._extensions

    async def greet(self) -> None:
        """Connect and say EHLO. Raises one of FAILURES, as the next two do."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self._line, self._address, self.host.port)
        greeting = await self._line.reply(PATIENCE["greeting"])
        if greeting.code // 100 != 2:
            raise Refused(greeting)
        peer = self._line.peer
        self.is_local = bool(peer) and ip_address(peer.partition("%")[0]).is_loopback
        self.step = "ehlo"
        await self._hello()

    async def start_tls(self, context: SSLContext) -> None:
        self.step = "starttls"
        await self._agreed(b"STARTTLS", 220)
        await self._line.start_tls(context, self.host.name)
        # under TLS 1.3 a server that dislikes the handshake says so only now: this is still the same step
        await self._hello()

    async def log_in(self, user: str, password: str) -> None:
        """By PLAIN (RFC 4616), or else by LOGIN."""
        self.step = "auth"
        offered = self._extensions.get("auth", "").lower().split()
        if "plain" in offered:
            await self._agreed(b"AUTH PLAIN " + b64encode(f"\0{user}\0{password}".encode()), 235)
        elif "login" in offered:
            await self._agreed(b"AUTH LOGIN " + b64encode(user.encode()), 334)
            await self._agreed(b64encode(password.encode()), 235)
        else:
            raise NoSignIn("the host offers neither AUTH PLAIN nor AUTH LOGIN")

    def failure(self, error: Exception) -> Deferred | Bounced:
        """What one of FAILURES means while no mail's final dot has been sent."""
        if isinstance(error, Refused):
            return refused(self.step, self.host.name, *error.reply)
        return lost(self.step, self.host.name, why(error))

    def quit(self) -> None:
        """Say QUIT and close, without waiting for the reply."""
        self._line.close(b"QUIT\r\n")

    def abort(self) -> None:
        """Close at once; what is still to be written is dropped."""
        self._line.abort()

    async def _hello(self) -> None:
        name = self._helo_name.encode("ascii")
        # what was offered in the clear does not count under TLS (RFC 3207 section 4.2)
        self._extensions = {}
        reply = await self._asked(b"EHLO " + name)
        if reply.code in (500, 502):
            # RFC 5321 section 3.2: a server that does not know EHLO
            await self._agreed(b"HELO " + name, 250)
            return
        if reply.code != 250:
            raise Refused(reply)
        self._extensions = _offered(reply.text)

    async def _agreed(self, command: bytes, code: int) -> None:
        reply = await self._asked(command)
        if reply.code != code:
            raise Refused(reply)

    async def _asked(self, command: bytes) -> Reply:
        self._line.ask(command + b"\r\n")
        return await self._line.reply(PATIENCE[self.step])


def why(error: Exception) -> str:
    """One of FAILURES in words."""
    if isinstance(error, SSLCertVerificationError):
        return f"the certificate does not verify: {error.verify_message}"
    return "timed out" if isinstance(error, TimeoutError) else str(error) or type(error).__name__


def _offered(text: str) -> dict[str, str]:
    """The extensions in a reply to EHLO: parameters by keyword in lower case."""
    offered = {}
    for line in text.split("\n")[1:]:
        # "AUTH=PLAIN" is how some servers wrote it before there was a standard
        keyword, _, parameters = line.replace("=", " ", 1).partition(" ")
        offered[keyword.lower()] = parameters
    return offered
