"""Where a domain wants its TLS reports: the record at `_smtp._tls` (RFC 8460 section 3)."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from tools.mail.address import AddressError, parse_address

MOST_PLACES = 10
_VERSION = re.compile(r"v=TLSRPTv1[ \t]*;")


def report_addresses(records: Iterable[str]) -> tuple[str, ...]:
    """The e-mail addresses in the order to try them; none when no report is wanted, or none by mail."""
    policies = [record for record in records if _VERSION.match(record)]
    if len(policies) != 1:
        # section 3: with several of them it is not known which one holds, so that none does
        return ()
    for field in policies[0].split(";")[1:]:
        name, _, value = field.partition("=")
        if name.strip() == "rua":
            places = value.split(",")[:MOST_PLACES]
            return tuple(address for place in places if (address := _address(place.strip())))
    return ()


def _address(place: str) -> str:
    """The address of a `mailto:` URI; '' for another scheme, or for what is no address."""
    scheme, _, rest = place.partition(":")
    if scheme.lower() != "mailto":
        return ""
    try:
        # what stands behind the question mark are header fields of the owner's choice (RFC 6068 section 2)
        return parse_address(unquote(rest.partition("?")[0])).email
    except AddressError:
        return ""
