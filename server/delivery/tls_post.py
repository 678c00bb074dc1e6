"""A TLS report handed over by HTTPS (RFC 8460 section 5.4)."""

from dns.exception import DNSException
from httpx2 import HTTPError

from server.delivery.https import Endpoint, Https
from server.delivery.outcome import Deferred, Sent
from server.delivery.reply import printable

HEADERS = {"Content-Type": "application/tlsrpt+gzip"}


async def post(https: Https, where: Endpoint, packed: bytes) -> Sent | Deferred:
    """One try. What the server says besides the status is not read; a redirect is no success."""
    try:
        async with https.ask("POST", where, HEADERS, packed) as response:
            code, words = response.status_code, f"HTTP status {response.status_code}"
    except (HTTPError, DNSException, OSError) as error:
        # it may have arrived all the same: it has the same id when it comes again
        return Deferred(0, "", printable(str(error) or type(error).__name__), where.host, "ConnectionProblem")
    if 200 <= code < 300:
        return Sent(code, "", words, where.host)
    return Deferred(code, "", words, where.host, "Unknown")
