"""A MaxMind DB file of a few networks, written by the format's specification (version 2.0)."""

from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network

MARKER = b"\xab\xcd\xefMaxMind.com"
_SEPARATOR = 16


def country(code: str, *parts: str) -> dict[str, object]:
    """A record in the shape of GeoLite2, with the codes of parts of the country if there are any."""
    record: dict[str, object] = {"country": {"iso_code": code}}
    return record | ({"subdivisions": [{"iso_code": part} for part in parts]} if parts else {})


def database(networks: Mapping[str, object]) -> bytes:
    """The file: a binary tree over IPv6, IPv4 below ::/96, with 32-bit records; then the data; then what it is."""
    tree: list[list[int | None]] = [[None, None]]
    data = b""
    for network, record in networks.items():
        _insert(tree, network, -len(data) - 1)
        data += _encoded(record)
    count = len(tree)
    nodes = b"".join(_record(side, count) for node in tree for side in node)
    about = {"node_count": count, "record_size": 32, "ip_version": 6, "binary_format_major_version": 2}
    about |= {"binary_format_minor_version": 0, "build_epoch": 0}
    more = {"database_type": "Test", "languages": ["en"], "description": {"en": "for tests"}}
    return nodes + bytes(_SEPARATOR) + data + MARKER + _encoded({**about, **more})


def _insert(tree: list[list[int | None]], network: str, leaf: int) -> None:
    """A leaf is a negative number: the place in the data, less one."""
    parsed = ip_network(network)
    shift = 96 if isinstance(parsed, IPv4Network) else 0
    address, length = int(parsed.network_address), parsed.prefixlen + shift
    node = 0
    for depth in range(length):
        bit = address >> (127 - depth) & 1
        if depth == length - 1:
            tree[node][bit] = leaf
            return
        below = tree[node][bit]
        if below is None:
            tree.append([None, None])
            below = len(tree) - 1
            tree[node][bit] = below
        node = below


def _record(side: int | None, count: int) -> bytes:
    value = count if side is None else side if side >= 0 else count + _SEPARATOR - side - 1
    return value.to_bytes(4, "big")


def _encoded(value: object) -> bytes:
    match value:
        case str():
            return bytes([2 << 5 | len(value)]) + value.encode()
        case int():
            digits = value.to_bytes((value.bit_length() + 7) // 8, "big")
            return bytes([6 << 5 | len(digits)]) + digits
        case dict():
            items = b"".join(_encoded(key) + _encoded(each) for key, each in value.items())
            return bytes([7 << 5 | len(value)]) + items
        case list():
            # an array is of the extended types: its number, less 7, follows
            return bytes([len(value), 11 - 7]) + b"".join(map(_encoded, value))
    raise TypeError(f"no {type(value).__name__} in a database of tests")
