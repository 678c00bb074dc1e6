"""The PROXY protocol, versions 1 and 2: whom a load balancer speaks for, said before the first byte of SMTP.

By HAProxy's proxy-protocol.txt. It is read from the networks that the operator names, and from nobody else.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

_V1 = b"PROXY "
_V1_LIMIT = 107
_V2 = b"\r\n\r\n\0\r\nQUIT\n"
_V2_FIXED = 16
_V2_LIMIT = 4096
"""Of what a header may add to its addresses; the balancer's own notes are not read."""
_V2_ADDRESS = {1: 4, 2: 16}
"""Bytes of an address by family: AF_INET, AF_INET6."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a header says: the client's address, empty where the balancer speaks for itself, and its own length."""

    address: str
    length: int


def read_proxy(data: bytes) -> Source | None:
    """The header at the beginning of `data`; None while it has not all come. Raises ValueError for anything else."""
    if data.startswith(_V1):
        return _text(data)
    if data.startswith(_V2):
        return _binary(data)
    if _V1.startswith(data) or _V2.startswith(data):
        return None
    raise ValueError("no PROXY header")


def _text(data: bytes) -> Source | None:
    end = data.find(b"\r\n", 0, _V1_LIMIT)
    if end < 0:
        if len(data) >= _V1_LIMIT:
            raise ValueError("the PROXY line is too long")
        return None
    words = data[:end].decode("ascii").split(" ")
    match words[1:]:
        case ["UNKNOWN", *_]:
            return Source("", end + 2)
        case ["TCP4", source, _, _, _]:
            return Source(str(IPv4Address(source)), end + 2)
        case ["TCP6", source, _, _, _]:
            return Source(str(IPv6Address(source)), end + 2)
    raise ValueError("the PROXY line names no client")


def _binary(data: bytes) -> Source | None:
    if len(data) < _V2_FIXED:
        return None
    version, command, family = data[12] >> 4, data[12] & 15, data[13] >> 4
    length = _V2_FIXED + int.from_bytes(data[14:16], "big")
    if version != 2 or command > 1 or length > _V2_LIMIT:
        raise ValueError("not a PROXY header of version 2")
    if len(data) < length:
        return None
    size = _V2_ADDRESS.get(family, 0)
    if command == 0 or not size:
        return Source("", length)
    address = data[_V2_FIXED : _V2_FIXED + size]
    if length < _V2_FIXED + 2 * size + 4:
        raise ValueError("the PROXY header is too short for its addresses")
    return Source(str(IPv4Address(address) if size == 4 else IPv6Address(address)), length)
