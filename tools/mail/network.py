"""Networks as mail abuse knows them: whoever has one address of an IPv6 /64 has them all."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

V6 = 64


def network_of(address: str, *, v4: int = 32) -> str:
    """The network an address stands for: an IPv4 prefix of `v4` bits, an IPv6 /64; what is no address is itself."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is None:
            return f"{IPv6Address(int(ip) >> 128 - V6 << 128 - V6)}/{V6}"
        ip = ip.ipv4_mapped
    return f"{type(ip)(int(ip) >> 32 - v4 << 32 - v4)}/{v4}" if v4 < 32 else str(ip)


def is_within(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is of one of these networks; what is no address is not."""
    if not networks:
        return False
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)
