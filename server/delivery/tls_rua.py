"""Where a domain wants its TLS reports: the record at `_smtp._tls` (RFC 8460 section 3)."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from server.delivery.https import Endpoint, endpoint
from tools.mail.address import AddressError, parse_address

MOST_PLACES = 10
_VERSION = re.compile(r"v=TLSRPTv1[ \t]*;")


def report_places(records: Iterable[str]) -> tuple[str | Endpoint, ...]:
    """E-mail addresses and web servers in the order to try them; none when no report is wanted."""
    policies = [record for record in records if _VERSION.match(record)]
    if len(policies) != 1:
        # section 3: with several of them it is not known which one holds, so that none does
        return ()
    for field in policies[0].split(";")[1:]:
        name, _, value = field.partition("=")
        if name.strip() == "rua":
            found = (_place(place.strip()) for place in value.split(",")[:MOST_PLACES])
            return tuple(place for place in found if place is not None)
    return ()


def _place(uri: str) -> str | Endpoint | None:
    """None for another scheme, or for what is no address."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "https":
        return endpoint(uri)
    if scheme.lower() != "mailto":
        return None
    try:
        # what stands behind the question mark are header fields of the owner's choice (RFC 6068 section 2)
        return parse_address(unquote(rest.partition("?")[0])).email
    except AddressError:
        return None
