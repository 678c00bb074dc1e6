"""A DNS server on loopback that answers from a small zone."""

import asyncio
from collections.abc import Collection, Mapping
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.asyncresolver import Resolver

Zone = Mapping[str, Mapping[str, list[str]] | dns.rcode.Rcode | None]
"""By name: records by type, or the failure to answer with, or None for silence. Other names do not exist."""
SILENCE_SECONDS = 0.3
ANSWER_SECONDS = 30.0


class FakeDNSServer(asyncio.DatagramProtocol):
    """Use as a context manager; `resolver` asks it. `asked` has what it was asked.

    Who asks for it is told of the names in `secure` that DNSSEC vouches for them; with `unasked`, everybody.
    """

    def __init__(
        self,
        zone: Zone,
        *,
        secure: Collection[str] = (),
        address: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self.zone = zone
        self.secure = secure
        self.unasked = False
        self._address = address
        self.asked: list[tuple[str, str]] = []

    async def __aenter__(self) -> "FakeDNSServer":
        self._socket, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=self._address
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    @property
    def port(self) -> int:
        port: int = self._socket.get_extra_info("sockname")[1]
        return port

    @property
    def resolver(self) -> Resolver:
        resolver = Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self.port
        # silence is waited for to the end; where everybody answers, a slow machine has time
        resolver.timeout = resolver.lifetime = SILENCE_SECONDS if None in self.zone.values() else ANSWER_SECONDS
        return resolver

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        known = self.zone.get(name, dns.rcode.NXDOMAIN)
        if known is None:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name in self.secure and (query.flags & dns.flags.AD or self.unasked):
            response.flags |= dns.flags.AD
        if isinstance(known, dns.rcode.Rcode):
            response.set_rcode(known)
        elif known.get(kind):
            response.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, known[kind]))
        self._socket.sendto(response.to_wire(), addr)
